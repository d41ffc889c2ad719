// SPDX-License-Identifier: Apache-2.0

package exporter

import (
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/modeltap/modeltap/observer/event"
)

// streamed has a TTFT of 250 ms, 50 ms a token, and takes 800 ms.
func TestObjectives(t *testing.T) {
	const some = time.Duration(1)
	limits := Objective{TTFT: 250 * time.Millisecond, TPOT: 49 * time.Millisecond, Duration: time.Second}
	for name, c := range map[string]struct {
		goal   Objective
		change func(*event.Exchange)
		// met, missed of ttft, tpot, duration; -1 for no series
		want [3][2]float64
	}{
		"at the limit, above, below": {limits, func(*event.Exchange) {}, [3][2]float64{{1, 0}, {0, 1}, {1, 0}}},
		"one limit alone":            {Objective{TTFT: 249 * time.Millisecond}, func(*event.Exchange) {}, [3][2]float64{{0, 1}, {-1, -1}, {-1, -1}}},
		"no stream":                  {limits, func(x *event.Exchange) { x.Stream = false }, [3][2]float64{{-1, -1}, {-1, -1}, {1, 0}}},
		"one token":                  {limits, func(x *event.Exchange) { x.Tokens[event.Output].N = 1 }, [3][2]float64{{1, 0}, {-1, -1}, {1, 0}}},
		"the server failed":          {limits, func(x *event.Exchange) { x.Outcome = event.ServerAbort }, [3][2]float64{{0, 1}, {0, 1}, {0, 1}}},
		"it failed in the stream":    {limits, func(x *event.Exchange) { x.Outcome = event.StreamError }, [3][2]float64{{0, 1}, {0, 1}, {0, 1}}},
		"500":                        {limits, func(x *event.Exchange) { x.Outcome, x.Status, x.Stream = event.HTTPError, 500, false }, [3][2]float64{{0, 1}, {0, 1}, {0, 1}}},
		"too many requests":          {limits, func(x *event.Exchange) { x.Outcome, x.Status = event.HTTPError, 429 }, [3][2]float64{{0, 1}, {0, 1}, {0, 1}}},
		"a bad request":              {limits, func(x *event.Exchange) { x.Outcome, x.Status = event.HTTPError, 400 }, [3][2]float64{{-1, -1}, {-1, -1}, {-1, -1}}},
		"the client left":            {limits, func(x *event.Exchange) { x.Outcome = event.ClientAbort }, [3][2]float64{{1, 0}, {-1, -1}, {-1, -1}}},
		"the client left late":       {limits, func(x *event.Exchange) { x.Outcome, x.End = event.ClientAbort, x.Start+1001*ms }, [3][2]float64{{1, 0}, {-1, -1}, {0, 1}}},
		"not seen whole":             {limits, func(x *event.Exchange) { x.Outcome = event.Incomplete }, [3][2]float64{{-1, -1}, {-1, -1}, {-1, -1}}},
		"another server":             {Objective{Server: "other", TTFT: some}, func(*event.Exchange) {}, [3][2]float64{{-1, -1}, {-1, -1}, {-1, -1}}},
		"another model":              {Objective{Model: "other", TTFT: some}, func(*event.Exchange) {}, [3][2]float64{{-1, -1}, {-1, -1}, {-1, -1}}},
		"this server and model":      {Objective{Server: "vllm:8000", Model: "llama", TTFT: some}, func(*event.Exchange) {}, [3][2]float64{{0, 1}, {-1, -1}, {-1, -1}}},
	} {
		t.Run(name, func(t *testing.T) {
			r := newRig(t)
			r.SetObjectives([]Objective{c.goal, {Server: "vllm:8001", Duration: some}})
			x := streamed()
			c.change(&x)
			r.Exchange(&x)
			got := r.scrape()
			for o, want := range c.want {
				for i, label := range []string{"true", "false"} {
					l := prometheus.Labels{"objective": objective(o).String(), "met": label, "server": "vllm:8000"}
					if n := got.value(t, "model_slo_requests_total", l); n != want[i] {
						t.Errorf("%v: %v, want %v", l, n, want[i])
					}
				}
			}
		})
	}
}

// Objectives may change while requests are counted; the first that fits counts.
func TestObjectivesChange(t *testing.T) {
	r := newRig(t)
	x := streamed()
	r.Exchange(&x)
	r.SetObjectives([]Objective{{Model: "llama", Duration: time.Second}, {Duration: time.Millisecond}})
	r.Exchange(&x)
	r.SetObjectives([]Objective{{Duration: time.Millisecond}})
	r.Exchange(&x)
	r.SetObjectives(nil)
	r.Exchange(&x)
	got := r.scrape()
	for label, want := range map[string]float64{"true": 1, "false": 1} {
		if n := got.value(t, "model_slo_requests_total", prometheus.Labels{"met": label}); n != want {
			t.Errorf("met %s: %v, want %v", label, n, want)
		}
	}
}
