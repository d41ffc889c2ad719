// SPDX-License-Identifier: Apache-2.0

package exporter

import (
	"bytes"
	"compress/gzip"
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"testing"

	"github.com/prometheus/client_golang/prometheus/collectors"

	"github.com/modeltap/modeltap/gpu"
	"github.com/modeltap/modeltap/observer/event"
	"github.com/modeltap/modeltap/observer/host"
)

// busyRig is a daemon with everything on, whose every server has answered every
// model in all ways that are usual. The processes of the first server are those
// of this test.
func busyRig(t testing.TB, servers, models int, change ...func(*Options)) *rig {
	t.Helper()
	hosts := host.New(host.Options{})
	gpus := gpu.New(gpu.Options{Demo: true})
	ctx, cancel := context.WithCancel(t.Context())
	stopped := make(chan struct{})
	go func() { defer close(stopped); _ = gpus.Run(ctx) }()
	t.Cleanup(func() { cancel(); <-stopped })
	change = append(change, func(o *Options) {
		o.Processes, o.GPUs = host.NewTrees("").Read, gpus.Snapshot
	})
	r := newRig(t, change...)
	r.registry.MustRegister(Bounded("gpu", NewGPU(gpus.Snapshot, true)), Bounded("host", NewHost(hosts.Snapshot, true)),
		collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	for i := range servers {
		name := fmt.Sprintf("namespace/deployment-%03d-5f7c9/container:8000", i)
		r.state.Servers = append(r.state.Servers, event.Server{Name: name, PID: os.Getpid(), Comm: "python3", Address: "::", Port: 8000, Listening: true})
		for j := range models {
			x := streamed()
			x.Server, x.Model = name, fmt.Sprintf("organisation/Model-%d-Instruct", j)
			r.Exchange(&x)
			x.Stream = false
			r.Exchange(&x)
			x.Outcome = event.ClientAbort
			r.Exchange(&x)
			x.Outcome, x.Status = event.HTTPError, 503
			r.Exchange(&x)
			r.state.Series = append(r.state.Series, event.Series{
				Server: x.Server, API: x.API, Model: x.Model, TokensPerSecond: 40, Streaming: 1, Calibration: 1.1,
				InterToken: histogramOf(map[int]uint64{8: 5, 11: 20, 14: 2}, 1), InterChunk: histogramOf(map[int]uint64{8: 5, 11: 20, 14: 2}, 1),
			})
		}
	}
	return r
}

// scrapeInto asks for the metrics as Prometheus does, and returns their size on
// the wire.
func scrapeInto(t testing.TB, h http.Handler) *bytes.Buffer {
	t.Helper()
	q := httptest.NewRequest("GET", "/metrics", nil)
	q.Header.Set("Accept-Encoding", "gzip")
	q.Header.Set("Accept", "application/openmetrics-text;version=1.0.0;q=0.5,text/plain;version=0.0.4;q=0.3")
	w := httptest.NewRecorder()
	h.ServeHTTP(w, q)
	if w.Code != http.StatusOK {
		t.Fatal(w.Code, w.Body)
	}
	return w.Body
}

// The most that 64 servers of 8 models expose fits into 4 MB on the wire.
func TestSizeOfALargeScrape(t *testing.T) {
	h := serverOf(t, busyRig(t, 64, 8)).Handler()
	body := scrapeInto(t, h)
	if body.Len() > 4_000_000 {
		t.Errorf("%d bytes", body.Len())
	}
	z, err := gzip.NewReader(body)
	if err != nil {
		t.Fatal(err)
	}
	n, err := io.Copy(io.Discard, z)
	if err != nil || n < 1<<20 {
		t.Errorf("%d bytes of text, %v: the test shows nothing", n, err)
	}
}

func BenchmarkScrape(b *testing.B) {
	for _, c := range []struct{ servers, models int }{{8, 2}, {64, 8}} {
		b.Run(fmt.Sprintf("%dx%d", c.servers, c.models), func(b *testing.B) {
			h := serverOf(b, busyRig(b, c.servers, c.models)).Handler()
			b.ReportAllocs()
			for b.Loop() {
				b.ReportMetric(float64(scrapeInto(b, h).Len()), "B/scrape")
			}
		})
	}
}
