// SPDX-License-Identifier: Apache-2.0

package top

import (
	"math"
	"time"

	"github.com/modeltap/modeltap/cmd/modeltap/top/figures"
)

const (
	// Window is what rates and quantiles look back over, at least one interval.
	Window = 10 * time.Second
	// keepTicks bounds the history of trends and heat: a column each.
	keepTicks = 240
	// keepHeat bounds the buckets kept of a tick, all rows together.
	keepHeat = 4096
)

// history is what was seen so far.
type history struct {
	scrapes []*figures.Scrape // of the last Window and one before
	last    *figures.Scrape
	ticks   []tick
	trends  map[figures.Key][]float64 // output tokens a second
	bounds  [2][]float64              // of the buckets that ticks count in
}

// tick is what came between two scrapes.
type tick struct {
	tokens float64 // a second, all rows; NaN is unknown
	heat   []heat
}

// heat is a bucket in which something was observed.
type heat struct {
	key    figures.Key
	metric uint8 // ttft or itl
	bucket uint8
	n      float64
}

const (
	ttft = iota
	itl
)

// add takes a scrape and returns what it and an earlier one say.
func (h *history) add(s *figures.Scrape) *figures.Figures {
	if h.last != nil && (figures.Restarted(h.last, s) || !s.At.After(h.last.At)) {
		h.scrapes, h.last = nil, nil
	}
	h.remember(figures.Between(h.last, s))
	h.last = s
	// The newest that is a window old stays, with those after it; of many in a
	// short time a tenth of a window apart.
	for len(h.scrapes) > 1 && s.At.Sub(h.scrapes[1].At) >= Window {
		h.scrapes = h.scrapes[1:]
	}
	f := figures.Between(nil, s)
	if len(h.scrapes) > 0 {
		f = figures.Between(h.scrapes[0], s)
	}
	if n := len(h.scrapes); n == 0 || s.At.Sub(h.scrapes[n-1].At) >= Window/10*9/10 {
		h.scrapes = append(h.scrapes, s)
	}
	return f
}

func (h *history) remember(f *figures.Figures) {
	t := tick{tokens: math.NaN()}
	trends := make(map[figures.Key][]float64, len(f.Rows))
	for i := range f.Rows {
		r := &f.Rows[i]
		if v := r.TokensPerSecond; !math.IsNaN(v) {
			if math.IsNaN(t.tokens) {
				t.tokens = 0
			}
			t.tokens += v
		}
		trends[r.Key] = lastOf(append(h.trends[r.Key], r.TokensPerSecond))
		for m, d := range []figures.Histogram{ttft: r.TTFT, itl: r.ITL} {
			t.heat = h.heatOf(t.heat, r.Key, m, d)
		}
	}
	h.trends = trends // without the rows that are gone
	h.ticks = lastOf(append(h.ticks, t))
}

func (h *history) heatOf(to []heat, k figures.Key, metric int, d figures.Histogram) []heat {
	if len(d.Bounds) == 0 || len(d.Bounds) > math.MaxUint8-1 {
		return to
	}
	if len(h.bounds[metric]) != len(d.Bounds) { // the first, or a daemon with other buckets
		h.bounds[metric] = d.Bounds
		for i := range h.ticks {
			h.ticks[i].heat = nil
		}
	}
	for b, n := range d.Buckets() {
		if n > 0 && len(to) < keepHeat {
			to = append(to, heat{k, uint8(metric), uint8(b), n})
		}
	}
	return to
}

// lastOf keeps the latest of a history.
func lastOf[T any](all []T) []T {
	if len(all) > keepTicks {
		all = append(all[:0:0], all[len(all)-keepTicks:]...)
	}
	return all
}

// tokens returns the output tokens a second of the last ticks.
func (h *history) tokens() []float64 {
	out := make([]float64, len(h.ticks))
	for i := range h.ticks {
		out[i] = h.ticks[i].tokens
	}
	return out
}

// heatMap returns, for each of the last width ticks, the observations in each
// bucket of a metric, of the rows that are wanted.
func (h *history) heatMap(metric, width int, want func(figures.Key) bool) (bounds []float64, columns [][]float64) {
	bounds = h.bounds[metric]
	if bounds == nil {
		return nil, nil
	}
	for _, t := range h.ticks[max(len(h.ticks)-width, 0):] {
		column := make([]float64, len(bounds)+1)
		for _, x := range t.heat {
			if int(x.metric) == metric && int(x.bucket) < len(column) && want(x.key) {
				column[x.bucket] += x.n
			}
		}
		columns = append(columns, column)
	}
	return bounds, columns
}
