// SPDX-License-Identifier: Apache-2.0

package exporter

import (
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/klauspost/compress/zstd"

	"github.com/modeltap/modeltap/observer/event"
)

func TestMetricsFormatsAndCompression(t *testing.T) {
	r := scripted(t)
	s := serverOf(t, r)
	for _, c := range []struct{ accept, encoding, wantType, contains string }{
		{"", "", "text/plain", "model_requests_total{"},
		{"application/openmetrics-text;version=1.0.0", "", "application/openmetrics-text", "# EOF"},
		{"application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;encoding=delimited", "",
			"application/vnd.google.protobuf", "model_requests_total"},
		{"", "gzip", "text/plain", "model_requests_total{"},
		{"", "zstd", "text/plain", "model_requests_total{"},
	} {
		q := httptest.NewRequest("GET", "/metrics", nil)
		q.Header.Set("Accept", c.accept)
		q.Header.Set("Accept-Encoding", c.encoding)
		w := httptest.NewRecorder()
		s.Handler().ServeHTTP(w, q)
		if w.Code != 200 || !strings.HasPrefix(w.Header().Get("Content-Type"), c.wantType) ||
			w.Header().Get("Content-Encoding") != c.encoding {
			t.Errorf("%+v: %d %v", c, w.Code, w.Header())
			continue
		}
		var body io.Reader = w.Body
		var err error
		switch c.encoding {
		case "gzip":
			body, err = gzip.NewReader(w.Body)
		case "zstd":
			body, err = zstd.NewReader(w.Body)
		}
		if err != nil {
			t.Fatal(err)
		}
		text, err := io.ReadAll(body)
		if err != nil || !strings.Contains(string(text), c.contains) {
			t.Errorf("%+v: %v, %d bytes without %q", c, err, len(text), c.contains)
		}
	}
}

func TestOneScrapeTooMany(t *testing.T) {
	inside, release := make(chan struct{}, maxScrapes), make(chan struct{})
	r := newRig(t, func(o *Options) {
		o.SnapshotTimeout = time.Hour
		o.Snapshot = func(context.Context) (event.Snapshot, error) {
			inside <- struct{}{}
			<-release
			return event.Snapshot{}, nil
		}
	})
	s := serverOf(t, r)
	codes := make(chan int, maxScrapes+1)
	for range maxScrapes + 1 {
		go func() { codes <- do(s, "GET", "/metrics").Code }()
	}
	// All but one wait for the snapshot; the one is refused at once.
	if code := <-codes; code != http.StatusServiceUnavailable {
		t.Errorf("the scrape too many: %d, want 503", code)
	}
	<-inside
	close(release)
	for range maxScrapes {
		if code := <-codes; code != 200 {
			t.Errorf("a scrape within the limit: %d", code)
		}
	}
}

func TestHealthAndReadiness(t *testing.T) {
	var notReady error
	s := serverOf(t, newRig(t), func(o *ServerOptions) { o.Ready = func() error { return notReady } })
	if w := do(s, "GET", "/-/healthy"); w.Code != 200 {
		t.Errorf("healthy: %d", w.Code)
	}
	if w := do(s, "GET", "/-/ready"); w.Code != 200 {
		t.Errorf("ready: %d", w.Code)
	}
	notReady = errors.New("no cgroup v2 is mounted")
	if w := do(s, "GET", "/-/ready"); w.Code != 503 || !strings.Contains(w.Body.String(), "no cgroup v2 is mounted") {
		t.Errorf("not ready: %d %s", w.Code, w.Body)
	}
	if w := do(s, "GET", "/-/healthy"); w.Code != 200 {
		t.Errorf("healthy while not ready: %d", w.Code)
	}
}

func TestReload(t *testing.T) {
	var result error
	calls := 0
	on := serverOf(t, newRig(t), func(o *ServerOptions) {
		o.Reload = func() error { calls++; return result }
	})
	off := serverOf(t, newRig(t))
	if w := do(off, "POST", "/-/reload"); w.Code != 403 || !strings.Contains(w.Body.String(), "--web.enable-lifecycle") {
		t.Errorf("off: %d %s", w.Code, w.Body)
	}
	if w := do(on, "GET", "/-/reload"); w.Code != 405 || calls != 0 {
		t.Errorf("GET: %d after %d calls", w.Code, calls)
	}
	if w := do(on, "POST", "/-/reload"); w.Code != 200 || calls != 1 {
		t.Errorf("POST: %d after %d calls", w.Code, calls)
	}
	result = errors.New("line 3: unknown key")
	if w := do(on, "POST", "/-/reload"); w.Code != 500 || !strings.Contains(w.Body.String(), "line 3: unknown key") {
		t.Errorf("bad file: %d %s", w.Code, w.Body)
	}
}

func TestLandingPageLinksWork(t *testing.T) {
	s := serverOf(t, newRig(t), func(o *ServerOptions) { o.TelemetryPath = "/telemetry/all" })
	page := do(s, "GET", "/")
	if page.Code != 200 || !strings.HasPrefix(page.Header().Get("Content-Type"), "text/html") {
		t.Fatalf("%d %v", page.Code, page.Header())
	}
	links := strings.Split(page.Body.String(), `href="`)[1:]
	if len(links) < 5 {
		t.Errorf("%d links", len(links))
	}
	for _, l := range links {
		path, _, _ := strings.Cut(l, `"`)
		if w := do(s, "GET", path); w.Code != 200 {
			t.Errorf("%s: %d", path, w.Code)
		}
	}
	for _, path := range []string{"/metrics", "/nothing", "/debug/pprof/"} {
		if w := do(s, "GET", path); w.Code != 404 {
			t.Errorf("%s: %d, want 404", path, w.Code)
		}
	}
}

func TestPprofOnlyOnRequest(t *testing.T) {
	s := serverOf(t, newRig(t), func(o *ServerOptions) { o.Pprof = true })
	for _, path := range []string{"/debug/pprof/", "/debug/pprof/goroutine", "/debug/pprof/cmdline"} {
		if w := do(s, "GET", path); w.Code != 200 {
			t.Errorf("%s: %d", path, w.Code)
		}
	}
}

// Counts that contradict each other are refused by client_golang.
func TestABadMetricFailsAlone(t *testing.T) {
	var log bytes.Buffer
	r := newRig(t, native, func(o *Options) { o.Logger = slog.New(slog.NewTextHandler(&log, nil)) })
	x := streamed()
	r.Exchange(&x)
	r.state.Series = []event.Series{{Server: "s", InterToken: event.Histogram{Native: map[int]int64{1: 5}}}}
	w := do(serverOf(t, r), "GET", "/metrics")
	if w.Code != 200 {
		t.Fatalf("%d %s", w.Code, w.Body)
	}
	for name, want := range map[string]bool{
		"model_requests_total{": true, "model_inter_chunk_latency_seconds_count{": true, "model_inter_token_latency_seconds_count{": false,
	} {
		if strings.Contains(w.Body.String(), name) != want {
			t.Errorf("%s: present is not %v", name, want)
		}
	}
	if !strings.Contains(log.String(), "model_inter_token_latency_seconds") {
		t.Errorf("the log does not name the metric: %s", log.String())
	}
}
