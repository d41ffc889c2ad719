// SPDX-License-Identifier: Apache-2.0

package top

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/modeltap/modeltap/cmd/modeltap/top/client"
	"github.com/modeltap/modeltap/cmd/modeltap/top/figures"
)

func unix(seconds float64) time.Time {
	whole, part := math.Modf(seconds)
	return time.Unix(int64(whole), int64(part*1e9))
}

// serverDetail tells everything of the selected row.
func (m model) serverDetail(room int) []string {
	g := m.glyphs
	i := slices.IndexFunc(m.shown.Rows, func(r figures.Row) bool { return r.Key == m.selected })
	if i < 0 {
		return []string{"", "  " + g.Plain(m.selected.Server) + " is gone: esc goes back"}
	}
	r := &m.shown.Rows[i]
	lines := []string{m.styles.head.Render(g.Plain(nameOf(r))) + "  " + g.Plain(r.Model) + "  " + m.styles.dim.Render(g.Plain(strings.Join(r.APIs, " ")))}
	if about := m.about(&r.Process); about != "" {
		lines = append(lines, about)
	}
	stalled := ""
	if r.Stalled > 0 {
		stalled = " " + m.styles.bad.Render("("+g.Number(r.Stalled)+" stalled!)")
	}
	lines = append(lines,
		fmt.Sprintf("in flight  %s receiving  %s waiting for the first token  %s streaming%s", g.Number(r.Receiving), g.Number(r.Waiting), g.Number(r.Streaming), stalled),
		fmt.Sprintf("out tok/s  %s %s", g.Pad(g.Number(r.TokensPerSecond), 6, true), m.styles.good.Render(g.Sparkline(m.past.trends[r.Key], min(max(m.width-20, 0), 100)))),
		"", m.styles.head.Render(fmt.Sprintf("%-26s %8s %8s %8s %8s %8s %7s", "", "mean", "p50", "p90", "p95", "p99", "n")))
	for _, h := range []struct {
		name string
		of   figures.Histogram
	}{
		{"socket wait", r.SocketWait}, {"time to first token", r.TTFT}, {"inter-token latency", r.ITL},
		{"time per output token", r.TPOT}, {"request duration", r.Duration},
	} {
		lines = append(lines, fmt.Sprintf("%-26s %s %s %s %s %s %s", h.name, g.Pad(g.Seconds(h.of.Mean()), 8, true),
			g.Pad(latency(g, h.of, .5), 8, true), g.Pad(latency(g, h.of, .9), 8, true), g.Pad(latency(g, h.of, .95), 8, true),
			g.Pad(latency(g, h.of, .99), 8, true), g.Pad(g.Number(h.of.Count()), 7, true)))
	}
	lines = append(lines, "")
	for _, c := range []struct {
		title  string
		counts []figures.Count
	}{{"outcomes", r.Outcomes}, {"tokens", r.Tokens}, {"finished by", r.Finish}} {
		if len(c.counts) == 0 {
			continue
		}
		var parts []string
		for _, x := range c.counts {
			parts = append(parts, fmt.Sprintf("%s %s (%s/s)", g.Plain(x.Name), g.Number(x.Total), g.Fixed(x.Rate)))
		}
		for i, l := range wrap(strings.Join(parts, ",  "), max(m.width-13, 10)) {
			title := ""
			if i == 0 {
				title = c.title
			}
			lines = append(lines, fmt.Sprintf("%-12s %s", title, l))
		}
	}
	if left := room - len(lines) - 1; left >= 3 {
		var of []client.Request
		for _, q := range m.requests {
			if q.Server == r.Server && (q.Model == r.Model || r.Model == "") {
				of = append(of, q)
			}
		}
		if recent := m.requestLines(of, left, -1); recent != nil {
			lines = append(append(lines, ""), recent...)
		}
	}
	return lines
}

// about says in a line what is known of a server's processes.
func (m model) about(p *figures.Process) string {
	g := m.glyphs
	var parts []string
	for _, name := range []string{"namespace", "pod", "container", "unit", "comm", "pid", "port"} {
		if v := p.Info[name]; v != "" {
			parts = append(parts, name+" "+g.Plain(v))
		}
	}
	for _, x := range []struct {
		name, value string
		of          float64
	}{
		{"processes", g.Number(p.Processes), p.Processes}, {"cpu", g.Percent(p.CPU), p.CPU},
		{"memory", g.Bytes(p.Resident), p.Resident}, {"GPU memory", g.Bytes(p.VRAM), p.VRAM},
	} {
		if !math.IsNaN(x.of) {
			parts = append(parts, x.name+" "+x.value)
		}
	}
	return strings.Join(parts, "  ")
}
