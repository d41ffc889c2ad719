// SPDX-License-Identifier: Apache-2.0

package e2e

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/modeltap/modeltap/observer/e2e/rig"
)

// manyServers listens on n ports, each of which answers every model in the
// stream format of OpenAI or whole, and returns the arguments that name them.
func manyServers(t *testing.T, n int) (urls, args []string) {
	t.Helper()
	answer := func(w http.ResponseWriter, r *http.Request) {
		var q struct {
			Model  string
			Stream bool
		}
		if err := json.NewDecoder(r.Body).Decode(&q); err != nil {
			w.WriteHeader(http.StatusBadRequest)
			return
		}
		const usage = `"usage":{"prompt_tokens":5,"completion_tokens":3,"prompt_tokens_details":{"cached_tokens":2}}`
		if !q.Stream {
			w.Header().Set("Content-Type", "application/json")
			_, _ = fmt.Fprintf(w, `{"object":"chat.completion","model":%q,"choices":[{"index":0,"message":{"content":"a b c"},"finish_reason":"stop"}],%s}`, q.Model, usage)
			return
		}
		w.Header().Set("Content-Type", "text/event-stream")
		for i, part := range []string{`{"content":"a"}`, `{"content":" b"}`, `{"content":" c"}`, `{}`} {
			finish := "null"
			if i == 3 {
				finish = `"stop"`
			}
			_, _ = fmt.Fprintf(w, "data: {\"object\":\"chat.completion.chunk\",\"model\":%q,\"choices\":[{\"index\":0,\"delta\":%s,\"finish_reason\":%s}]}\n\n", q.Model, part, finish)
			w.(http.Flusher).Flush()
		}
		_, _ = fmt.Fprintf(w, "data: {\"object\":\"chat.completion.chunk\",\"model\":%q,\"choices\":[],%s}\n\ndata: [DONE]\n\n", q.Model, usage)
	}
	for i := range n {
		s := httptest.NewServer(http.HandlerFunc(answer))
		t.Cleanup(s.Close)
		urls = append(urls, s.URL)
		args = append(args, fmt.Sprintf("--target=deployment-%02d=%d", i, s.Listener.Addr().(*net.TCPAddr).Port))
	}
	return urls, args
}

// askAll asks each server for each model, streamed and whole.
func askAll(t *testing.T, urls []string, models int) (requests int) {
	t.Helper()
	for _, url := range urls {
		for m := range models {
			for _, stream := range []bool{true, false} {
				body := fmt.Sprintf(`{"model":"organisation/Model-%d-Instruct","stream":%v}`, m, stream)
				a, err := http.Post(url+"/v1/chat/completions", "application/json", strings.NewReader(body))
				if err != nil {
					t.Fatal(err)
				}
				_, _ = io.Copy(io.Discard, a.Body)
				_ = a.Body.Close()
				requests++
			}
		}
	}
	return requests
}

// asPrometheus scrapes as Prometheus does, and returns the metrics and their
// size on the wire and the time until all of it was there.
func asPrometheus(t *testing.T, m *rig.Modeltap) (got rig.Metrics, wire int, took time.Duration) {
	t.Helper()
	q, _ := http.NewRequest(http.MethodGet, m.URL+"/metrics", nil)
	q.Header.Set("Accept-Encoding", "gzip")
	began := time.Now()
	a, err := http.DefaultClient.Do(q)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = a.Body.Close() }()
	body, err := io.ReadAll(a.Body)
	took = time.Since(began)
	if err != nil {
		t.Fatal(err)
	}
	z, err := gzip.NewReader(bytes.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	got, err = rig.ParseMetrics(z)
	if err != nil {
		t.Fatal(err)
	}
	return got, len(body), took
}

// Scrapes of 64 servers of 8 models, one a second, while another server sends
// 50,000 chunks/s: nothing is lost, all is counted, and a scrape stays below
// 4 MB. What it costs is logged: docs/performance.md.
func TestLoadScrapes(t *testing.T) {
	p := need(t)
	for _, size := range []struct{ servers, models int }{{8, 2}, {64, 8}} {
		t.Run(fmt.Sprintf("%dx%d", size.servers, size.models), func(t *testing.T) {
			flood := p.serveC(t)
			urls, args := manyServers(t, size.servers)
			m := p.observe(t, append(args, flood.Target("flood"), "--gpu.backend=demo")...)
			asked := askAll(t, urls, size.models)
			asPrometheus(t, m)

			const span = 5 // s
			cost := func(scrapes bool) (cpu time.Duration, took []time.Duration, wire int) {
				before, next := m.CPU(), time.Now()
				for range span {
					if scrapes {
						_, n, d := asPrometheus(t, m)
						took, wire = append(took, d), n
					}
					next = next.Add(time.Second)
					time.Sleep(time.Until(next)) // the interval itself
				}
				return m.CPU() - before, took, wire
			}
			idle, _, _ := cost(false)
			busy, took, wire := cost(true)
			t.Logf("%d bytes on the wire in %v; %.2f %% of a core with a scrape a second, %.2f %% without",
				wire, took, busy.Seconds()*100/span, idle.Seconds()*100/span)
			if wire > 4_000_000 {
				t.Errorf("a scrape takes %d bytes", wire)
			}

			const connections, each, chunks = 50, 1, 5000
			done := make(chan float64, 1)
			go func() {
				done <- p.load(t, flood, connections, itoa(each)+"x", fmt.Sprintf("/v1/chat/completions?n=%d&gap_us=1000", chunks))
			}()
			_, took, _ = cost(true)
			n := <-done
			got := scrape(t, m)
			t.Logf("under load: %v", took)
			noLoss(t, got)
			want(t, "answers of the flood", n, connections*each)
			want(t, "requests of the flood", got.Value("model_requests_total", "server", "flood", "outcome", "ok"), n)
			want(t, "tokens of the flood", got.Value("model_tokens_total", "server", "flood", "type", "output"), n*chunks)
			want(t, "other requests", got.Value("model_requests_total", "outcome", "ok"), n+float64(asked))
			want(t, "cached tokens", got.Value("model_tokens_total", "type", "cached"), float64(2*asked))
			want(t, "collectors that failed", got.Value("modeltap_snapshot_failures_total"), 0)
			_, peak, err := m.RSS()
			if err != nil {
				t.Fatal(err)
			}
			t.Logf("peak RSS %d MiB", peak>>20)
		})
	}
}
