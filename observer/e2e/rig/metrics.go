// SPDX-License-Identifier: Apache-2.0

package rig

import (
	"io"

	dto "github.com/prometheus/client_model/go"
	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"
)

// Metrics is one scrape, by metric name.
type Metrics map[string]*dto.MetricFamily

// ParseMetrics reads the text format.
func ParseMetrics(r io.Reader) (Metrics, error) {
	p := expfmt.NewTextParser(model.UTF8Validation)
	m, err := p.TextToMetricFamilies(r)
	return m, err
}

// Value adds up the counters or gauges called name that carry the labels,
// given as name, value, name, value.
func (m Metrics) Value(name string, labels ...string) float64 {
	var sum float64
	m.each(name, labels, func(x *dto.Metric) {
		sum += x.GetCounter().GetValue() + x.GetGauge().GetValue() + x.GetUntyped().GetValue()
	})
	return sum
}

// Histogram adds up the histograms called name that carry the labels.
func (m Metrics) Histogram(name string, labels ...string) (count uint64, sum float64) {
	m.each(name, labels, func(x *dto.Metric) {
		count += x.GetHistogram().GetSampleCount()
		sum += x.GetHistogram().GetSampleSum()
	})
	return count, sum
}

// Has says whether a series called name carries the labels.
func (m Metrics) Has(name string, labels ...string) bool {
	found := false
	m.each(name, labels, func(*dto.Metric) { found = true })
	return found
}

func (m Metrics) each(name string, labels []string, f func(*dto.Metric)) {
	for _, x := range m[name].GetMetric() {
		if matches(x, labels) {
			f(x)
		}
	}
}

func matches(x *dto.Metric, labels []string) bool {
	for i := 0; i+1 < len(labels); i += 2 {
		ok := false
		for _, l := range x.GetLabel() {
			ok = ok || l.GetName() == labels[i] && l.GetValue() == labels[i+1]
		}
		if !ok {
			return false
		}
	}
	return true
}
