// SPDX-License-Identifier: Apache-2.0

package exporter

import (
	"context"
	"maps"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	dto "github.com/prometheus/client_model/go"

	"github.com/modeltap/modeltap/observer/event"
)

// rig is an Exporter with a state and a clock that the test sets.
type rig struct {
	*Exporter
	t        testing.TB
	registry *prometheus.Registry
	state    event.Snapshot
	now      time.Time
}

func newRig(t testing.TB, change ...func(*Options)) *rig {
	t.Helper()
	r := &rig{t: t, registry: prometheus.NewRegistry(), now: time.Unix(1_700_000_000, 0)}
	o := Options{
		Registry: r.registry,
		Snapshot: func(context.Context) (event.Snapshot, error) { return r.state, nil },
		Now:      func() time.Time { return r.now },
		Wall:     func(ns int64) time.Time { return time.Unix(0, ns) },
		Version:  "1.2.3", Revision: "abc",
	}
	for _, f := range change {
		f(&o)
	}
	r.Exporter = New(o)
	return r
}

func native(o *Options) { o.Native = true }

type families map[string]*dto.MetricFamily

func (r *rig) scrape() families {
	r.t.Helper()
	list, err := r.registry.Gather()
	if err != nil {
		r.t.Fatal(err)
	}
	out := make(families)
	for _, f := range list {
		out[f.GetName()] = f
	}
	return out
}

// find returns the metric whose labels include l, nil when there is none, and
// fails when there are several.
func (f families) find(t testing.TB, name string, l prometheus.Labels) *dto.Metric {
	t.Helper()
	var found *dto.Metric
	for _, m := range f[name].GetMetric() {
		if have := labelsOf(m); includes(have, l) {
			if found != nil {
				t.Fatalf("%s%v: several series", name, l)
			}
			found = m
		}
	}
	return found
}

// value returns a counter's or gauge's value, a histogram's count, and -1 when
// there is no such series.
func (f families) value(t testing.TB, name string, l prometheus.Labels) float64 {
	t.Helper()
	m := f.find(t, name, l)
	switch {
	case m == nil:
		return -1
	case m.Counter != nil:
		return m.Counter.GetValue()
	case m.Gauge != nil:
		return m.Gauge.GetValue()
	}
	return float64(m.Histogram.GetSampleCount())
}

func labelsOf(m *dto.Metric) prometheus.Labels {
	out := make(prometheus.Labels)
	for _, p := range m.GetLabel() {
		out[p.GetName()] = p.GetValue()
	}
	return out
}

func includes(have, want prometheus.Labels) bool {
	have = maps.Clone(have)
	for k, v := range want {
		if have[k] != v {
			return false
		}
	}
	return true
}

const ms = int64(time.Millisecond)

// streamed is a whole streamed answer: TTFT 250 ms, 11 output tokens in 500 ms.
func streamed() event.Exchange {
	x := event.Exchange{
		Server: "vllm:8000", API: "openai_chat", Model: "llama",
		Start: 1000 * ms, Complete: 1010 * ms, Headers: 1100 * ms, FirstChunk: 1150 * ms,
		FirstToken: 1250 * ms, LastToken: 1750 * ms, End: 1800 * ms,
		Status: 200, Stream: true, Outcome: event.OK,
		RequestBytes: 300, ResponseBytes: 5000, SocketWait: 3 * ms,
	}
	x.Tokens[event.Input] = event.Count{N: 70, Source: event.Usage, Known: true}
	x.Tokens[event.Output] = event.Count{N: 11, Source: event.Usage, Known: true}
	x.Finish[event.FinishStop] = 1
	return x
}
