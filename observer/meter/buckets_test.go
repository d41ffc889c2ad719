// SPDX-License-Identifier: Apache-2.0

package meter

import (
	"math"
	"math/rand/v2"
	"testing"

	"github.com/prometheus/client_golang/prometheus"
	dto "github.com/prometheus/client_model/go"

	"github.com/modeltap/modeltap/observer/event"
)

// TestObserveConserves: n observations count n times whatever their share, and
// the sum is the time that passed, to the ns.
func TestObserveConserves(t *testing.T) {
	rnd := rand.New(rand.NewPCG(1, 1))
	h := Histogram{native: new([nativeCount]uint64)}
	var counts [len(event.GapBuckets) + 1]uint64 // per classic bucket
	var n uint64
	var sum int64
	for range 20000 {
		total, k := int64(math.Exp(rnd.Float64()*30)), 1+rnd.IntN(40)
		h.Observe(total, k)
		at := len(event.GapBuckets)
		for i := len(event.GapBuckets) - 1; i >= 0; i-- {
			if total/int64(k) <= int64(math.Round(event.GapBuckets[i]*1e9)) {
				at = i
			}
		}
		counts[at] += uint64(k)
		n += uint64(k)
		sum += total
	}
	if h.counts != counts {
		t.Errorf("counts %v, want %v", h.counts, counts)
	}
	if got := h.Snapshot(); h.sum != sum || got.Sum != float64(sum)/1e9 {
		t.Errorf("sum %v, want %d ns", got.Sum, sum)
	}
	got := h.zero
	for _, k := range h.native {
		got += k
	}
	if got != n {
		t.Errorf("%d observations in native buckets, want %d", got, n)
	}
}

// TestNativeBounds looks at each bucket's bounds and their neighbours, where a
// rounding error would put an observation next door.
func TestNativeBounds(t *testing.T) {
	for exp := -20; exp <= 12; exp++ {
		for i := range 1 << event.NativeSchema {
			bound := math.Exp2(float64(exp)+float64(i)/8) * 1e9
			for _, ns := range []int64{int64(bound) - 1, int64(bound), int64(bound) + 1} {
				if ns <= 0 {
					continue
				}
				ref := prometheus.NewHistogram(prometheus.HistogramOpts{
					Name: "x", Help: "x", NativeHistogramBucketFactor: 1.1, NativeHistogramZeroThreshold: prometheus.NativeHistogramZeroThresholdZero,
				})
				ref.Observe(float64(ns) / 1e9)
				var want dto.Metric
				if err := ref.Write(&want); err != nil {
					t.Fatal(err)
				}
				if got, want := nativeIndex(ns), int(want.Histogram.PositiveSpan[0].GetOffset()); got != want {
					t.Errorf("%d ns is in bucket %d, want %d", ns, got, want)
				}
			}
		}
	}
}

// TestNativeEnds: what is shorter or longer than the buckets reach is not lost.
func TestNativeEnds(t *testing.T) {
	for ns, want := range map[int64]int{
		1: nativeMin, 900: nativeMin, 5000e9: nativeMax, math.MaxInt64: nativeMax, 4096e9: nativeMax,
	} {
		h := Histogram{native: new([nativeCount]uint64)}
		h.Observe(ns, 1)
		if got := h.Snapshot().Native; len(got) != 1 || got[want] != 1 {
			t.Errorf("%d ns is in %v, want bucket %d", ns, got, want)
		}
	}
}

// TestSnapshotIsACopy: what a scrape holds does not change beneath it.
func TestSnapshotIsACopy(t *testing.T) {
	h := Histogram{native: new([nativeCount]uint64)}
	h.Observe(second, 1)
	before := h.Snapshot()
	h.Observe(5*second, 5)
	if before.Counts[len(before.Counts)-1] != 0 || before.Native[0] != 1 || before.Sum != 1 {
		t.Errorf("%+v", before)
	}
	if after := h.Snapshot(); after.Native[0] != 6 || after.Sum != 6 {
		t.Errorf("%+v", after)
	}
	if s := new(Histogram).Snapshot(); s.Native != nil {
		t.Errorf("native buckets %v that nobody asked for", s.Native)
	}
}
