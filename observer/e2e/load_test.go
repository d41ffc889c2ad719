// SPDX-License-Identifier: Apache-2.0

package e2e

import (
	"encoding/json"
	"fmt"
	"os/exec"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/modeltap/modeltap/observer/e2e/rig"
)

// processors runs a test with a daemon that has two processors and with one that
// has as many as a node: no limit may depend on them.
func processors(t *testing.T, f func(t *testing.T)) {
	for _, n := range []int{2, 16} {
		t.Run("GOMAXPROCS="+itoa(n), func(t *testing.T) {
			t.Setenv("GOMAXPROCS", itoa(n))
			f(t)
		})
	}
}

func itoa(n int) string { return strconv.Itoa(n) }

// load runs the C client against s and returns how many requests were
// answered. amount is "Nx" for N requests on each connection, or milliseconds.
func (p parts) load(t *testing.T, s *rig.Server, connections int, amount, target string) float64 {
	t.Helper()
	out, err := exec.Command(p.csrv, "load", itoa(s.Port), itoa(connections), amount, target).Output()
	if err != nil {
		t.Fatalf("csrv load %s: %v", target, err)
	}
	var r struct{ Requests, Seconds float64 }
	if err := json.Unmarshal(out, &r); err != nil {
		t.Fatal(err)
	}
	t.Logf("%s: %v requests in %.2f s on %d connections", target, r.Requests, r.Seconds, connections)
	return r.Requests
}

// TestLoadChunks sends 100,000 chunks/s for 10 s: every request and every
// token is counted and no record is lost.
func TestLoadChunks(t *testing.T) { processors(t, loadChunks) }

func loadChunks(t *testing.T) {
	p := need(t)
	s := p.serveC(t)
	m := p.observe(t, s.Target("llm"))
	const connections, each, chunks = 100, 2, 5000
	n := p.load(t, s, connections, itoa(each)+"x", fmt.Sprintf("/v1/chat/completions?n=%d&gap_us=1000", chunks))
	want(t, "answers", n, connections*each)
	got := scrape(t, m)
	noLoss(t, got)
	want(t, "requests", got.Value("model_requests_total", "outcome", "ok", "model", "flood"), n)
	want(t, "all requests", got.Value("model_requests_total"), n)
	want(t, "output tokens", got.Value("model_tokens_total", "type", "output"), n*chunks)
	gaps, _ := got.Histogram("model_inter_chunk_latency_seconds")
	// On a busy machine the client may hold chunks up, and the server put several
	// into one packet: there is no gap then.
	if all := uint64(connections * each * (chunks - 1)); gaps > all || gaps < all-all/20 {
		t.Errorf("%d gaps between chunks, %d left out, of %d", gaps, leftOut(got), all)
	}
	_, peak, err := m.RSS()
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("peak RSS %d MiB", peak>>20)
}

// TestLoadStreams holds 10,000 streams open at once: exact counts, at most
// 150 MiB, /metrics in under a second.
func TestLoadStreams(t *testing.T) { processors(t, loadStreams) }

func loadStreams(t *testing.T) {
	p := need(t)
	s := p.serveC(t)
	m := p.observe(t, s.Target("llm"))
	const streams, chunks = 10_000, 8
	target := fmt.Sprintf("/v1/chat/completions?n=%d&gap_us=1000000&delay_ms=1000&usage=1", chunks)
	done := make(chan float64, 1)
	go func() { done <- p.load(t, s, streams, "1x", target) }()
	until(t, "all streams run", m, func(got rig.Metrics) bool {
		return got.Value("model_requests_in_flight", "state", "streaming") == streams
	})
	before := rig.Now()
	scrape(t, m)
	if took := time.Duration(rig.Now() - before); took > time.Second {
		t.Errorf("/metrics took %v with %d streams, want under 1s", took, streams)
	}
	want(t, "answers", <-done, streams)

	got := settle(t, m)
	noLoss(t, got)
	want(t, "requests", got.Value("model_requests_total", "outcome", "ok"), streams)
	want(t, "all requests", got.Value("model_requests_total"), streams)
	want(t, "output tokens", got.Value("model_tokens_total", "type", "output", "source", "usage"), streams*chunks)
	firsts, _ := got.Histogram("model_time_to_first_token_seconds")
	want(t, "first tokens", firsts, streams)
	_, peak, err := m.RSS()
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("peak RSS %d MiB", peak>>20)
	if peak > 150<<20 {
		t.Errorf("peak RSS %d MiB, want at most 150", peak>>20)
	}
	until(t, "closed connections are released", m, func(got rig.Metrics) bool {
		return got.Value("modeltap_tracked_connections") == 0
	})
}

