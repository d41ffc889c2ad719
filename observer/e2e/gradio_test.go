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

// TestRealGradio observes a Gradio chat while Gradio's own client asks it, and
// plain HTTP: each answer is one request, whose output comes over a connection
// of its own.
func TestRealGradio(t *testing.T) {
	p := need(t)
	port, err := rig.FreePort()
	if err != nil {
		t.Fatal(err)
	}
	python := filepath.Join(p.Venv, "python")
	s, err := rig.StartServer(rig.Options{Env: []string{"PYTHONDONTWRITEBYTECODE=1", "GRADIO_ANALYTICS_ENABLED=False", "HF_HUB_OFFLINE=1"}},
		port, "/config", python, filepath.Join(p.Apps, "gradiochat.py"), itoa(port))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Kill)
	const n, words = 4, 10
	for _, c := range []struct {
		client string
		words  int
		tokens float64 // a comma is one
		stream string
		slept  float64 // s, by the server
	}{
		{"chat", words, words, "true", 0.3 + (words-1)*0.02},
		{"together", words, words, "true", 0.3 + (words-1)*0.02},
		{"call", words, words, "true", 0.3 + (words-1)*0.02},
		{"block", 6, 7, "false", 0.3},
	} {
		t.Run(c.client, func(t *testing.T) {
			m := p.observe(t, s.Target("gradio"))
			cmd := exec.Command(python, filepath.Join(p.Apps, "askgradio.py"), c.client, s.URL(), itoa(n), itoa(words), "0.3", "0.02")
			cmd.Env = append(cmd.Environ(), "HF_HUB_OFFLINE=1")
			out, err := cmd.Output()
			if err != nil {
				t.Fatalf("%v: %v\n%s\n%s", cmd.Args, err, out, err.(*exec.ExitError).Stderr)
			}
			records := strings.Split(strings.TrimSpace(string(out)), "\n")
			want(t, "answers that the client had", len(records), n)
			var first, whole float64
			for _, line := range records {
				var r seen
				if err := json.Unmarshal([]byte(line), &r); err != nil {
					t.Fatalf("%v: %s", err, line)
				}
				want(t, "words that the client had", r.Tokens, c.words)
				first += time.Duration(r.First-r.Start).Seconds() / n
				whole += time.Duration(r.End-r.Start).Seconds() / n
			}
			got := scrape(t, m)
			noLoss(t, got)
			want(t, "requests", got.Value("model_requests_total", "api", "gradio", "stream", c.stream, "code", "200", "outcome", "ok"), n)
			want(t, "all requests", got.Value("model_requests_total"), n)
			want(t, "requests that were not paired", got.Value("modeltap_unpaired_requests_total"), 0)
			if tokens := got.Value("model_tokens_total", "type", "output") / n; tokens < 0.75*c.tokens || tokens > 1.25*c.tokens {
				t.Errorf("%g output tokens of %g", tokens, c.tokens)
			}
			within(t, "duration", got, "model_request_duration_seconds", n, c.slept, whole)
			if c.stream == "false" {
				return
			}
			gaps, _ := got.Histogram("model_inter_chunk_latency_seconds")
			want(t, "gaps between updates and gaps left out", gaps+leftOut(got), n*(words-1))
			within(t, "time to first token", got, "model_time_to_first_token_seconds", n, 0.3, first)
		})
	}
}
