// SPDX-License-Identifier: Apache-2.0

package meter

import (
	"math"
	"math/rand/v2"
	"reflect"
	"testing"

	"github.com/prometheus/client_golang/prometheus"
	dto "github.com/prometheus/client_model/go"

	"github.com/modeltap/modeltap/observer/event"
)

// TestHistogramAgainstPrometheus holds the arrays against client_golang's own
// histograms, classic and native, over latencies of every magnitude.
func TestHistogramAgainstPrometheus(t *testing.T) {
	ref := prometheus.NewHistogram(prometheus.HistogramOpts{
		Name: "x", Help: "x", Buckets: event.GapBuckets[:], NativeHistogramBucketFactor: 1.1,
	})
	h := Histogram{native: new([nativeCount]uint64)}
	r := rand.New(rand.NewPCG(1, 2))
	observe := func(ns int64) {
		h.Observe(ns, 1)
		ref.Observe(float64(ns) / 1e9)
	}
	for range 20000 {
		observe(int64(math.Pow(10, 3+r.Float64()*9))) // 1 µs to 1000 s
	}
	for _, s := range event.GapBuckets {
		observe(int64(math.Round(s * 1e9))) // a bound belongs to its bucket
	}
	observe(0)
	var want dto.Metric
	if err := ref.Write(&want); err != nil {
		t.Fatal(err)
	}
	got := h.Snapshot()
	var sum uint64
	for i, b := range want.Histogram.Bucket {
		sum += got.Counts[i]
		if sum != b.GetCumulativeCount() {
			t.Errorf("bucket le=%v: %d, want %d", b.GetUpperBound(), sum, b.GetCumulativeCount())
		}
	}
	if w := want.Histogram.GetSampleSum(); math.Abs(got.Sum-w) > 1e-6*w {
		t.Errorf("sum %v, want %v", got.Sum, w)
	}
	if want.Histogram.GetSchema() != event.NativeSchema {
		t.Fatalf("client_golang uses schema %d for this factor, not %d", want.Histogram.GetSchema(), event.NativeSchema)
	}
	if got.Zero != want.Histogram.GetZeroCount() {
		t.Errorf("zero bucket %d, want %d", got.Zero, want.Histogram.GetZeroCount())
	}
	compareNative(t, got.Native, want.Histogram)
}

func compareNative(t *testing.T, got map[int]int64, want *dto.Histogram) {
	t.Helper()
	ref := map[int]int64{}
	index, count, d := 0, int64(0), 0
	for _, span := range want.PositiveSpan {
		index += int(span.GetOffset())
		for range span.GetLength() {
			count += want.PositiveDelta[d]
			d++
			if count > 0 {
				ref[index] = count
			}
			index++
		}
	}
	for i, n := range ref {
		if got[i] != n {
			t.Errorf("native bucket %d: %d, want %d", i, got[i], n)
		}
	}
	if len(got) != len(ref) {
		t.Errorf("%d native buckets, want %d", len(got), len(ref))
	}
}

func TestHistogramCountsOncePerToken(t *testing.T) {
	var h Histogram
	h.Observe(40e6, 4)
	h.Observe(-5, 1)
	h.Observe(7, 0)
	s := h.Snapshot()
	if s.Counts[5] != 4 { // 10 ms each
		t.Errorf("counts %v, want four in the bucket of 10 ms", s.Counts)
	}
	if s.Counts[0] != 1 || s.Sum != 0.04 {
		t.Errorf("first bucket %d, sum %v; want 1 and 0.04", s.Counts[0], s.Sum)
	}
}

// Regrouped observations are those that would have been made at once.
func TestRegroup(t *testing.T) {
	for _, native := range []bool{false, true} {
		for _, total := range []int64{0, 1, 40e6, 90e9} {
			var want, got Histogram
			if native {
				want.native, got.native = new([nativeCount]uint64), new([nativeCount]uint64)
			}
			for _, h := range []*Histogram{&want, &got} {
				h.Observe(20e6, 1)
			}
			want.Observe(total, 7)
			got.Observe(total, 1)
			got.Regroup(total, 1, 3)
			got.Regroup(total, 3, 7)
			if g, w := got.Snapshot(), want.Snapshot(); !reflect.DeepEqual(g, w) {
				t.Errorf("%d ns: %+v, want %+v", total, g, w)
			}
		}
	}
}

func TestObserveAllocatesNothing(t *testing.T) {
	h := Histogram{native: new([nativeCount]uint64)}
	if n := testing.AllocsPerRun(100, func() { h.Observe(12345678, 3) }); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

func BenchmarkObserve(b *testing.B) {
	var h Histogram
	b.ReportAllocs()
	for i := range b.N {
		h.Observe(int64(i%64)*1e6, 1)
	}
}
