// SPDX-License-Identifier: Apache-2.0

package figures

import (
	"math"
	"slices"
	"sort"
)

// Histogram is a classic histogram. The zero value is one that nothing is known
// of.
type Histogram struct {
	Bounds []float64 // upper bounds, finite and ascending
	Counts []float64 // cumulative, one for each bound and one for all
	Sum    float64
}

// Count returns the number of observations.
func (h Histogram) Count() float64 {
	if len(h.Counts) == 0 {
		return 0
	}
	return h.Counts[len(h.Counts)-1]
}

// Mean returns NaN for an empty histogram.
func (h Histogram) Mean() float64 {
	if h.Count() == 0 {
		return math.NaN()
	}
	return h.Sum / h.Count()
}

// Beyond reports whether the quantile q lies above the highest bound, so that
// Quantile tells no more than that.
func (h Histogram) Beyond(q float64) bool {
	n := len(h.Bounds)
	return n > 0 && h.Count() > 0 && slices.Max(h.Counts[:n]) < q*slices.Max(h.Counts)
}

// Within reports whether the quantile q lies in the lowest bucket, so that
// Quantile is no more than a guess below its bound.
func (h Histogram) Within(q float64) bool {
	return len(h.Bounds) > 0 && h.Count() > 0 && h.Bounds[0] > 0 && h.Counts[0] >= q*slices.Max(h.Counts)
}

// Quantile estimates as Prometheus' histogram_quantile does: linearly within a
// bucket, the lowest beginning at 0; the highest bound for what lies above it;
// NaN where nothing was observed.
func (h Histogram) Quantile(q float64) float64 {
	last := len(h.Bounds)
	if last == 0 || h.Count() == 0 || math.IsNaN(q) {
		return math.NaN()
	}
	counts := slices.Clone(h.Counts)
	for i := 1; i < len(counts); i++ { // buckets read at different moments
		counts[i] = max(counts[i], counts[i-1])
	}
	rank := q * counts[last]
	b := sort.Search(last, func(i int) bool { return counts[i] >= rank })
	switch {
	case b == last:
		return h.Bounds[last-1]
	case b == 0 && h.Bounds[0] <= 0:
		return h.Bounds[0]
	case b == 0:
		return h.Bounds[0] * (rank / counts[0])
	}
	start, inside := h.Bounds[b-1], counts[b]-counts[b-1]
	return start + (h.Bounds[b]-start)*((rank-counts[b-1])/inside)
}

// Less returns h without old, which is the same histogram earlier. It is not ok
// where that cannot be: a counter went down, or the buckets changed.
func (h Histogram) Less(old Histogram) (Histogram, bool) {
	if !slices.Equal(h.Bounds, old.Bounds) || len(h.Counts) != len(old.Counts) {
		return Histogram{}, false
	}
	d := Histogram{Bounds: h.Bounds, Counts: make([]float64, len(h.Counts)), Sum: h.Sum - old.Sum}
	for i := range d.Counts {
		if d.Counts[i] = h.Counts[i] - old.Counts[i]; d.Counts[i] < 0 {
			return Histogram{}, false
		}
	}
	return d, true
}

// Plus returns h and g together; h where the buckets differ.
func (h Histogram) Plus(g Histogram) Histogram {
	if len(h.Counts) == 0 {
		return g
	}
	if !slices.Equal(h.Bounds, g.Bounds) {
		return h
	}
	s := Histogram{Bounds: h.Bounds, Counts: slices.Clone(h.Counts), Sum: h.Sum + g.Sum}
	for i := range g.Counts {
		s.Counts[i] += g.Counts[i]
	}
	return s
}

// Buckets returns the observations of each bucket alone, one more than there
// are bounds.
func (h Histogram) Buckets() []float64 {
	alone := slices.Clone(h.Counts)
	for i := len(alone) - 1; i > 0; i-- {
		alone[i] = max(alone[i]-alone[i-1], 0)
	}
	return alone
}
