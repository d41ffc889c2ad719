// SPDX-License-Identifier: Apache-2.0

package check

import (
	"math"
	"net/url"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"
)

// truth is what a query has to return, because the load did it. lo and hi are
// bounds of the value of the series with the labels; a hi of 0 is none.
type truth struct {
	where  string
	labels map[string]string
	lo, hi float64
}

// blur is how far rates may be off: a window of ten scrapes holds nine seconds
// of the load, and on a busy machine one more or one less at either end.
const blur = 2./9 + 0.01

func near(where string, labels map[string]string, want float64) truth {
	return truth{where, labels, want * (1 - blur), want * (1 + blur)}
}

func by(l ...string) map[string]string {
	m := map[string]string{}
	for i := 0; i < len(l); i += 2 {
		m[l[i]] = l[i+1]
	}
	return m
}

func known() []truth {
	const service, latency, self, gpu = "modeltap-service: ", "modeltap-latency: ", "modeltap-self: ", "modeltap-gpu: "
	return []truth{
		near(service+"Requests A", nil, perSecond.requests),
		near(service+"Error ratio A", nil, perSecond.failed/(perSecond.requests-perSecond.incomplete)),
		near(service+"Requests by outcome A", by("outcome", "ok"), perSecond.ok),
		near(service+"Requests by outcome A", by("outcome", "http_error"), 1),
		near(service+"Requests by outcome A", by("outcome", "stream_error"), 1),
		near(service+"Requests by outcome A", by("outcome", "server_abort"), 1),
		near(service+"Requests by outcome A", by("outcome", "client_abort"), perSecond.clientAborts),
		near(service+"Requests by outcome A", by("outcome", "incomplete"), perSecond.incomplete),
		near(service+"Requests by status A", by("code", "500"), 1),
		near(service+"Goodput A", nil, perSecond.firstTokens),
		near(service+"Goodput B", nil, perSecond.firstTokens),
		// Not before the server's pauses end; how long after is the machine's load.
		{service + "First token, P95 A", nil, 0.1, 0.5},
		{service + "First token in time A", nil, 0.999, 1.001},
		{service + "Between tokens A", nil, 0.01, 0.05},
		{service + "Output A", nil, (1 - blur) * (perSecond.stated + perSecond.counted), (1 + blur) * (perSecond.stated + perSecond.counted + outputs)},
		{service + "Waiting for first token A", nil, 1, perSecond.requests + 2},
		{service + "Stalled streams A", by("server", "chat", "model", "llama-3-8b"), 1, 1},
		{service + "Stalled streams A", by("server", "code", "model", "qwen-coder-7b"), 0, 0},
		near(service+"Finish reasons A", by("reason", "stop"), 4),
		near(service+"Finish reasons A", by("reason", "length"), 2),
		{service + "Input from the prefix cache A", by("server", "chat", "model", "llama-3-8b"), 0.5, float64(cached) / inputs},
		near(service+"Objectives met A", by("objective", "ttft", "server", "chat", "model", "llama-3-8b"), 4./6), // an error and an end in the middle met none
		near(service+"Other requests A", by("code", "200"), 1),
		{service + "Hosts not answering A", nil, 0, 0},
		{latency + "Socket wait A", by("server", "code"), 0.06, 0.15},
		{latency + "Socket wait A", by("server", "chat"), 0, 0.02},
		near(latency+"Pauses over 1 s A", by("server", "code"), 1),
		{latency + "Mean request in three parts B", nil, 0.1, 0.5},
		near(latency+"Tokens per chunk A", by("server", "code"), 1),
		{self + "Lost, worst host A", nil, 0, 0},
		near(self+"Not seen whole A", nil, perSecond.incomplete/perSecond.requests),
		near(self+"Requests not seen whole A", nil, perSecond.incomplete/perSecond.requests),
		near(self+"Not readable connections A", by("reason", "tls"), 1),
		near(self+"Not readable connections A", by("reason", "unknown_protocol"), 1),
		{self + "Errors of its own A", nil, 0, 0},
		{gpu + "GPUs A", nil, 2, 2},
		{gpu + "GPUs lost A", nil, 0, 0},
		{gpu + "Power A", nil, 2 * 90, 2 * 650}, // gpu/demo.go
	}
}

// truths compares panels with what the load did.
func truths(t *testing.T, e engine, at time.Time, wait bool) {
	t.Helper()
	all := map[string]expression{}
	for _, x := range expressions(t, dashboards(t)) {
		all[x.where] = x
	}
	ask := func(where string, labels map[string]string) float64 {
		x, ok := all[where]
		if !ok {
			t.Errorf("there is no query %s", where)
			return math.NaN()
		}
		result, err := e.query(live(x.d, x.target.Expr), at)
		if err != nil {
			t.Errorf("%s: %v", where, err)
			return math.NaN()
		}
		for _, s := range result {
			fits := true
			for k, v := range labels {
				fits = fits && s.Metric[k] == v
			}
			if n := s.numbers(); fits && len(n) == 1 {
				return n[0]
			}
		}
		t.Errorf("%s: no series with %v among %v", where, labels, result)
		return math.NaN()
	}
	for _, k := range known() {
		if !wait && strings.Contains(all[k.where].target.Expr, socketWait) {
			continue
		}
		if got := ask(k.where, k.labels); !(got >= k.lo && got <= k.hi) {
			t.Errorf("%s %v: %v, and the load says %v to %v", k.where, k.labels, got, k.lo, k.hi)
		}
	}
	// Money and energy, reckoned again from their parts.
	const gpu = "modeltap-gpu: "
	kwh, hours, tokens := ask(gpu+"Energy in the range A", nil), ask(gpu+"GPU hours in the range A", nil), ask(gpu+"Output tokens in the range A", nil)
	for where, want := range map[string]float64{
		gpu + "GPU hours in the range A":   2 * window.Hours(),
		gpu + "Energy cost in the range A": kwh * 0.15,
		gpu + "Energy per 1,000 tokens A":  kwh * 1000 / tokens * 1000,
		gpu + "Cost per 1,000 tokens A":    (kwh*0.15 + hours*2) / tokens * 1000,
	} {
		if got := ask(where, nil); !(math.Abs(got-want) <= want*1e-6) {
			t.Errorf("%s: %v, want %v", where, got, want)
		}
	}
	if watts := kwh * 3.6e6 / window.Seconds(); !(watts > 2*90 && watts < 2*650) {
		t.Errorf("%v kWh in %v are %v W, which the GPUs never drew", kwh, window, watts)
	}
}

// exemplars finds the traces that the clients named behind the lines that are
// to lead to them.
func exemplars(t *testing.T, e engine, from, to time.Time) {
	t.Helper()
	traced, id := 0, regexp.MustCompile(`^[0-9a-f]{32}$`)
	for _, x := range expressions(t, dashboards(t)) {
		if !x.target.Exemplar {
			continue
		}
		type found struct {
			SeriesLabels map[string]string
			Exemplars    []struct{ Labels map[string]string }
		}
		all, err := get[[]found](e, "query_exemplars", url.Values{"query": {live(x.d, x.target.Expr)},
			"start": {strconv.FormatInt(from.Unix(), 10)}, "end": {strconv.FormatInt(to.Unix(), 10)}}, "")
		n := 0
		for _, f := range all {
			for _, ex := range f.Exemplars {
				if id.MatchString(ex.Labels["trace_id"]) {
					n++
				}
			}
		}
		if err != nil || n == 0 {
			t.Errorf("%s: no trace behind it: %v", x.where, err)
		}
		traced++
	}
	if traced == 0 {
		t.Error("nothing leads to a trace")
	}
}
