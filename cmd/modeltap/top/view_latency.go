// SPDX-License-Identifier: Apache-2.0

package top

import (
	"fmt"
	"slices"
	"strings"

	"github.com/modeltap/modeltap/cmd/modeltap/top/figures"
)

// latencyView is two heat maps, one above the other: a column for each look, a
// row for each range of time, of the servers that the filter lets through.
func (m model) latencyView(room int) []string {
	half := room / 2
	lines := m.heat("TIME TO FIRST TOKEN", ttft, half)
	return append(lines, m.heat("INTER-TOKEN LATENCY", itl, room-half)...)
}

// labelWidth holds the upper bound of a row.
const labelWidth = 9

func (m model) heat(title string, metric, room int) []string {
	g := m.glyphs
	want := func(k figures.Key) bool { return m.fits(nameOf(&figures.Row{Key: k}), k.Model) }
	wide := max(m.width-labelWidth, 1)
	bounds, columns := m.past.heatMap(metric, wide, want)
	var now figures.Histogram
	for _, r := range m.rows() {
		now = now.Plus([]figures.Histogram{r.TTFT, r.ITL}[metric])
	}
	head := m.styles.head.Render(title) + fmt.Sprintf("  p50 %s  p95 %s  p99 %s  n %s  ", latency(g, now, .5), latency(g, now, .95), latency(g, now, .99), g.Number(now.Count())) +
		m.styles.dim.Render(fmt.Sprintf("%v a column", m.interval))
	lines := []string{head}
	rows := heatRows(columns, max(room-2, 1))
	if len(rows) == 0 {
		return append(lines, "", "  nothing was observed yet")
	}
	most := 0.0
	for _, r := range rows {
		most = max(most, slices.Max(r.values))
	}
	for _, r := range slices.Backward(rows) {
		label := ">" + g.Seconds(bounds[len(bounds)-1])
		if r.to < len(bounds) {
			label = g.Seconds(bounds[r.to])
		}
		lines = append(lines, g.Pad(label, labelWidth-1, true)+" "+strings.Repeat(" ", wide-len(r.values))+m.styles.prefill.Render(g.Heat(r.values, most)))
	}
	return append(lines, "")
}

// heatRow is some neighbouring buckets together.
type heatRow struct {
	to     int // the highest of them
	values []float64
}

// heatRows takes the buckets between the lowest and the highest in which
// something was observed, as many together as makes at most n rows.
func heatRows(columns [][]float64, n int) []heatRow {
	low, high := -1, -1
	for _, c := range columns {
		for b, v := range c {
			if v > 0 {
				high = max(high, b)
				if low < 0 || b < low {
					low = b
				}
			}
		}
	}
	if low < 0 {
		return nil
	}
	together := (high - low + n) / n
	var rows []heatRow
	for from := low; from <= high; from += together {
		r := heatRow{to: min(from+together-1, high), values: make([]float64, len(columns))}
		for i, c := range columns {
			for b := from; b <= r.to; b++ {
				r.values[i] += c[b]
			}
		}
		rows = append(rows, r)
	}
	return rows
}
