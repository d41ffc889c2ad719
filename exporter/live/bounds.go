// SPDX-License-Identifier: Apache-2.0

package live

import (
	"math"
	"sort"
	"strconv"

	"github.com/modeltap/modeltap/observer/event"
)

// timeBuckets is the number of buckets of durations: ten to a decade from 10 µs
// to 1000 s, and one for everything above. They are finer than those of the
// metrics, since nobody stores them for a year.
const timeBuckets = 82

// timeBounds are the upper bounds of all but the last bucket, in seconds,
// rounded to two digits (the R10 series).
var timeBounds = func() (b [timeBuckets - 1]float64) {
	for i := range b {
		b[i], _ = strconv.ParseFloat(strconv.FormatFloat(math.Pow(10, float64(i)/10-5), 'e', 1, 64), 64)
	}
	return b
}()

// histogram counts durations.
type histogram [timeBuckets]uint32

func (h *histogram) observe(ns int64) {
	s := float64(ns) / 1e9
	h[sort.SearchFloat64s(timeBounds[:], s)]++
}

// sparse is the buckets that hold something: index, count, index, count, …
type sparse []uint32

func pack[T uint32 | uint64](counts []T) sparse {
	var s sparse
	for i, n := range counts {
		if n != 0 {
			s = append(s, uint32(i), uint32(min(uint64(n), math.MaxUint32)))
		}
	}
	return s
}

// addTo adds the buckets to counts. Indices beyond it are left out.
func (s sparse) addTo(counts []uint64) {
	for i := 0; i+1 < len(s); i += 2 {
		if int(s[i]) < len(counts) {
			counts[s[i]] += uint64(s[i+1])
		}
	}
}

// quantile returns the q-quantile in seconds, interpolated inside its bucket as
// Prometheus does it, and -1 of nothing. What lies above the last bound is told
// as that bound.
func quantile(q float64, counts []uint64, bounds []float64) float64 {
	total := uint64(0)
	for _, n := range counts {
		total += n
	}
	if total == 0 {
		return -1
	}
	rank, below := q*float64(total), 0.0
	for i, n := range counts[:len(bounds)] {
		if below+float64(n) >= rank && n > 0 {
			low := 0.0
			if i > 0 {
				low = bounds[i-1]
			}
			return low + (bounds[i]-low)*max(rank-below, 0)/float64(n)
		}
		below += float64(n)
	}
	return bounds[len(bounds)-1]
}

var gapBounds = event.GapBuckets[:]

const gapBuckets = len(event.GapBuckets) + 1
