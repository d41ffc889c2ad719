// SPDX-License-Identifier: Apache-2.0

package e2e

import (
	"testing"
	"time"

	"github.com/modeltap/modeltap/observer/e2e/rig"
)

// TestRealFormats asks every kind of answer of the service on each stack, each
// several times over one connection: counts, tokens and their evidence, gaps
// and times.
func TestRealFormats(t *testing.T) {
	p := need(t)
	for _, stack := range rig.Stacks() {
		t.Run(stack, func(t *testing.T) { formats(t, p, p.serve(t, stack, appOn(stack))) })
	}
}

func formats(t *testing.T, p parts, s *rig.Server) {
	const each, tokens = 4, 10
	for _, c := range []struct {
		name, api, source string
		stream            bool
		call              rig.Call
	}{
		{"chat without usage", "openai_chat", "chunks", true, chat(tokens, true, false, "prefill=0.02&gap=0.005")},
		{"completions", "openai_completions", "chunks", true, rig.Call{Target: "/v1/completions?prefill=0.02&gap=0.005", Body: []byte(`{"model":"small","prompt":"one two","max_tokens":10,"stream":true}`)}},
		{"responses", "openai_responses", "usage", true, rig.Call{Target: "/v1/responses?prefill=0.02&gap=0.005", Body: []byte(`{"model":"small","input":"one two","max_output_tokens":10,"stream":true}`)}},
		{"embeddings", "openai_embeddings", "", false, rig.Call{Target: "/v1/embeddings", Body: []byte(`{"model":"embed","input":["a b","c d e"]}`)}},
		{"plain text", "generic", "chunks", true, rig.Call{Target: "/generate?n=10&prefill=0.02&gap=0.005", Body: []byte(`{"prompt":"one two three"}`)}},
		{"ndjson", "generic", "chunks", true, rig.Call{Target: "/ndjson?n=10&prefill=0.02&gap=0.005", Body: []byte(`{"prompt":"one two three"}`)}},
		{"named events", "generic", "chunks", true, rig.Call{Target: "/events?n=10&prefill=0.02&gap=0.005", Body: []byte(`{"prompt":"one two three"}`)}},
		{"head in two pieces", "openai_chat", "usage", true, paused(chat(tokens, true, true, "gap=0.005"))},
		{"large prompt", "openai_chat", "usage", true, large(tokens)},
	} {
		t.Run(c.name, func(t *testing.T) {
			m := p.observe(t, s.Target("llm"))
			answers := kept(t, s, each, c.call)
			compare(t, m, "llm", answers)

			got := scrape(t, m)
			noLoss(t, got)
			want(t, "requests", got.Value("model_requests_total", "api", c.api, "stream", map[bool]string{true: "true", false: "false"}[c.stream], "outcome", "ok"), each)
			want(t, "all requests", got.Value("model_requests_total"), each)
			firsts, _ := got.Histogram("model_time_to_first_token_seconds")
			if !c.stream {
				want(t, "first tokens", firsts, 0)
				return
			}
			want(t, "output tokens", got.Value("model_tokens_total", "type", "output", "source", c.source), each*tokens)
			want(t, "output tokens of any source", got.Value("model_tokens_total", "type", "output"), each*tokens)
			want(t, "first tokens", firsts, each)
			compareGaps(t, got, "model_inter_chunk_latency_seconds", answers)
		})
	}
}

// paused sends the first bytes of the head 30 ms before the rest: the request
// starts with its first byte.
func paused(c rig.Call) rig.Call {
	c.Pause = 30 * time.Millisecond
	return c
}

// large has a prompt beyond --capture.max-request-bytes, so that the kernel
// leaves out a part of it.
func large(tokens int) rig.Call {
	c := chat(tokens, true, true, "gap=0.005")
	filler := make([]byte, 1<<20)
	for i := range filler {
		filler[i] = 'x'
	}
	c.Body = []byte(`{"model":"small","max_tokens":10,"stream":true,"stream_options":{"include_usage":true},"messages":[{"role":"user","content":"` +
		string(filler) + `"}]}`)
	return c
}
