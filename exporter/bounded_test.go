// SPDX-License-Identifier: Apache-2.0

package exporter

import (
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/modeltap/modeltap/gpu"
	"github.com/modeltap/modeltap/observer/event"
	"github.com/modeltap/modeltap/observer/host"
)

// part is a collector of one gauge that does something before.
type part struct {
	family
	before func()
}

func (p part) Describe(ch chan<- *prometheus.Desc) { ch <- p.desc }
func (p part) Collect(ch chan<- prometheus.Metric) { p.before(); p.emit(ch, 1) }

// One part hangs for ever: the others are there in every scrape, and what waits
// for it is bounded.
func TestAPartThatHangsDelaysNoOther(t *testing.T) {
	r := newRig(t)
	release := make(chan struct{})
	var mu sync.Mutex
	inside := 0
	stuck := newBounded("stuck", func(chan<- prometheus.Metric) {
		mu.Lock()
		inside++
		mu.Unlock()
		<-release
	}, func(chan<- *prometheus.Desc) {})
	stuck.limit = 20 * time.Millisecond
	r.registry.MustRegister(stuck, Bounded("good", part{gauge("good", "Help."), func() {}}))
	for range maxStuck + 5 {
		f := r.scrape()
		if v := f.value(t, "good", nil); v != 1 {
			t.Error("the other part is missing")
		}
		if bad, good := f.value(t, "modeltap_collector_success", prometheus.Labels{"collector": "stuck"}), f.value(t, "modeltap_collector_success", prometheus.Labels{"collector": "good"}); bad != 0 || good != 1 {
			t.Errorf("success: stuck %v, good %v", bad, good)
		}
		if took := f.value(t, "modeltap_collector_duration_seconds", prometheus.Labels{"collector": "stuck"}); took < 0.02 || took > 2 {
			t.Errorf("stuck took %v s", took)
		}
	}
	mu.Lock()
	n := inside
	mu.Unlock()
	if n != maxStuck {
		t.Errorf("%d goroutines are stuck, want %d", n, maxStuck)
	}
	close(release)
	for end := time.Now().Add(5 * time.Second); ; time.Sleep(time.Millisecond) {
		if r.scrape().value(t, "modeltap_collector_success", prometheus.Labels{"collector": "stuck"}) == 1 {
			break
		}
		if time.Now().After(end) {
			t.Fatal("it stays missing after the hang")
		}
	}
}

// The process trees are read from files too: the observer's metrics do not wait
// for them.
func TestProcessesThatHang(t *testing.T) {
	release := make(chan struct{})
	defer close(release)
	r := newRig(t, func(o *Options) {
		o.Processes = func(map[string]int, []int) map[string]host.Tree { <-release; return nil }
		o.GPUs = func() gpu.Snapshot { return gpu.Snapshot{} }
	})
	r.trees.limit = 20 * time.Millisecond
	r.state.Servers = []event.Server{{Name: "vllm:8000", PID: 42}}
	f := r.scrape()
	if v := f.value(t, "modeltap_collector_success", prometheus.Labels{"collector": "processes"}); v != 0 {
		t.Error("success of what hangs")
	}
	if f["model_server_info"] == nil {
		t.Error("the observer's state is missing")
	}
}

func TestAPartThatPanics(t *testing.T) {
	r := newRig(t)
	r.registry.MustRegister(Bounded("bad", part{gauge("bad", "Help."), func() { panic("boom") }}))
	w := httptest.NewRecorder()
	serverOf(t, r).Handler().ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/metrics", nil))
	if body := w.Body.String(); w.Code != http.StatusOK || !strings.Contains(body, `modeltap_collector_success{collector="bad"} 0`) || !strings.Contains(body, "modeltap_build_info") {
		t.Errorf("%d\n%.300s", w.Code, body)
	}
}

// As many scrapers as there may be at once, in all formats, while exchanges
// end: each gets everything.
func TestManyScrapersWithEverythingOn(t *testing.T) {
	r := busyRig(t, 4, 2)
	s := httptest.NewServer(serverOf(t, r).Handler())
	defer s.Close()
	stop := make(chan struct{})
	var feeding sync.WaitGroup
	feeding.Go(func() {
		x := streamed()
		for {
			select {
			case <-stop:
				return
			default:
				r.Exchange(&x)
			}
		}
	})
	var all sync.WaitGroup
	for i := range maxScrapes {
		all.Go(func() {
			for range 3 {
				q, _ := http.NewRequest(http.MethodGet, s.URL+"/metrics", nil)
				q.Header.Set("Accept", []string{"text/plain", "application/openmetrics-text", "application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;encoding=delimited"}[i%3])
				if i%3 == 0 {
					q.Header.Set("Accept-Encoding", "identity")
				}
				a, err := http.DefaultClient.Do(q)
				if err != nil {
					t.Error(err)
					return
				}
				var body strings.Builder
				_, err = io.Copy(&body, a.Body)
				_ = a.Body.Close()
				if err != nil || a.StatusCode != http.StatusOK {
					t.Errorf("%d %v", a.StatusCode, err)
					return
				}
				for _, name := range []string{"model_requests_total", "gpu_up", "host_info", "modeltap_build_info", "model_server_info", "go_goroutines"} {
					if i%3 == 1 {
						name = strings.TrimSuffix(name, "_total")
					}
					if !strings.Contains(body.String(), name) {
						t.Errorf("scraper %d: no %s", i, name)
					}
				}
			}
		})
	}
	all.Wait()
	close(stop)
	feeding.Wait()
}
