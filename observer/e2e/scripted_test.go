// SPDX-License-Identifier: Apache-2.0

package e2e

import (
	"encoding/json"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/modeltap/modeltap/observer/e2e/rig"
)

// TestRealScripted observes the documented answers of servers that no package
// ships while real clients ask for them: who answered, how much, when, how it
// ended.
func TestRealScripted(t *testing.T) {
	p := need(t)
	port, err := rig.FreePort()
	if err != nil {
		t.Fatal(err)
	}
	python := filepath.Join(p.Venv, "python")
	s, err := rig.ServeArgv(port, rig.Options{Env: []string{"PYTHONDONTWRITEBYTECODE=1"}}, python, filepath.Join(p.Apps, "scripted.py"), itoa(port))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Kill)
	const n, tokens = 6, 10
	for _, c := range []struct {
		client, route, api, model, finish string
		stated, source                    string // output tokens as the server states them, and modeltap counts them
	}{
		{"anthropic", "/v1/messages", "anthropic_messages", "claude-small", "stop", "10", "usage"},
		{"httpx", "/api/generate", "ollama_generate", "llama3.2", "stop", "10", "usage"},
		{"httpx", "/api/chat", "ollama_chat", "llama3.2", "stop", "10", "usage"},
		{"httpx", "/completion", "llamacpp", "smol.gguf", "length", "10", "usage"},
		{"httpx", "/ray/v1/chat/completions", "openai_chat", "ray", "stop", "10", "usage"},
		{"httpx", "/generate_stream", "tgi", "unknown", "stop", "10", "usage"},
		{"httpx", "/generate", "sglang", "unknown", "length", "20", "usage"},
		{"httpx", "/v2/models/llama/generate_stream", "triton", "llama", "", "0", "chunks"},
		{"httpx", "/worker_generate_stream", "worker", "vicuna", "stop", "10", "usage"},
	} {
		t.Run(c.api, func(t *testing.T) {
			m := p.observe(t, s.Target("llm"))
			out, err := exec.Command(python, filepath.Join(p.Apps, "askscripted.py"), c.client, s.URL(), c.route, itoa(n)).CombinedOutput()
			if err != nil {
				t.Fatalf("%v\n%s", err, out)
			}
			records := strings.Split(strings.TrimSpace(string(out)), "\n")
			want(t, "answers that the client had", len(records), n)
			var first, whole float64
			for _, line := range records {
				var r seen
				if err := json.Unmarshal([]byte(line), &r); err != nil {
					t.Fatalf("%v: %s", err, line)
				}
				want(t, "events that the client saw", r.Events, tokens)
				want(t, "tokens that the client was told", itoa(r.Tokens), c.stated)
				first += time.Duration(r.First-r.Start).Seconds() / n
				whole += time.Duration(r.End-r.Start).Seconds() / n
			}
			got := scrape(t, m)
			noLoss(t, got)
			want(t, "requests", got.Value("model_requests_total", "api", c.api, "model", c.model, "stream", "true", "code", "200", "outcome", "ok"), n)
			want(t, "all requests", got.Value("model_requests_total"), n)
			output := float64(n * tokens)
			if c.api == "sglang" {
				output *= 2
			}
			want(t, "output tokens", got.Value("model_tokens_total", "type", "output", "source", c.source), output)
			want(t, "output tokens of any source", got.Value("model_tokens_total", "type", "output"), output)
			if c.source == "usage" {
				want(t, "input tokens", got.Value("model_tokens_total", "type", "input", "source", "usage"), n*4)
			}
			if c.finish != "" {
				want(t, "finish reasons", got.Value("model_finish_total", "reason", c.finish), n)
			}
			gaps, _ := got.Histogram("model_inter_chunk_latency_seconds")
			writes := uint64(tokens)
			if c.model == "ray" {
				writes /= 2 // two events in each, between which there is no gap
			}
			want(t, "gaps between chunks and gaps left out", gaps+leftOut(got), n*(writes-1))
			within(t, "time to first token", got, "model_time_to_first_token_seconds", n, 0.05, first)
			within(t, "duration", got, "model_request_duration_seconds", n, 0.05+(tokens-1)*0.02, whole)
		})
	}
}
