// SPDX-License-Identifier: Apache-2.0

package exporter

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"
	dto "github.com/prometheus/client_model/go"

	"github.com/modeltap/modeltap/observer/event"
)

// constHistogram makes a metric of h: classic buckets and, when native, the
// exponential ones beside them, as client_golang's own histograms have both.
func constHistogram(desc *prometheus.Desc, h *event.Histogram, native bool, now time.Time, labels ...string) prometheus.Metric {
	buckets := make(map[float64]uint64, len(event.GapBuckets))
	var n uint64
	for i, bound := range event.GapBuckets {
		n += h.Counts[i]
		buckets[bound] = n
	}
	n += h.Counts[len(event.GapBuckets)]
	classic, err := prometheus.NewConstHistogram(desc, n, h.Sum, buckets, labels...)
	if err != nil {
		return prometheus.NewInvalidMetric(desc, err)
	}
	if !native {
		return classic
	}
	exp, err := prometheus.NewConstNativeHistogram(desc, n, h.Sum, h.Native, nil, h.Zero,
		event.NativeSchema, prometheus.DefNativeHistogramZeroThreshold, now, labels...)
	if err != nil {
		return prometheus.NewInvalidMetric(desc, err)
	}
	return bothHistogram{classic, exp}
}

type bothHistogram struct {
	prometheus.Metric
	native prometheus.Metric
}

func (b bothHistogram) Write(out *dto.Metric) error {
	var exp dto.Metric
	if err := b.native.Write(&exp); err != nil {
		return err
	}
	if err := b.Metric.Write(out); err != nil {
		return err
	}
	h, n := out.Histogram, exp.Histogram
	h.Schema, h.ZeroThreshold, h.ZeroCount = n.Schema, n.ZeroThreshold, n.ZeroCount
	h.PositiveSpan, h.PositiveDelta = n.PositiveSpan, n.PositiveDelta
	return nil
}

func addHistogram(to, h *event.Histogram) {
	for i := range to.Counts {
		to.Counts[i] += h.Counts[i]
	}
	to.Sum += h.Sum
	to.Zero += h.Zero
	if len(h.Native) == 0 {
		return
	}
	sum := make(map[int]int64, len(to.Native)+len(h.Native))
	for _, m := range []map[int]int64{to.Native, h.Native} {
		for i, n := range m {
			sum[i] += n
		}
	}
	to.Native = sum
}
