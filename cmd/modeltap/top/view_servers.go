// SPDX-License-Identifier: Apache-2.0

package top

import (
	"fmt"
	"math"
	"strings"

	"github.com/modeltap/modeltap/cmd/modeltap/top/figures"
	"github.com/modeltap/modeltap/cmd/modeltap/top/paint"
)

func (m model) serversView(room int) []string {
	lines := m.gpuSummary(room / 4)
	lines = append(lines, m.summary())
	rows := m.rows()
	placed := m.placed()
	lines = append(lines, m.rowHead(placed))
	space := max(room-len(lines), 0)
	from, to := window(m.cursor[viewServers], len(rows), space)
	for i := from; i < to; i++ {
		lines = append(lines, m.rowLine(rows[i], placed, i == m.cursor[viewServers]))
	}
	switch {
	case len(rows) == 0 && m.filter != "":
		lines = append(lines, "  nothing fits the filter: esc drops it")
	case len(rows) == 0:
		lines = append(lines, "  no model server was seen yet: one appears with its first request, or name its port with --target")
	}
	if m.shown.Cut {
		lines = append(lines, m.styles.warn.Render("! there is more than can be shown"))
	}
	if left := room - len(lines) - 1; left >= 3 {
		if recent := m.requestLines(m.listed(), left, -1); len(recent) > 1 {
			lines = append(lines, "")
			lines = append(lines, recent...)
		}
	}
	return lines
}

// window returns the lines from and to that show a cursor among n in space.
func window(cursor, n, space int) (from, to int) {
	from = max(min(cursor-space+1, n-space), 0)
	return from, min(from+space, n)
}

// summary is one line on all servers together.
func (m model) summary() string {
	f, g := m.shown, m.glyphs
	var receiving, waiting, streaming, stalled float64
	tokens, errors := math.NaN(), math.NaN()
	plus := func(sum *float64, v float64) {
		if !math.IsNaN(v) {
			if math.IsNaN(*sum) {
				*sum = 0
			}
			*sum += v
		}
	}
	for i := range f.Rows {
		r := &f.Rows[i]
		receiving, waiting, streaming, stalled = receiving+r.Receiving, waiting+r.Waiting, streaming+r.Streaming, stalled+r.Stalled
		plus(&tokens, r.TokensPerSecond)
		plus(&errors, r.Errors)
	}
	flight := fmt.Sprintf("%s recv %s wait %s strm", g.Number(receiving), g.Number(waiting), g.Number(streaming))
	if stalled > 0 {
		flight += " " + m.styles.bad.Render(g.Number(stalled)+" stalled!")
	}
	err := "err/s " + g.Fixed(errors)
	if errors > 0 {
		err = m.styles.bad.Render(err + "!")
	}
	lost := "lost " + g.Number(f.Self.Lost.Total)
	if f.Self.Lost.Total > 0 {
		lost = m.styles.bad.Render(lost + "!")
	}
	if m.width >= 100 {
		flight = "in flight " + flight
	}
	rest := "  " + flight + "  " + err + "  " + lost
	label := "out tok/s " + g.Pad(g.Number(tokens), 6, true) + " "
	spark := g.Sparkline(m.past.tokens(), min(max(m.width-paint.Width(label)-paint.Width(rest), 0), 60))
	return label + m.styles.good.Render(spark) + rest
}

func (m model) placed() []paint.Placed {
	columns := make([]paint.Column, len(rowColumns))
	for i, c := range rowColumns {
		columns[i] = c.Column
	}
	return paint.Layout(columns, m.width-2)
}

func (m model) rowHead(placed []paint.Placed) string {
	var cells []string
	for _, p := range placed {
		c := rowColumns[p.Index]
		title := c.Title
		if strings.EqualFold(title, orders[m.order].title) && paint.Width(title) < p.Width {
			arrow := m.glyphs.Descending
			if m.ascending() {
				arrow = m.glyphs.Ascending
			}
			title += arrow
		}
		cells = append(cells, m.glyphs.Cell(c.Column, title, p.Width))
	}
	return "  " + m.styles.head.Render(strings.Join(cells, " "))
}

func (m model) rowLine(r *figures.Row, placed []paint.Placed, chosen bool) string {
	var cells []string
	for _, p := range placed {
		c := rowColumns[p.Index]
		if c.Title == trend {
			cells = append(cells, m.glyphs.Sparkline(m.past.trends[r.Key], p.Width))
			continue
		}
		text := c.text(m.glyphs, r)
		bad := c.bad != nil && c.bad(r)
		if bad {
			text += "!"
		}
		text = m.glyphs.Cell(c.Column, text, p.Width)
		if bad {
			text = m.styles.bad.Render(text)
		}
		cells = append(cells, text)
	}
	line := strings.Join(cells, " ")
	if chosen {
		return m.glyphs.Cursor + " " + over(m.styles.chosen, line)
	}
	return "  " + line
}
