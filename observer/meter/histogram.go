// SPDX-License-Identifier: Apache-2.0

package meter

import (
	"math"

	"github.com/modeltap/modeltap/observer/event"
)

// bounds are event.GapBuckets in ns.
var bounds = func() (b [len(event.GapBuckets)]int64) {
	for i, s := range event.GapBuckets {
		b[i] = int64(math.Round(s * 1e9))
	}
	return b
}()

// Native buckets cover 2^-20 s (about 1 µs) to 2^12 s; what lies outside counts
// in the nearest one.
const (
	nativeMin   = -20 << event.NativeSchema
	nativeMax   = 12 << event.NativeSchema
	nativeCount = nativeMax - nativeMin + 1
)

// nativeBounds are the lower bounds of the eight native buckets of an octave
// [1, 2): 2^(i/8). A bucket excludes its lower bound and includes its upper one
// (Prometheus native histograms, exponential schema 3).
var nativeBounds = func() (b [1 << event.NativeSchema]float64) {
	for i := range b {
		b[i] = math.Exp2(float64(i) / float64(len(b)))
	}
	return b
}()

// Histogram counts latencies in ns. The zero value is ready for classic buckets.
type Histogram struct {
	counts [len(event.GapBuckets) + 1]uint64
	sum    int64
	zero   uint64
	native *[nativeCount]uint64
}

// Observe counts n observations that together lasted total ns.
func (h *Histogram) Observe(total int64, n int) {
	if n <= 0 {
		return
	}
	total = max(total, 0)
	h.sum += total
	h.add(total, n, uint64(n))
}

// Regroup makes the last was observations, which together lasted total ns, n of
// the same time. Whoever has been shown them must not call it: a count that was
// seen never goes down.
func (h *Histogram) Regroup(total int64, was, n int) {
	h.add(total, was, -uint64(was))
	h.add(total, n, uint64(n))
}

// add adds count to the bucket of the nth part of total.
func (h *Histogram) add(total int64, n int, count uint64) {
	each := total
	if n > 1 {
		each = total / int64(n)
	}
	i := 0
	for i < len(bounds) && each > bounds[i] {
		i++
	}
	h.counts[i] += count
	if h.native != nil {
		h.observeNative(each, count)
	}
}

func (h *Histogram) observeNative(ns int64, n uint64) {
	if ns == 0 {
		h.zero += n
		return
	}
	i := min(max(nativeIndex(ns), nativeMin), nativeMax)
	h.native[i-nativeMin] += n
}

// nativeIndex returns the index i of the bucket (2^((i-1)/8), 2^(i/8)] s that
// holds ns.
func nativeIndex(ns int64) int {
	frac, exp := math.Frexp(float64(ns) / 1e9) // frac in [0.5, 1)
	m := frac * 2
	i := 0
	for i < len(nativeBounds) && m > nativeBounds[i] {
		i++
	}
	return (exp-1)<<event.NativeSchema + i
}

// Snapshot returns the histogram as it is now.
func (h *Histogram) Snapshot() event.Histogram {
	s := event.Histogram{Counts: h.counts, Sum: float64(h.sum) / 1e9, Zero: h.zero}
	if h.native == nil {
		return s
	}
	s.Native = make(map[int]int64)
	for i, n := range h.native {
		if n > 0 {
			s.Native[i+nativeMin] = int64(n)
		}
	}
	return s
}
