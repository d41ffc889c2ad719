// SPDX-License-Identifier: Apache-2.0

package exporter

import (
	"testing"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/modeltap/modeltap/observer/event"
)

func histogramOf(counts map[int]uint64, sum float64) (h event.Histogram) {
	for i, n := range counts {
		h.Counts[i] = n
	}
	h.Sum = sum
	return h
}

func TestSeriesBecomeMetrics(t *testing.T) {
	r := newRig(t)
	last := len(event.GapBuckets)
	r.state.Series = []event.Series{{
		Server: "s", API: "openai_chat", Model: "m",
		InterToken:      histogramOf(map[int]uint64{0: 2, 5: 3, last: 1}, 12.5),
		InterChunk:      histogramOf(map[int]uint64{5: 4}, .04),
		TokensPerSecond: 31.5, Receiving: 1, Waiting: 2, Streaming: 3, Stalled: 4, Calibration: 1.25,
	}}
	got := r.scrape()
	id := prometheus.Labels{"server": "s", "api": "openai_chat", "model": "m"}
	h := got.find(t, "model_inter_token_latency_seconds", id).Histogram
	if h.GetSampleCount() != 6 || h.GetSampleSum() != 12.5 {
		t.Errorf("inter-token: count %d, sum %v", h.GetSampleCount(), h.GetSampleSum())
	}
	for i, want := range map[int]uint64{0: 2, 4: 2, 5: 5, last - 1: 5} {
		if n := h.Bucket[i].GetCumulativeCount(); n != want {
			t.Errorf("bucket le=%v: %d, want %d", h.Bucket[i].GetUpperBound(), n, want)
		}
	}
	if n := got.value(t, "model_inter_chunk_latency_seconds", id); n != 4 {
		t.Errorf("inter-chunk: %v, want 4", n)
	}
	for state, want := range map[string]float64{"receiving": 1, "waiting": 2, "streaming": 3} {
		if n := got.value(t, "model_requests_in_flight", prometheus.Labels{"server": "s", "state": state}); n != want {
			t.Errorf("%s: %v, want %v", state, n, want)
		}
	}
	for name, want := range map[string]float64{"model_tokens_per_second": 31.5, "model_streams_stalled": 4} {
		if n := got.value(t, name, id); n != want {
			t.Errorf("%s: %v, want %v", name, n, want)
		}
	}
	if n := got.value(t, "modeltap_token_calibration_ratio", prometheus.Labels{"server": "s", "model": "m"}); n != 1.25 {
		t.Errorf("calibration: %v", n)
	}
}

// Beyond --max-servers several servers are called "other".
func TestSeriesOfOneNameAddUp(t *testing.T) {
	r := newRig(t, native)
	one := event.Series{
		Server: "other", API: "openai_chat", Model: "m", InterToken: histogramOf(map[int]uint64{3: 2}, .01),
		TokensPerSecond: 10, Receiving: 1, Waiting: 1, Streaming: 1, Stalled: 1, Calibration: 1.5,
	}
	one.InterToken.Native = map[int]int64{-60: 1}
	one.InterToken.Zero = 1
	two := one
	two.Calibration = 2
	two.InterToken.Native = map[int]int64{-60: 1, -59: 1}
	two.InterToken.Counts[3] = 3
	completions := one
	completions.API, completions.Model, completions.Calibration = "openai_completions", "n", 3
	again := completions
	again.API = "openai_chat" // the same server and model through another API
	r.state.Series = []event.Series{one, two, completions, again}
	got := r.scrape()
	id := prometheus.Labels{"model": "m"}
	for name, want := range map[string]float64{
		"model_tokens_per_second": 20, "model_streams_stalled": 2, "model_inter_token_latency_seconds": 5,
		"modeltap_token_calibration_ratio": -1,
	} {
		if n := got.value(t, name, id); n != want {
			t.Errorf("%s: %v, want %v", name, n, want)
		}
	}
	if n := got.value(t, "modeltap_token_calibration_ratio", prometheus.Labels{"model": "n"}); n != 3 {
		t.Errorf("calibration of one server and model: %v, want 3", n)
	}
	if len(one.InterToken.Native) != 1 {
		t.Error("the Snapshot was changed")
	}
}

func TestNativeHistogramsOnlyOnRequest(t *testing.T) {
	for _, on := range []bool{false, true} {
		r := newRig(t, func(o *Options) { o.Native = on })
		x := streamed()
		r.Exchange(&x)
		h := histogramOf(map[int]uint64{5: 3}, .03)
		h.Native = map[int]int64{-53: 1, -52: 1}
		h.Zero = 1
		r.state.Series = []event.Series{{Server: x.Server, API: x.API, Model: x.Model, InterToken: h}}
		got := r.scrape()
		for _, name := range append([]string{"model_inter_token_latency_seconds", "model_inter_chunk_latency_seconds"}, perRequest...) {
			h := got[name].Metric[0].Histogram
			if has := h.Schema != nil; has != on {
				t.Errorf("native %v: %s has a schema: %v", on, name, has)
			}
			if on && h.GetSchema() != event.NativeSchema {
				t.Errorf("%s: schema %d", name, h.GetSchema())
			}
			if len(h.Bucket) == 0 {
				t.Errorf("native %v: %s has no classic buckets", on, name)
			}
		}
		if !on {
			continue
		}
		n := got["model_inter_token_latency_seconds"].Metric[0].Histogram
		if n.GetZeroCount() != 1 || len(n.PositiveSpan) != 1 || n.PositiveSpan[0].GetOffset() != -53 ||
			n.PositiveSpan[0].GetLength() != 2 || n.GetSampleCount() != 3 {
			t.Errorf("native buckets: %v", n)
		}
	}
}

func TestServerInfo(t *testing.T) {
	r := newRig(t)
	r.state.Servers = []event.Server{
		{Name: "vllm:8000", PID: 42, Comm: "vllm", Port: 8000, Unit: "vllm.service", Listening: true},
		{Name: "ns/pod/c", Container: "c", Pod: "pod", Namespace: "ns", Listening: true},
		{Name: "ns/pod/c", Container: "c", Pod: "pod", Namespace: "ns", Listening: true},
		{Name: "waited-for", Port: 9000, Target: true},
	}
	got := r.scrape()
	for _, want := range []prometheus.Labels{
		{"server": "vllm:8000", "pid": "42", "comm": "vllm", "port": "8000", "container": "", "pod": "", "namespace": "", "unit": "vllm.service"},
		{"server": "ns/pod/c", "pid": "", "comm": "", "port": "", "container": "c", "pod": "pod", "namespace": "ns", "unit": ""},
	} {
		if n := got.value(t, "model_server_info", want); n != 1 {
			t.Errorf("%v: %v", want, n)
		}
	}
	if n := len(got["model_server_info"].Metric); n != 2 {
		t.Errorf("%d servers, want 2", n)
	}
	r.state.Servers = nil
	if r.scrape()["model_server_info"] != nil {
		t.Error("a server that is gone keeps its info")
	}
}
