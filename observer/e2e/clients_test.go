// SPDX-License-Identifier: Apache-2.0

package e2e

import (
	"encoding/json"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/modeltap/modeltap/observer/e2e/rig"
)

// seen is one request as a client library recorded it, times in ns of
// CLOCK_MONOTONIC.
type seen struct {
	Start, First, End int64
	Events, Tokens    int
}

// TestRealClients observes a service while unmodified client libraries ask it.
func TestRealClients(t *testing.T) {
	p := need(t)
	s := p.serve(t, "uvicorn-uvloop-httptools", "chat:app")
	const n, tokens = 8, 10
	for _, client := range []string{"openai", "httpx", "aiohttp"} {
		t.Run(client, func(t *testing.T) {
			m := p.observe(t, s.Target("llm"))
			cmd := exec.Command(filepath.Join(p.Venv, "python"), filepath.Join(p.Apps, "clients.py"), client, s.URL(),
				strconv.Itoa(n), strconv.Itoa(tokens), "0.05", "0.005")
			out, err := cmd.Output()
			if err != nil {
				t.Fatalf("%v: %v\n%s", cmd.Args, err, err.(*exec.ExitError).Stderr)
			}
			var first, whole float64
			records := strings.Split(strings.TrimSpace(string(out)), "\n")
			want(t, "answers that the client had", len(records), n)
			for _, line := range records {
				var r seen
				if err := json.Unmarshal([]byte(line), &r); err != nil {
					t.Fatal(err)
				}
				want(t, "events that the client saw", r.Events, tokens)
				want(t, "tokens that the client was told", r.Tokens, tokens)
				first += time.Duration(r.First-r.Start).Seconds() / n
				whole += time.Duration(r.End-r.Start).Seconds() / n
			}
			got := scrape(t, m)
			noLoss(t, got)
			want(t, "requests", got.Value("model_requests_total", "api", "openai_chat", "outcome", "ok"), n)
			want(t, "tokens", got.Value("model_tokens_total", "type", "output", "source", "usage"), n*tokens)
			within(t, "time to first token", got, "model_time_to_first_token_seconds", n, 0.05, first)
			within(t, "duration", got, "model_request_duration_seconds", n, 0.05+(tokens-1)*0.005, whole)
		})
	}
}

// within compares a histogram's mean with a client library's: above it by no
// more than the promised millisecond, since a library hands over later than its
// socket had it, and below what the server slept, least, by no more than the
// coarseness of its timers. How late a library is depends on the machine.
func within(t *testing.T, what string, m rig.Metrics, name string, n uint64, least, client float64) {
	t.Helper()
	count, sum := m.Histogram(name)
	want(t, what+" count", count, n)
	mean := sum / float64(count)
	t.Logf("%s: modeltap %.2f ms, server at least %.2f ms, client %.2f ms", what, mean*1e3, least*1e3, client*1e3)
	if mean > client+0.001 || mean < 0.95*least {
		t.Errorf("%s: modeltap %v s, server at least %v s, client %v s", what, mean, least, client)
	}
}

// TestRealCurl compares with curl's own timers, connection by connection.
func TestRealCurl(t *testing.T) {
	p := need(t)
	s := p.serve(t, "uvicorn-asyncio-h11", "chat:app")
	m := p.observe(t, s.Target("llm"))
	const n = 6
	var total, size float64
	for range n {
		out, err := exec.Command("curl", "-sS", "-o", "/dev/null", "-H", "Content-Type: application/json", "-d", `{"prompt":"x"}`,
			"-w", "%{time_total} %{time_pretransfer} %{size_download}", s.URL()+"/generate?n=5&prefill=0.05&gap=0.005").Output()
		if err != nil {
			t.Fatal(err)
		}
		var f [3]float64
		for i, v := range strings.Fields(string(out)) {
			if f[i], err = strconv.ParseFloat(v, 64); err != nil {
				t.Fatal(err)
			}
		}
		total, size = total+(f[0]-f[1])/n, size+f[2]
	}
	got := scrape(t, m)
	noLoss(t, got)
	within(t, "duration", got, "model_request_duration_seconds", n, 0.05+4*0.005, total)
	_, bytes := got.Histogram("model_response_size_bytes")
	want(t, "response bytes", bytes, size)
}
