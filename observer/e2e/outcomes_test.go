// SPDX-License-Identifier: Apache-2.0

package e2e

import (
	"testing"

	"github.com/modeltap/modeltap/observer/e2e/rig"
)

// TestRealOutcomes ends requests in every way there is and finds each in its
// outcome, once, and only in the histograms that it may feed.
func TestRealOutcomes(t *testing.T) {
	p := need(t)
	s := p.serve(t, "uvicorn-uvloop-httptools", "chat:app")
	const each = 3
	for _, c := range []struct {
		outcome, code, api, model string
		call                      rig.Call
		firsts, durations         uint64
		tokens                    float64 // at least so many were seen
	}{
		{"client_abort", "200", "openai_chat", "small", abort(chat(40, true, true, "gap=0.01")), each, 0, 3 * each},
		{"stream_error", "200", "openai_chat", "small", chat(10, true, true, "gap=0.005&fail_after=4"), each, each, 4 * each},
		{"http_error", "404", "openai_chat", "unknown", rig.Call{Target: "/v1/chat/completions", Body: []byte(`{"model":"missing","messages":[]}`)}, 0, each, 0},
		{"http_error", "429", "generic", "unknown", rig.Call{Target: "/refuse", Body: []byte(`{}`)}, 0, each, 0},
	} {
		t.Run(c.outcome+" "+c.code, func(t *testing.T) {
			m := p.observe(t, s.Target("llm"))
			for range each {
				conn := dial(t, s)
				if a := do(t, conn, c.call); !a.Aborted {
					conn.Close()
				}
			}
			settle(t, m)
			got := scrape(t, m)
			noLoss(t, got)
			want(t, "requests", got.Value("model_requests_total", "outcome", c.outcome, "code", c.code, "api", c.api, "model", c.model), each)
			want(t, "all requests", got.Value("model_requests_total"), each)
			firsts, _ := got.Histogram("model_time_to_first_token_seconds")
			want(t, "first tokens", firsts, c.firsts)
			durations, _ := got.Histogram("model_request_duration_seconds")
			want(t, "durations", durations, c.durations)
			if n := got.Value("model_tokens_total", "type", "output"); n < c.tokens {
				t.Errorf("output tokens = %v, want at least %v", n, c.tokens)
			}
		})
	}
}

// abort closes the connection after three tokens.
func abort(c rig.Call) rig.Call {
	c.AbortAfter = 3
	return c
}

// settle waits until nothing is in flight any more: a server notices that its
// client has gone only when it writes again.
func settle(t *testing.T, m *rig.Modeltap) rig.Metrics {
	t.Helper()
	return until(t, "nothing in flight", m, func(got rig.Metrics) bool { return got.Value("model_requests_in_flight") == 0 })
}

// TestRealServerAbort kills servers in the middle of their answers.
func TestRealServerAbort(t *testing.T) {
	p := need(t)
	s := p.serve(t, "uvicorn-uvloop-httptools", "chat:app")
	m := p.observe(t, s.Target("llm"))
	call := chat(100, true, true, "gap=0.02")
	tokens := 0
	call.OnToken = func() {
		if tokens++; tokens == 3 {
			s.Kill()
		}
	}
	c := dial(t, s)
	defer c.Close()
	if a, err := c.Do(call); err == nil {
		t.Fatalf("the answer ended well after %d tokens though its server was killed", len(a.Tokens))
	}
	settle(t, m)
	got := scrape(t, m)
	noLoss(t, got)
	want(t, "requests", got.Value("model_requests_total", "outcome", "server_abort", "code", "200"), 1)
	want(t, "all requests", got.Value("model_requests_total"), 1)
	durations, _ := got.Histogram("model_request_duration_seconds")
	want(t, "durations", durations, 0)
	if n := got.Value("model_tokens_total", "type", "output"); n < 3 {
		t.Errorf("output tokens = %v, want at least the 3 that the client had", n)
	}
}

// TestRealWrongClient sends what is no HTTP/1 request and then a good one.
func TestRealWrongClient(t *testing.T) {
	p := need(t)
	s := p.serve(t, "uvicorn-uvloop-httptools", "chat:app")
	for _, c := range []struct{ name, bytes, reason string }{
		{"tls", "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + string(make([]byte, 500)), "tls"},
		{"http2", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\x00\x00\x00\x04\x00\x00\x00\x00\x00", "http2"},
		{"noise", "\x01\x8f\x00\xffMySQL\x00\x00\x13\x37" + string(make([]byte, 300)), "unknown_protocol"},
		{"endless head", "GET / HTTP/1.1\r\nX: " + string(bytesOf('a', 1<<20)), ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			m := p.observe(t, s.Target("llm"))
			wrong := dial(t, s)
			defer wrong.Close()
			if _, err := wrong.Write([]byte(c.bytes)); err != nil {
				t.Log(err) // the server may hang up before it has read all
			}
			if err := wrong.CloseWrite(); err != nil {
				t.Log(err)
			}
			if c.reason != "" {
				until(t, "the connection is counted", m, func(got rig.Metrics) bool {
					return got.Value("modeltap_unobserved_connections_total", "reason", c.reason) == 1
				})
			}
			answers := kept(t, s, 2, chat(8, true, true, "prefill=0.02&gap=0.005"))
			compare(t, m, "llm", answers)
			got := scrape(t, m)
			want(t, "good requests", got.Value("model_requests_total", "outcome", "ok"), 2)
			want(t, "panics", got.Value("modeltap_panics_total"), 0)
		})
	}
}

func bytesOf(b byte, n int) []byte {
	p := make([]byte, n)
	for i := range p {
		p[i] = b
	}
	return p
}
