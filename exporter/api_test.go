// SPDX-License-Identifier: Apache-2.0

package exporter

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/modeltap/modeltap/observer/event"
)

func serverOf(t testing.TB, r *rig, change ...func(*ServerOptions)) *Server {
	t.Helper()
	o := ServerOptions{Exporter: r.Exporter}
	for _, f := range change {
		f(&o)
	}
	s, err := NewServer(o)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func do(s *Server, method, target string) *httptest.ResponseRecorder {
	w := httptest.NewRecorder()
	s.Handler().ServeHTTP(w, httptest.NewRequest(method, target, nil))
	return w
}

func get[T any](t *testing.T, s *Server, target string, status int) (out T) {
	t.Helper()
	w := do(s, "GET", target)
	if w.Code != status || w.Header().Get("Content-Type") != "application/json" {
		t.Fatalf("%s: %d %s %s", target, w.Code, w.Header().Get("Content-Type"), w.Body)
	}
	if err := json.Unmarshal(w.Body.Bytes(), &out); err != nil {
		t.Fatalf("%s: %v in %s", target, err, w.Body)
	}
	return out
}

func sameJSON(t *testing.T, got any, want string) {
	t.Helper()
	g, err := json.Marshal(got)
	if err != nil {
		t.Fatal(err)
	}
	var w any
	if err := json.Unmarshal([]byte(want), &w); err != nil {
		t.Fatal(err)
	}
	sorted, _ := json.Marshal(w)
	if string(g) != string(sorted) {
		t.Errorf("got  %s\nwant %s", g, sorted)
	}
}

func TestRequestsAPI(t *testing.T) {
	r := newRig(t)
	s := serverOf(t, r)
	sameJSON(t, get[any](t, s, "/api/v1/requests", 200), `[]`)

	x := streamed()
	x.HasTraceID, x.TraceID[15], x.RTT, x.Backpressure = true, 0x36, 250, true
	x.Finish = [event.Finishes]uint8{event.FinishStop: 1, event.FinishToolCalls: 2}
	r.Exchange(&x)
	lost := event.Exchange{Server: "other", API: "generic", Model: "unknown", Outcome: event.Incomplete, SocketWait: -1}
	r.Exchange(&lost)
	refused := streamed()
	refused.Status, refused.Outcome, refused.Stream = 503, event.HTTPError, false
	refused.Tokens[event.Output] = event.Count{}
	refused.Finish = [event.Finishes]uint8{}
	r.Exchange(&refused)

	sameJSON(t, get[any](t, s, "/api/v1/requests", 200), `[
	{"started":"1970-01-01T00:00:01Z","server":"vllm:8000","api":"openai_chat","model":"llama","code":503,"stream":false,
	 "outcome":"http_error","socket_wait_seconds":0.003,"ttft_seconds":null,"duration_seconds":0.8,"input_tokens":70,
	 "output_tokens":null,"token_source":"usage","request_bytes":300,"response_bytes":5000,"finish_reason":null,
	 "trace_id":null,"backpressure":false,"rtt_seconds":null},
	{"started":null,"server":"other","api":"generic","model":"unknown","code":null,"stream":false,
	 "outcome":"incomplete","socket_wait_seconds":null,"ttft_seconds":null,"duration_seconds":null,"input_tokens":null,
	 "output_tokens":null,"token_source":null,"request_bytes":0,"response_bytes":0,"finish_reason":null,
	 "trace_id":null,"backpressure":false,"rtt_seconds":null},
	{"started":"1970-01-01T00:00:01Z","server":"vllm:8000","api":"openai_chat","model":"llama","code":200,"stream":true,
	 "outcome":"ok","socket_wait_seconds":0.003,"ttft_seconds":0.25,"duration_seconds":0.8,"input_tokens":70,
	 "output_tokens":11,"token_source":"usage","request_bytes":300,"response_bytes":5000,"finish_reason":"tool_calls",
	 "trace_id":"00000000000000000000000000000036","backpressure":true,"rtt_seconds":0.00025}]`)
}

func TestRequestsAPIFilters(t *testing.T) {
	r := newRig(t)
	s := serverOf(t, r)
	for i := range RecentRequests + 5 {
		x := streamed()
		x.Server = []string{"a b", "c"}[i%2]
		r.Exchange(&x)
	}
	for target, want := range map[string]int{
		"":                  RecentRequests,
		"?limit=1":          1,
		"?limit=1000000":    RecentRequests,
		"?server=a+b":       RecentRequests / 2,
		"?server=c&limit=7": 7,
		"?server=nobody":    0,
		"?server=":          RecentRequests,
	} {
		if got := get[[]request](t, s, "/api/v1/requests"+target, 200); len(got) != want {
			t.Errorf("%s: %d, want %d", target, len(got), want)
		}
	}
	for _, bad := range []string{"", "0", "-1", "1.5", "x", "99999999999999999999"} {
		if got := get[apiError](t, s, "/api/v1/requests?limit="+bad, http.StatusBadRequest); got.Error == "" {
			t.Errorf("limit=%s: no reason given", bad)
		}
	}
}

func TestServersAPI(t *testing.T) {
	r := newRig(t)
	s := serverOf(t, r)
	sameJSON(t, get[any](t, s, "/api/v1/servers", 200), `[]`)
	r.state.Servers = []event.Server{
		{Name: "vllm:8000", PID: 42, Comm: "vllm", Address: "0.0.0.0", Port: 8000, Unit: "vllm.service", Listening: true},
		{Name: "mine", Port: 9000, Target: true},
	}
	sameJSON(t, get[any](t, s, "/api/v1/servers", 200), `[
	{"server":"vllm:8000","pid":42,"comm":"vllm","address":"0.0.0.0","port":8000,"container":null,"pod":null,
	 "namespace":null,"unit":"vllm.service","target":false,"listening":true},
	{"server":"mine","pid":null,"comm":null,"address":null,"port":9000,"container":null,"pod":null,
	 "namespace":null,"unit":null,"target":true,"listening":false}]`)
}

func TestServersAPIWithoutSnapshot(t *testing.T) {
	r := newRig(t, func(o *Options) {
		o.Snapshot = func(context.Context) (event.Snapshot, error) { return event.Snapshot{}, errors.New("stopped") }
	})
	got := get[apiError](t, serverOf(t, r), "/api/v1/servers", http.StatusServiceUnavailable)
	if got.Error == "" {
		t.Error("no reason given")
	}
}

func BenchmarkRequestsAPI(b *testing.B) {
	r := newRig(b)
	s, err := NewServer(ServerOptions{Exporter: r.Exporter})
	if err != nil {
		b.Fatal(err)
	}
	for i := range RecentRequests {
		x := streamed()
		x.Server = fmt.Sprint(i % 3)
		r.Exchange(&x)
	}
	for b.Loop() {
		do(s, "GET", "/api/v1/requests")
	}
}

// When a request began is said once and for all, whatever the clock does
// afterwards: it steps at each look.
func TestARequestBeganOnce(t *testing.T) {
	step := time.Duration(0)
	r := newRig(t, func(o *Options) {
		o.Wall = func(ns int64) time.Time { step -= time.Hour; return time.Unix(0, ns).Add(step) }
	})
	for range 3 {
		x := streamed()
		r.Exchange(&x)
	}
	s := serverOf(t, r)
	first := get[[]request](t, s, "/api/v1/requests", 200)
	for range 3 {
		again := get[[]request](t, s, "/api/v1/requests", 200)
		for i := range first {
			if first[i].Started == nil || *again[i].Started != *first[i].Started {
				t.Fatalf("request %d began at %v and at %v", i, *first[i].Started, *again[i].Started)
			}
		}
	}
	if *first[0].Started == *first[1].Started {
		t.Error("the clock did not step: the test shows nothing")
	}
}
