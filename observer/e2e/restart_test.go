// SPDX-License-Identifier: Apache-2.0

package e2e

import (
	"testing"

	"github.com/modeltap/modeltap/observer/e2e/rig"
)

// TestRealStartedMidStream starts the daemon while a stream runs. That stream
// may be counted, once and as incomplete, and falsifies nothing; the next
// request of the same connection is measured.
func TestRealStartedMidStream(t *testing.T) {
	p := need(t)
	s := p.serve(t, "uvicorn-uvloop-httptools", "chat:app")
	c := dial(t, s)
	defer c.Close()

	going, attached := make(chan struct{}), make(chan struct{})
	call := chat(150, true, true, "gap=0.02")
	tokens, during := 0, 0
	call.OnToken = func() {
		if tokens++; tokens == 10 {
			close(going)
		}
		select {
		case <-attached:
			during++
		default:
		}
	}
	running := make(chan error, 1)
	go func() { _, err := c.Do(call); running <- err }()
	<-going
	m := p.observe(t, s.Target("llm"))
	close(attached)
	if err := <-running; err != nil {
		t.Fatal(err)
	}
	if during < 10 {
		t.Fatalf("the daemon was ready with only %d tokens to go: the machine is too busy to tell", during)
	}
	next := do(t, c, chat(10, true, true, "prefill=0.03&gap=0.005"))
	compare(t, m, "llm", []*rig.Answer{next})
	got := scrape(t, m)
	want(t, "good requests", got.Value("model_requests_total", "outcome", "ok"), 1)
	want(t, "incomplete requests", got.Value("model_requests_total", "outcome", "incomplete"), 1)
	for _, name := range []string{"model_request_duration_seconds", "model_time_to_first_token_seconds", "model_time_to_first_chunk_seconds"} {
		count, _ := got.Histogram(name)
		want(t, name, count, 1)
	}
	want(t, "lost", got.Value("modeltap_capture_lost_total"), 0)
	want(t, "panics", got.Value("modeltap_panics_total"), 0)
}

// TestRealKilled kills the daemon in the middle of a stream: the stream does
// not notice, nothing stays attached, and a new daemon measures the next
// request of the same connection.
func TestRealKilled(t *testing.T) {
	p := need(t)
	s := p.serve(t, "uvicorn-uvloop-httptools", "chat:app")
	m := p.observe(t, s.Target("llm"))
	c := dial(t, s)
	defer c.Close()
	call := chat(20, true, true, "gap=0.01")
	tokens := 0
	call.OnToken = func() {
		if tokens++; tokens == 5 {
			m.Kill()
		}
	}
	want(t, "tokens that the client got", len(do(t, c, call).Tokens), 20)

	again := p.observe(t, s.Target("llm"))
	answers := []*rig.Answer{do(t, c, chat(10, true, true, "prefill=0.03&gap=0.005"))}
	compare(t, again, "llm", answers)
	got := scrape(t, again)
	noLoss(t, got)
	want(t, "requests", got.Value("model_requests_total"), 1)
}

// TestRealServerRestart restarts the server on its port: its series go on
// under the same name.
func TestRealServerRestart(t *testing.T) {
	p := need(t)
	first := p.serve(t, "uvicorn-uvloop-httptools", "chat:app")
	m := p.observe(t, first.Target("llm"))
	before := kept(t, first, 2, chat(5, true, true, "gap=0.005"))
	first.Kill()

	second, err := p.Serve("uvicorn-uvloop-httptools", "chat:app", first.Port, rig.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(second.Kill)
	// New listeners are noticed within 2 s; where the tap sits at the root of
	// the cgroups nothing is missed meanwhile.
	until(t, "the new process is known", m, func(got rig.Metrics) bool {
		for _, pid := range second.PIDs() {
			if got.Has("model_server_info", "server", "llm", "pid", itoa(pid)) {
				return true
			}
		}
		return false
	})
	after := kept(t, second, 3, chat(5, true, true, "gap=0.005"))
	compare(t, m, "llm", append(before, after...))
	got := scrape(t, m)
	noLoss(t, got)
	want(t, "requests", got.Value("model_requests_total", "server", "llm", "outcome", "ok"), 5)
	want(t, "all requests", got.Value("model_requests_total"), 5)
}
