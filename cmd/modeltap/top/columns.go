// SPDX-License-Identifier: Apache-2.0

package top

import (
	"cmp"
	"math"
	"slices"
	"strings"

	"github.com/modeltap/modeltap/cmd/modeltap/top/figures"
	"github.com/modeltap/modeltap/cmd/modeltap/top/paint"
)

// blocked is the socket wait, at the 95th percentile, above which a server's
// event loop does not get to its requests (as the alert ModelEventLoopBlocked).
const blocked = .25

// rowColumn is a column of the servers: how it is placed, what it shows and
// sorts by.
type rowColumn struct {
	paint.Column
	text func(paint.Glyphs, *figures.Row) string
	bad  func(*figures.Row) bool // marked and red
	by   func(*figures.Row) float64
}

func quantile(of func(*figures.Row) *figures.Histogram, q float64) (text func(paint.Glyphs, *figures.Row) string, by func(*figures.Row) float64) {
	return func(g paint.Glyphs, r *figures.Row) string { return latency(g, *of(r), q) },
		func(r *figures.Row) float64 { return of(r).Quantile(q) }
}

// latency writes a quantile as its bucket tells it: with > where it lies beyond
// the highest bound, with < and that bound where it lies below the lowest.
func latency(g paint.Glyphs, h figures.Histogram, q float64) string {
	switch {
	case h.Beyond(q):
		return ">" + g.Seconds(h.Quantile(q))
	case h.Within(q):
		return "<" + g.Seconds(h.Bounds[0])
	}
	return g.Seconds(h.Quantile(q))
}

func ttftOf(r *figures.Row) *figures.Histogram { return &r.TTFT }
func itlOf(r *figures.Row) *figures.Histogram  { return &r.ITL }
func waitOf(r *figures.Row) *figures.Histogram { return &r.SocketWait }

// rowColumns are the columns of the servers; TREND, which needs history, is
// drawn by the view.
var rowColumns = func() []rowColumn {
	number := func(title string, width, drop int) rowColumn {
		return rowColumn{Column: paint.Column{Title: title, Min: width, Width: width, Right: true, Drop: drop}}
	}
	percentile := func(title string, drop int, of func(*figures.Row) *figures.Histogram, q float64) rowColumn {
		c := number(title, 7, drop)
		c.text, c.by = quantile(of, q)
		return c
	}
	value := func(c rowColumn, by func(*figures.Row) float64, write func(paint.Glyphs, float64) string) rowColumn {
		c.by = by
		c.text = func(g paint.Glyphs, r *figures.Row) string { return write(g, by(r)) }
		return c
	}
	server := rowColumn{Column: paint.Column{Title: "SERVER", Min: 14, Width: 32, KeepEnd: true, Grow: true}}
	server.text = func(g paint.Glyphs, r *figures.Row) string { return g.Plain(nameOf(r)) }
	model := rowColumn{Column: paint.Column{Title: "MODEL", Min: 12, Width: 28}}
	model.text = func(g paint.Glyphs, r *figures.Row) string { return cmp.Or(g.Plain(r.Model), g.None) }
	errors := value(number("ERR/s", 6, 1), func(r *figures.Row) float64 { return r.Errors }, paint.Glyphs.Fixed)
	errors.bad = func(r *figures.Row) bool { return r.Errors > 0 }
	wait := percentile("SOCKW95", 4, waitOf, .95)
	wait.bad = func(r *figures.Row) bool { return r.SocketWait.Quantile(.95) > blocked }
	streaming := value(number("STRM", 5, 0), func(r *figures.Row) float64 { return r.Streaming }, paint.Glyphs.Number)
	streaming.bad = func(r *figures.Row) bool { return r.Stalled > 0 }
	return []rowColumn{
		server, model,
		value(number("REQ/s", 6, 0), func(r *figures.Row) float64 { return r.Requests }, paint.Glyphs.Fixed),
		errors,
		percentile("TTFT50", 2, ttftOf, .5), percentile("TTFT95", 0, ttftOf, .95),
		percentile("ITL50", 3, itlOf, .5), percentile("ITL95", 0, itlOf, .95),
		wait,
		value(number("WAIT", 4, 0), func(r *figures.Row) float64 { return r.Waiting }, paint.Glyphs.Number),
		streaming,
		value(number("TOK/s", 6, 0), func(r *figures.Row) float64 { return r.TokensPerSecond }, paint.Glyphs.Number),
		{Column: paint.Column{Title: trend, Min: 8, Width: 12, Drop: 5}},
	}
}()

const trend = "TREND"

// nameOf is the server, behind its instance where there is one.
func nameOf(r *figures.Row) string {
	if r.Instance == "" {
		return r.Server
	}
	return r.Instance + " " + r.Server
}

// order is a way to sort the servers.
type order struct {
	title string
	less  func(a, b *figures.Row) int // as the order is when not reversed
	names bool                        // begins with the lowest
}

// orders are what s goes through, in the order of the columns; the first is
// where it begins.
var orders = func() []order {
	byName := func(of func(*figures.Row) string) func(a, b *figures.Row) int {
		return func(a, b *figures.Row) int { return strings.Compare(of(a), of(b)) }
	}
	all := []order{{"server", byName(nameOf), true}, {"model", byName(func(r *figures.Row) string { return r.Model }), true}}
	for _, c := range rowColumns {
		if c.by != nil {
			all = append(all, order{strings.ToLower(c.Title), func(a, b *figures.Row) int { return largestFirst(c.by(a), c.by(b)) }, false})
		}
	}
	i := slices.IndexFunc(all, func(o order) bool { return o.title == "tok/s" })
	return append(slices.Clone(all[i:]), all[:i]...)
}()

func largestFirst(a, b float64) int { return cmp.Compare(b, a) }

func (m model) nextOrder(by int) int { return (m.order + by + len(orders)) % len(orders) }

// ascending reports whether the lowest is at the top.
func (m model) ascending() bool { return orders[m.order].names != m.reversed }

// rows returns the rows that the filter lets through, sorted; what is unknown
// comes last either way.
func (m model) rows() []*figures.Row {
	var rows []*figures.Row
	for i := range m.shown.Rows {
		if r := &m.shown.Rows[i]; m.fits(nameOf(r), r.Model) {
			rows = append(rows, r)
		}
	}
	o := orders[m.order]
	by := func(*figures.Row) float64 { return 0 }
	for _, c := range rowColumns {
		if c.by != nil && strings.ToLower(c.Title) == o.title {
			by = c.by
		}
	}
	slices.SortStableFunc(rows, func(a, b *figures.Row) int {
		if an, bn := math.IsNaN(by(a)), math.IsNaN(by(b)); an != bn {
			if an {
				return 1
			}
			return -1
		}
		if m.reversed {
			return o.less(b, a)
		}
		return o.less(a, b)
	})
	return rows
}
