// SPDX-License-Identifier: Apache-2.0

package exporter

import (
	"context"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/modeltap/modeltap/gpu"
	"github.com/modeltap/modeltap/observer/event"
	"github.com/modeltap/modeltap/observer/host"
)

// Whatever a scrape calls may fail: the scrape answers without it, the next one
// is whole again and has counted it. The registry runs collectors on goroutines
// of its own, so that a panic that got out would end this test.
func TestAPanicCostsAPartOfAScrape(t *testing.T) {
	boom := false
	blow := func() {
		if boom {
			boom = false
			panic("boom")
		}
	}
	for name, change := range map[string]func(*Options){
		"snapshot": func(o *Options) {
			inner := o.Snapshot
			o.Snapshot = func(ctx context.Context) (event.Snapshot, error) { blow(); return inner(ctx) }
		},
		"clock": func(o *Options) { inner := o.Now; o.Now = func() time.Time { blow(); return inner() } },
		"processes": func(o *Options) {
			o.Processes = func(map[string]int, []int) map[string]host.Tree { blow(); return nil }
		},
		"GPUs": func(o *Options) {
			o.Processes = func(map[string]int, []int) map[string]host.Tree { return nil }
			o.GPUs = func() gpu.Snapshot { blow(); return gpu.Snapshot{} }
		},
	} {
		t.Run(name, func(t *testing.T) {
			r := newRig(t, change)
			r.state.Servers = []event.Server{{Name: "vllm:8000", PID: 42}}
			h := serverOf(t, r).Handler()
			boom = true
			w := httptest.NewRecorder()
			h.ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/metrics", nil))
			if body := w.Body.String(); w.Code != http.StatusOK || !strings.Contains(body, "modeltap_build_info") || boom {
				t.Errorf("%d, blown %v\n%.300s", w.Code, !boom, body)
			}
			own := name == "snapshot" || name == "clock" // the others say it by modeltap_collector_success
			if !own && !strings.Contains(w.Body.String(), `modeltap_collector_success{collector="processes"} 0`) {
				t.Errorf("the collector's failure is not told\n%.3000s", w.Body)
			}
			f := r.scrape()
			if f["model_server_info"] == nil {
				t.Error("the next scrape is not whole")
			}
			if n := f.value(t, "modeltap_panics_total", prometheus.Labels{}); own != (n == 1) {
				t.Errorf("%v panics counted", n)
			}
		})
	}
}
