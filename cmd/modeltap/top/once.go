// SPDX-License-Identifier: Apache-2.0

package top

import (
	"context"
	"fmt"
	"io"
	"math"
	"strings"
	"time"

	"github.com/modeltap/modeltap/cmd/modeltap/top/figures"
	"github.com/modeltap/modeltap/cmd/modeltap/top/paint"
)

// twice looks at the daemon two times, interval apart.
func twice(ctx context.Context, fetch fetcher, interval time.Duration) (*figures.Figures, sample, error) {
	first, err := fetch(ctx)
	if err != nil {
		return nil, sample{}, err
	}
	select {
	case <-ctx.Done():
		return nil, sample{}, context.Canceled
	case <-time.After(interval):
	}
	second, err := fetch(ctx)
	if err != nil {
		return nil, sample{}, err
	}
	return figures.Between(first.scrape, second.scrape), second, nil
}

// onceColumns are those of the plain table: no names with spaces, one value
// each, so that awk can take it apart.
var onceColumns = []struct {
	title string
	text  func(paint.Glyphs, *figures.Row) string
}{
	{"SERVER", func(g paint.Glyphs, r *figures.Row) string { return word(g, nameOf(r)) }},
	{"MODEL", func(g paint.Glyphs, r *figures.Row) string { return word(g, r.Model) }},
	{"REQ/s", func(g paint.Glyphs, r *figures.Row) string { return g.Fixed(r.Requests) }},
	{"ERR/s", func(g paint.Glyphs, r *figures.Row) string { return g.Fixed(r.Errors) }},
	{"TTFT50", func(g paint.Glyphs, r *figures.Row) string { return latency(g, r.TTFT, .5) }},
	{"TTFT95", func(g paint.Glyphs, r *figures.Row) string { return latency(g, r.TTFT, .95) }},
	{"ITL50", func(g paint.Glyphs, r *figures.Row) string { return latency(g, r.ITL, .5) }},
	{"ITL95", func(g paint.Glyphs, r *figures.Row) string { return latency(g, r.ITL, .95) }},
	{"SOCKW95", func(g paint.Glyphs, r *figures.Row) string { return latency(g, r.SocketWait, .95) }},
	{"RECV", func(g paint.Glyphs, r *figures.Row) string { return g.Number(r.Receiving) }},
	{"WAIT", func(g paint.Glyphs, r *figures.Row) string { return g.Number(r.Waiting) }},
	{"STRM", func(g paint.Glyphs, r *figures.Row) string { return g.Number(r.Streaming) }},
	{"STALL", func(g paint.Glyphs, r *figures.Row) string { return g.Number(r.Stalled) }},
	{"TOK/s", func(g paint.Glyphs, r *figures.Row) string { return g.Number(r.TokensPerSecond) }},
}

// word is a text without spaces, never empty.
func word(g paint.Glyphs, s string) string {
	if s = g.Plain(strings.ReplaceAll(s, " ", "_")); s == "" {
		return g.None
	}
	return s
}

// writeTable prints the servers, the GPUs if there are any, and what was lost.
func writeTable(w io.Writer, g paint.Glyphs, f *figures.Figures) error {
	var rows [][]string
	var titles []string
	for _, c := range onceColumns {
		titles = append(titles, c.title)
	}
	rows = append(rows, titles)
	for i := range f.Rows {
		var cells []string
		for _, c := range onceColumns {
			cells = append(cells, c.text(g, &f.Rows[i]))
		}
		rows = append(rows, cells)
	}
	var b strings.Builder
	aligned(&b, g, rows, 2)
	if len(f.Rows) == 0 {
		b.WriteString("no model server was seen yet\n")
	}
	if len(f.GPUs) > 0 {
		b.WriteString("\n")
		rows = [][]string{{"GPU", "NAME", "UTIL", "MEM", "USED", "TOTAL", "POWER", "LIMIT", "TEMP", "XID"}}
		for i := range f.GPUs {
			x := &f.GPUs[i]
			rows = append(rows, []string{
				word(g, strings.TrimSpace(x.Instance+" "+x.Index)), word(g, x.Name), g.Percent(x.Utilization), g.Percent(x.Memory()), g.Bytes(x.Used), g.Bytes(x.Total),
				g.Number(math.Round(x.Power)), g.Number(math.Round(x.PowerLimit)), g.Number(math.Round(x.Celsius)), g.Number(x.XIDs),
			})
		}
		aligned(&b, g, rows, 2)
	}
	fmt.Fprintf(&b, "\nover %.1fs, %s packets/s, %s lost, %s gaps\n", f.Over.Seconds(), g.Number(f.Self.Packets), g.Number(f.Self.Lost.Total), g.Number(f.Self.Gaps.Total))
	if f.Cut {
		b.WriteString("there is more than can be shown\n")
	}
	_, err := io.WriteString(w, b.String())
	return err
}

// aligned writes rows with two spaces between columns; the first left columns
// are names, the rest numbers.
func aligned(b *strings.Builder, g paint.Glyphs, rows [][]string, left int) {
	widths := make([]int, len(rows[0]))
	for _, r := range rows {
		for i, cell := range r {
			widths[i] = max(widths[i], paint.Width(cell))
		}
	}
	for _, r := range rows {
		var cells []string
		for i, cell := range r {
			cells = append(cells, g.Pad(cell, widths[i], i >= left))
		}
		b.WriteString(strings.TrimRight(strings.Join(cells, "  "), " ") + "\n")
	}
}
