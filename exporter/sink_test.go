// SPDX-License-Identifier: Apache-2.0

package exporter

import (
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/modeltap/modeltap/observer/event"
)

// An error's series is born with its first error. When that was lets Prometheus
// put a zero before it (docs/storage.md).
func TestCountersTellWhenTheyBegan(t *testing.T) {
	before := time.Now()
	r := newRig(t)
	x := streamed()
	x.Outcome, x.Status = event.HTTPError, 500
	r.Exchange(&x)
	after := time.Now()
	series := r.scrape()["model_requests_total"].GetMetric()
	if len(series) == 0 {
		t.Fatal("no series")
	}
	if began := series[0].GetCounter().GetCreatedTimestamp().AsTime(); began.Before(before) || began.After(after) {
		t.Errorf("began at %v, want a time from %v to %v", began, before, after)
	}
}

func TestRequestsByCodeStreamOutcome(t *testing.T) {
	r := newRig(t)
	x := streamed()
	r.Exchange(&x)
	r.Exchange(&x)
	x.Outcome, x.Status, x.Stream = event.HTTPError, 404, false
	r.Exchange(&x)
	x.Outcome, x.Status = event.Incomplete, 0
	r.Exchange(&x)
	got := r.scrape()
	for _, c := range []struct {
		code, stream, outcome string
		want                  float64
	}{
		{"200", "true", "ok", 2},
		{"404", "false", "http_error", 1},
		{"none", "false", "incomplete", 1},
	} {
		l := prometheus.Labels{"code": c.code, "stream": c.stream, "outcome": c.outcome}
		if n := got.value(t, "model_requests_total", l); n != c.want {
			t.Errorf("%v: %v, want %v", l, n, c.want)
		}
	}
	if n := len(got["model_requests_total"].Metric); n != 3 {
		t.Errorf("%d series", n)
	}
}

// Tokens really seen count whatever the outcome; finish reasons once a choice.
func TestTokensAndFinishCountWhateverTheOutcome(t *testing.T) {
	for o := range event.Outcomes {
		r := newRig(t)
		x := streamed()
		x.Outcome = o
		x.Tokens[event.Output].Source = event.Estimated
		x.Tokens[event.Cached] = event.Count{N: 64, Source: event.Usage, Known: true}
		x.Tokens[event.Reasoning] = event.Count{N: 5} // not known
		x.Finish[event.FinishLength] = 3
		r.Exchange(&x)
		got := r.scrape()
		for _, c := range []struct {
			typ, source string
			want        float64
		}{{"input", "usage", 70}, {"output", "estimated", 11}, {"cached", "usage", 64}} {
			if n := got.value(t, "model_tokens_total", prometheus.Labels{"type": c.typ, "source": c.source}); n != c.want {
				t.Errorf("%v: %s tokens %v, want %v", o, c.typ, n, c.want)
			}
		}
		if n := len(got["model_tokens_total"].Metric); n != 3 {
			t.Errorf("%v: %d token series", o, n)
		}
		for reason, want := range map[string]float64{"stop": 1, "length": 3, "tool_calls": -1} {
			if n := got.value(t, "model_finish_total", prometheus.Labels{"reason": reason}); n != want {
				t.Errorf("%v: finish %s %v, want %v", o, reason, n, want)
			}
		}
	}
}

func TestOtherRequests(t *testing.T) {
	r := newRig(t)
	r.OtherRequest("vllm:8000", 200)
	r.OtherRequest("vllm:8000", 200)
	r.OtherRequest("vllm:8000", 0)
	r.OtherRequest("vllm:8000", 12345)
	got := r.scrape()
	for code, want := range map[string]float64{"200": 2, "none": 2} {
		l := prometheus.Labels{"server": "vllm:8000", "code": code}
		if n := got.value(t, "modeltap_other_requests_total", l); n != want {
			t.Errorf("code %s: %v, want %v", code, n, want)
		}
	}
}

