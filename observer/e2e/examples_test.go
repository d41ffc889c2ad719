// SPDX-License-Identifier: Apache-2.0

package e2e

import (
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/modeltap/modeltap/observer/e2e/rig"
)

// TestExamples runs what docs/first-five-minutes.md describes.
func TestExamples(t *testing.T) {
	p := need(t)
	examples, err := filepath.Abs("../../docs/examples")
	if err != nil {
		t.Fatal(err)
	}
	python := filepath.Join(p.Venv, "python")
	run := func(t *testing.T, argv ...string) {
		t.Helper()
		cmd := exec.Command(python, argv...)
		cmd.Env = append(cmd.Environ(), "HF_HUB_OFFLINE=1")
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("%q: %v\n%s", argv, err, out)
		}
	}
	free := func(t *testing.T) int {
		t.Helper()
		port, err := rig.FreePort()
		if err != nil {
			t.Fatal(err)
		}
		return port
	}

	t.Run("service", func(t *testing.T) {
		port := free(t)
		s, err := rig.ServeArgv(port, rig.Options{Dir: examples, Env: []string{"PYTHONDONTWRITEBYTECODE=1"}},
			filepath.Join(p.Venv, "uvicorn"), "service:app", "--port", itoa(port), "--log-level", "warning")
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(s.Kill)
		m := p.observe(t, s.Target("chat"))
		run(t, filepath.Join(examples, "load.py"), s.URL(), "2")
		got := settle(t, m)
		noLoss(t, got)
		streams := got.Value("model_requests_total", "server", "chat", "stream", "true", "outcome", "ok")
		if streams < 3 || got.Value("model_requests_total", "server", "chat", "stream", "false", "outcome", "ok") < 3 {
			t.Errorf("three clients streamed and one asked for predictions: %v", got["model_requests_total"])
		}
		if n := got.Value("model_tokens_total", "type", "output"); n < 20*streams {
			t.Errorf("%v tokens in %v answers of 20 words and more", n, streams)
		}
		firsts, sum := got.Histogram("model_time_to_first_token_seconds")
		if mean := sum / float64(firsts); float64(firsts) != streams || mean < 0.1 { // how much later depends on the machine
			t.Errorf("%v first tokens of %v streams after %.3f s in the mean; the service waits 0.1 to 0.4 s", firsts, streams, mean)
		}
	})

	t.Run("chatbot", func(t *testing.T) {
		port := free(t)
		s, err := rig.StartServer(rig.Options{Env: []string{"PYTHONDONTWRITEBYTECODE=1", "GRADIO_ANALYTICS_ENABLED=False",
			"HF_HUB_OFFLINE=1", "GRADIO_SERVER_PORT=" + itoa(port)}}, port, "/config", python, filepath.Join(examples, "chatbot.py"))
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(s.Kill)
		m := p.observe(t)
		run(t, "-c", strings.NewReplacer("URL", s.URL()).Replace(`from gradio_client import Client
client = Client("URL", verbose=False)
for _ in range(3):
    list(client.submit("hello", api_name="/chat"))`))
		got := settle(t, m)
		// The first answer of a discovered server may be the one that proves it.
		server := "chatbot.py:" + itoa(port)
		if n := got.Value("model_requests_total", "server", server, "api", "gradio", "stream", "true", "outcome", "ok"); n < 2 || n > 3 {
			t.Errorf("%v answers of 3 are counted: %v", n, got["model_requests_total"])
		}
	})
}