// TestLoadUploads sends 50 requests of 10 MB at once: no record is lost, sizes
// are exact and durations right.
func TestLoadUploads(t *testing.T) {
	p := need(t)
	s := p.serveC(t)
	m := p.observe(t, s.Target("llm"))
	body := append([]byte(`{"model":"vision","image":"`), append(bytesOf('A', 10_000_000), `"}`...)...)
	answers := atOnce(t, s, 50, rig.Call{Target: "/describe", Body: body})
	compare(t, m, "llm", answers)
	got := scrape(t, m)
	noLoss(t, got)
	want(t, "requests", got.Value("model_requests_total", "outcome", "ok"), 50)
	want(t, "all requests", got.Value("model_requests_total"), 50)
	_, sum := got.Histogram("model_request_size_bytes")
	want(t, "request bytes", sum, float64(50*len(body)))
	if got.Value("modeltap_skipped_bytes_total") == 0 {
		t.Error("modeltap_skipped_bytes_total = 0: the uploads were copied whole")
	}
}

// TestLoadConnections opens and drops thousands of connections without asking
// anything: they are forgotten and the next request is measured.
func TestLoadConnections(t *testing.T) { processors(t, loadConnections) }

func loadConnections(t *testing.T) {
	p := need(t)
	s := p.serveC(t)
	m := p.observe(t, s.Target("llm"))
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			for i := range 1000 {
				c, err := rig.Dial(s.Port)
				if err != nil {
					t.Error(err)
					return
				}
				if i%2 == 0 {
					if _, err := c.Write([]byte("POST /v1/chat")); err != nil {
						t.Error(err)
					}
				}
				c.Close()
			}
		})
	}
	wg.Wait()
	compare(t, m, "llm", kept(t, s, 3, rig.Call{Target: "/v1/chat/completions?n=5&gap_us=5000&delay_ms=20&usage=1", Body: []byte(`{"model":"flood","stream":true}`)}))
	got := until(t, "closed connections are released", m, func(got rig.Metrics) bool {
		return got.Value("modeltap_tracked_connections") == 0
	})
	want(t, "good requests", got.Value("model_requests_total", "outcome", "ok"), 3)
	want(t, "lost", got.Value("modeltap_capture_lost_total"), 0)
	want(t, "panics", got.Value("modeltap_panics_total"), 0)
}

// ringMapped is how much of the resident set is the ring's second mapping, which
// is the same memory once more.
const ringMapped = 8 << 20

// TestIdleCost watches a server that nobody asks for 10 s: at most 64 MiB, the
// ring counted once, and 0.5 % of a core.
func TestIdleCost(t *testing.T) {
	p := need(t)
	s := p.serveC(t)
	m := p.observe(t, s.Target("llm"))
	scrape(t, m)
	const span = 10 * time.Second
	before := m.CPU()
	time.Sleep(span) // the measurement itself
	used := m.CPU() - before
	_, peak, err := m.RSS()
	if err != nil {
		t.Fatal(err)
	}
	peak -= ringMapped
	t.Logf("idle: %v of processor in %v (%.3f %% of a core), peak RSS %.1f MiB", used, span, 100*float64(used)/float64(span), float64(peak)/(1<<20))
	if used > span/200 {
		t.Errorf("idle: %v of processor in %v, want at most 0.5 %% of a core", used, span)
	}
	if peak > 64<<20 {
		t.Errorf("idle: peak RSS %d MiB, want at most 64", peak>>20)
	}
}