func TestExemplarsCarryTheTraceID(t *testing.T) {
	r := newRig(t)
	x := streamed()
	x.HasTraceID = true
	x.TraceID = [16]byte{0x4b, 0xf9, 15: 0x36}
	r.Exchange(&x)
	for _, name := range perRequest {
		var ids []string
		for _, b := range r.scrape()[name].Metric[0].Histogram.Bucket {
			for _, l := range b.GetExemplar().GetLabel() {
				ids = append(ids, l.GetName()+"="+l.GetValue())
			}
		}
		if want := "trace_id=4bf90000000000000000000000000036"; len(ids) != 1 || ids[0] != want {
			t.Errorf("%s: exemplars %v, want %s", name, ids, want)
		}
	}
}

// A label that no registry takes would panic in client_golang.
func TestUnfitLabelsAreMadeFit(t *testing.T) {
	r := newRig(t)
	x := streamed()
	x.Model = "m\xff\n" + strings.Repeat("x", 500)
	r.Exchange(&x)
	r.state.Series = []event.Series{{Server: x.Server, API: x.API, Model: x.Model}}
	r.state.Servers = []event.Server{{Name: "s\xff", Comm: "c\xff", Listening: true}}
	r.state.Sources = []event.SourceStats{{Source: "file", Attached: "/\xff"}}
	r.OtherRequest("s\xff", 200)
	got := r.scrape()
	want := event.Label(x.Model)
	for _, name := range []string{"model_requests_total", "model_streams_stalled"} {
		if n := got.value(t, name, prometheus.Labels{"model": want}); n < 0 {
			t.Errorf("%s has no model=%q", name, want)
		}
	}
}

func TestExchangeDoesNotAllocateInSteadyState(t *testing.T) {
	r := newRig(t)
	x := streamed()
	r.Exchange(&x)
	if n := testing.AllocsPerRun(1000, func() { r.Exchange(&x) }); n != 0 {
		t.Errorf("Exchange: %v allocations", n)
	}
	r.OtherRequest("vllm:8000", 200)
	if n := testing.AllocsPerRun(1000, func() { r.OtherRequest("vllm:8000", 200) }); n != 0 {
		t.Errorf("OtherRequest: %v allocations", n)
	}
}

// Servers report from their own goroutines while scrapes collect and, in the
// second round, delete what they have just read.
func TestConcurrentUse(t *testing.T) {
	const servers, each = 4, 200
	for _, expiring := range []bool{false, true} {
		r := newRig(t, func(o *Options) {
			if expiring {
				var clock atomic.Int64
				o.SeriesTTL, o.Now = 1, func() time.Time { return time.Unix(0, clock.Add(1)) }
			}
		})
		var wg sync.WaitGroup
		for s := range servers {
			wg.Go(func() {
				x := streamed()
				x.Server = string(rune('a' + s%2)) // two goroutines share a label
				for range each {
					r.Exchange(&x)
					r.OtherRequest(x.Server, 200)
				}
			})
		}
		wg.Go(func() {
			for range 20 {
				if _, err := r.registry.Gather(); err != nil {
					t.Error(err)
				}
			}
		})
		wg.Wait()
		if expiring {
			continue
		}
		got := r.scrape()
		for _, s := range []string{"a", "b"} {
			if n := got.value(t, "model_requests_total", prometheus.Labels{"server": s}); n != servers/2*each {
				t.Errorf("%s: %v requests, want %d", s, n, servers/2*each)
			}
		}
	}
}

func BenchmarkExchange(b *testing.B) {
	for _, c := range []struct {
		name  string
		trace bool
		opts  []func(*Options)
	}{{"classic", false, nil}, {"classic,exemplars", true, nil}, {"native", false, []func(*Options){native}}} {
		b.Run(c.name, func(b *testing.B) {
			r := newRig(b, c.opts...)
			x := streamed()
			x.HasTraceID = c.trace
			b.ReportAllocs()
			for b.Loop() {
				r.Exchange(&x)
			}
		})
	}
}
