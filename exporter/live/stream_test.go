// SPDX-License-Identifier: Apache-2.0

package live

import (
	"bufio"
	"context"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"
)

// sse is a stream as a browser reads it.
type sse struct {
	t     *testing.T
	resp  *http.Response
	lines *bufio.Scanner
}

type tickEvent struct {
	ID   string
	Name string
	Data struct {
		Boot     int64
		Tick     Tick
		Requests []Request
		Servers  []Server
	}
}

func open(t *testing.T, url string, header ...string) *sse {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	t.Cleanup(cancel)
	q, err := http.NewRequestWithContext(ctx, "GET", url+"/api/v1/live/stream", nil)
	if err != nil {
		t.Fatal(err)
	}
	for i := 0; i < len(header); i += 2 {
		q.Header.Set(header[i], header[i+1])
	}
	resp, err := http.DefaultClient.Do(q)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { resp.Body.Close() })
	s := &sse{t: t, resp: resp, lines: bufio.NewScanner(resp.Body)}
	s.lines.Buffer(nil, 1<<20)
	return s
}

// block returns the lines up to an empty one.
func (s *sse) block() (lines []string, ok bool) {
	for s.lines.Scan() {
		if s.lines.Text() == "" {
			return lines, true
		}
		lines = append(lines, s.lines.Text())
	}
	return lines, false
}

func (s *sse) event() (e tickEvent) {
	s.t.Helper()
	lines, ok := s.block()
	if !ok {
		s.t.Fatal("the stream ended")
	}
	for _, l := range lines {
		name, value, _ := strings.Cut(l, ": ")
		switch name {
		case "id":
			e.ID = value
		case "event":
			e.Name = value
		case "data":
			if err := json.Unmarshal([]byte(value), &e.Data); err != nil {
				s.t.Fatalf("%v in %s", err, value)
			}
		default:
			s.t.Fatalf("line %q", l)
		}
	}
	return e
}

// serving starts the ticks of r in real time, and serves.
func serving(t *testing.T, r *rig) (*httptest.Server, context.CancelFunc) {
	t.Helper()
	r.opts.Now = time.Now
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan struct{})
	go func() { _ = r.Run(ctx); close(ended) }()
	server := httptest.NewServer(r.mux)
	t.Cleanup(func() { stop(); <-ended; server.Close() })
	return server, stop
}

func TestStream(t *testing.T) {
	r := newRig(t)
	server, stop := serving(t, r)
	s := open(t, server.URL)
	for name, want := range map[string]string{"Content-Type": "text/event-stream", "X-Accel-Buffering": "no", "Cache-Control": "no-store"} {
		if got := s.resp.Header.Get(name); got != want {
			t.Errorf("%s: %q, want %q", name, got, want)
		}
	}
	if lines, _ := s.block(); len(lines) != 1 || lines[0] != "retry: 2000" {
		t.Errorf("it begins with %q", lines)
	}
	x := streamed()
	r.Exchange(&x)
	seconds, requests := map[string]bool{}, 0
	for requests == 0 || len(seconds) < 2 {
		e := s.event()
		if e.Name != "tick" || seconds[e.ID] || e.Data.Boot != r.boot {
			t.Fatalf("event %+v after %v", e, seconds)
		}
		seconds[e.ID] = true
		for _, q := range e.Data.Requests {
			requests++
			if q.Number != 1 || q.Model != "llama" || *q.FirstToken != 0.25 || *q.Output != 11 {
				t.Errorf("request %+v", q)
			}
		}
	}
	if requests != 1 {
		t.Errorf("the request came %d times", requests)
	}
	stop()
	if _, ok := s.block(); ok {
		if _, ok = s.block(); ok {
			t.Error("the stream goes on after the end")
		}
	}
}

func TestAReturningViewerGetsWhatItMissed(t *testing.T) {
	r := newRig(t)
	for range 5 {
		x := streamed()
		r.Exchange(&x)
		r.next()
	}
	server := httptest.NewServer(r.mux)
	defer server.Close()
	first := r.now.Unix() - 4
	for _, c := range []struct {
		name   string
		header []string
		query  string
	}{
		{"Last-Event-ID", []string{"Last-Event-ID", itoa(first + 1)}, ""},
		{"since", nil, "?since=" + itoa(first+1)},
	} {
		q, _ := http.NewRequestWithContext(t.Context(), "GET", server.URL+"/api/v1/live/stream"+c.query, nil)
		for i := 0; i < len(c.header); i += 2 {
			q.Header.Set(c.header[i], c.header[i+1])
		}
		resp, err := http.DefaultClient.Do(q)
		if err != nil {
			t.Fatal(err)
		}
		s := &sse{t: t, resp: resp, lines: bufio.NewScanner(resp.Body)}
		s.lines.Buffer(nil, 1<<20)
		s.block() // retry
		for want := first + 2; want <= first+4; want++ {
			e := s.event()
			if e.ID != itoa(want) || e.Data.Tick.Second != want {
				t.Errorf("%s: %s, want %d", c.name, e.ID, want)
			}
			if n := len(e.Data.Requests); (want == first+4) != (n == 5) {
				t.Errorf("%s: %d requests with %d", c.name, n, want)
			}
		}
		resp.Body.Close()
	}
}

func itoa(n int64) string { b, _ := json.Marshal(n); return string(b) }

// A viewer that does not read is dropped, and the others get all.
func TestASlowViewerIsDropped(t *testing.T) {
	r := newRig(t)
	slow, _ := r.join(0)
	quick, _ := r.join(0)
	got := 0
	for range viewerQueue + 3 {
		r.next()
		select {
		case <-quick.events:
			got++
		default:
		}
	}
	select {
	case <-slow.gone:
	default:
		t.Error("it is waited for")
	}
	if got != viewerQueue+3 || len(r.viewers) != 1 {
		t.Errorf("the other got %d events of %d; %d viewers", got, viewerQueue+3, len(r.viewers))
	}
}

func TestTooManyViewers(t *testing.T) {
	r := newRig(t)
	var first *viewer
	for range maxViewers {
		v, _ := r.join(0)
		if first == nil {
			first = v
		}
	}
	w := r.get("/api/v1/live/stream")
	if w.Code != 503 || w.Header().Get("Retry-After") == "" || !strings.Contains(w.Body.String(), "32 viewers") {
		t.Errorf("one too many: %d %s", w.Code, w.Body)
	}
	r.leave(first)
	if w := r.get("/api/v1/live/stream"); w.Code != 200 {
		t.Errorf("after one has left: %d", w.Code)
	}
}

// Ticks come each second while somebody watches, else seldom.
func TestPeriod(t *testing.T) {
	r := newRig(t)
	if d := r.untilNext(time.Unix(100, 250e6)); d != idlePeriod-250*time.Millisecond {
		t.Errorf("idle: %v", d)
	}
	v, _ := r.join(0)
	if d := r.untilNext(time.Unix(100, 250e6)); d != 750*time.Millisecond {
		t.Errorf("watched: %v", d)
	}
	r.leave(v)
	if d := r.untilNext(time.Unix(100, 0)); d != idlePeriod {
		t.Errorf("after the last viewer: %v", d)
	}
}
