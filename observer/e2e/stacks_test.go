// SPDX-License-Identifier: Apache-2.0

package e2e

import (
	"fmt"
	"sync"
	"testing"

	"github.com/modeltap/modeltap/observer/e2e/rig"
)

const chatBody = `{"model":"small","max_tokens":%d,"stream":%t,"stream_options":{"include_usage":%t},` +
	`"messages":[{"role":"user","content":"one two three four"}]}`

// chat is a chat request; pace is the query that sets the fixture's pace.
func chat(tokens int, stream, usage bool, pace string) rig.Call {
	return rig.Call{Target: "/v1/chat/completions?" + pace, Body: fmt.Appendf(nil, chatBody, tokens, stream, usage)}
}

// TestRealStacks asks the same service on each Python server stack and
// compares every count, size and time with the client's record.
func TestRealStacks(t *testing.T) {
	p := need(t)
	for _, stack := range rig.Stacks() {
		t.Run(stack, func(t *testing.T) {
			s := p.serve(t, stack, appOn(stack))
			m := p.observe(t, s.Target("llm"))

			const tokens = 12
			streams := kept(t, s, 16, chat(tokens, true, true, "prefill=0.03&gap=0.005"))
			streams = append(streams, atOnce(t, s, 6, chat(tokens, true, true, "prefill=0.05&gap=0.01"))...)
			documents := fresh(t, s, 5, chat(tokens, false, false, "prefill=0.02"))
			predictions := kept(t, s, 5, rig.Call{Target: "/predict", Body: []byte(`{"text":"how are you"}`)})
			kept(t, s, 3, rig.Call{Method: "GET", Target: "/health"})

			compare(t, m, "llm", streams)
			compare(t, m, "llm", append(documents, predictions...))
			counts(t, scrape(t, m), streams, documents, predictions, tokens)
		})
	}
}

// appOn names the service as the stack can run it: gunicorn's is WSGI.
func appOn(stack string) string {
	if stack == "gunicorn-threads" {
		return "flaskchat:app"
	}
	return "chat:app"
}

func counts(t *testing.T, m rig.Metrics, streams, documents, predictions []*rig.Answer, tokens int) {
	t.Helper()
	noLoss(t, m)
	all := len(streams) + len(documents) + len(predictions)
	want(t, "all requests", m.Value("model_requests_total", "server", "llm", "outcome", "ok", "code", "200"), float64(all))
	want(t, "all requests, whatever the outcome", m.Value("model_requests_total"), float64(all))
	want(t, "streams", m.Value("model_requests_total", "api", "openai_chat", "model", "small", "stream", "true"), float64(len(streams)))
	want(t, "documents", m.Value("model_requests_total", "api", "openai_chat", "model", "small", "stream", "false"), float64(len(documents)))
	want(t, "predictions", m.Value("model_requests_total", "api", "generic", "stream", "false"), float64(len(predictions)))
	want(t, "other requests", m.Value("modeltap_other_requests_total", "code", "200"), 3)
	want(t, "in flight", m.Value("model_requests_in_flight"), 0)
	want(t, "output tokens", m.Value("model_tokens_total", "type", "output", "source", "usage"), float64(tokens*(len(streams)+len(documents))))
	want(t, "input tokens", m.Value("model_tokens_total", "type", "input", "source", "usage", "api", "openai_chat"), float64(4*(len(streams)+len(documents))))
	want(t, "finish reasons", m.Value("model_finish_total"), float64(len(streams)+len(documents)))

	var in, out float64
	for _, a := range append(append(append([]*rig.Answer{}, streams...), documents...), predictions...) {
		in, out = in+float64(a.RequestBytes), out+float64(a.ResponseBytes)
		if n := len(a.Tokens); n > 0 {
			want(t, "tokens that the client saw", n, tokens)
		}
	}
	_, sum := m.Histogram("model_request_size_bytes")
	want(t, "request bytes", sum, in)
	_, sum = m.Histogram("model_response_size_bytes")
	want(t, "response bytes", sum, out)

	for name, n := range map[string]int{
		"model_request_duration_seconds":      all,
		"model_time_to_first_token_seconds":   len(streams),
		"model_time_to_first_chunk_seconds":   len(streams),
		"model_time_per_output_token_seconds": len(streams),
		"model_request_output_tokens":         len(streams) + len(documents),
	} {
		count, _ := m.Histogram(name)
		want(t, name+" count", count, uint64(n))
	}
	compareGaps(t, m, "model_inter_token_latency_seconds", streams)
	compareGaps(t, m, "model_inter_chunk_latency_seconds", streams)
}

// kept sends n requests, one after the other, over one connection.
func kept(t *testing.T, s *rig.Server, n int, call rig.Call) []*rig.Answer {
	t.Helper()
	c := dial(t, s)
	defer c.Close()
	var answers []*rig.Answer
	for range n {
		answers = append(answers, do(t, c, call))
	}
	return answers
}

// fresh sends n requests over a connection each.
func fresh(t *testing.T, s *rig.Server, n int, call rig.Call) (answers []*rig.Answer) {
	t.Helper()
	for range n {
		answers = append(answers, kept(t, s, 1, call)...)
	}
	return answers
}

// atOnce sends n requests at the same time.
func atOnce(t *testing.T, s *rig.Server, n int, call rig.Call) []*rig.Answer {
	t.Helper()
	answers, errs := make([]*rig.Answer, n), make([]error, n)
	var wg sync.WaitGroup
	for i := range n {
		c := dial(t, s)
		wg.Go(func() {
			defer c.Close()
			answers[i], errs[i] = c.Do(call)
		})
	}
	wg.Wait()
	for _, err := range errs {
		if err != nil {
			t.Fatal(err)
		}
	}
	return answers
}
