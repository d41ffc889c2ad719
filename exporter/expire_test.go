// SPDX-License-Identifier: Apache-2.0

package exporter

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/modeltap/modeltap/observer/event"
)

func TestSeriesExpireAfterTheirTTL(t *testing.T) {
	r := newRig(t, func(o *Options) { o.SeriesTTL = time.Minute })
	x := streamed()
	gone, live := x, x
	gone.Server, live.Server = "gone", "live"
	r.Exchange(&gone)
	r.Exchange(&live)
	r.OtherRequest("gone", 200)
	r.OtherRequest("live", 200)
	r.state.Series = []event.Series{{Server: "live", API: x.API, Model: x.Model}}

	counted := func(server string) (model, other float64) {
		got := r.scrape()
		l := prometheus.Labels{"server": server}
		return got.value(t, "model_requests_total", l), got.value(t, "modeltap_other_requests_total", l)
	}
	counted("gone") // a use counts from the scrape that shows it
	r.now = r.now.Add(time.Minute - 1)
	if m, o := counted("gone"); m != 1 || o != 1 {
		t.Errorf("before its TTL: %v, %v", m, o)
	}
	r.now = r.now.Add(1)
	got := r.scrape()
	for name := range got {
		if m := got.find(t, name, prometheus.Labels{"server": "gone"}); m != nil {
			t.Errorf("after its TTL: %s still has the series", name)
		}
	}
	r.now = r.now.Add(time.Hour)
	if m, o := counted("live"); m != 1 || o != 1 {
		t.Errorf("a live series: %v, %v, want 1, 1", m, o)
	}
	r.Exchange(&gone)
	if m, _ := counted("gone"); m != 1 {
		t.Errorf("a series that came back: %v, want 1", m)
	}
}

func TestAServerKeepsItsOtherRequestsWithoutModelTraffic(t *testing.T) {
	r := newRig(t)
	r.OtherRequest("idle", 200)
	r.state.Servers = []event.Server{{Name: "idle", Listening: true}}
	r.now = r.now.Add(time.Hour)
	if n := r.scrape().value(t, "modeltap_other_requests_total", nil); n != 1 {
		t.Errorf("%v, want 1", n)
	}
}

// Without a Snapshot nobody knows what is live.
func TestNothingExpiresWhileSnapshotsFail(t *testing.T) {
	r := newRig(t, func(o *Options) {
		o.Snapshot = func(context.Context) (event.Snapshot, error) { return event.Snapshot{}, errors.New("no") }
	})
	x := streamed()
	r.Exchange(&x)
	r.now = r.now.Add(time.Hour)
	if n := r.scrape().value(t, "model_requests_total", nil); n != 1 {
		t.Errorf("%v, want 1", n)
	}
}

// Names that come and go must not fill the memory of a daemon without scrapes.
func TestUnscrapedSeriesAreBounded(t *testing.T) {
	r := newRig(t)
	x := streamed()
	for i := range 1000 {
		x.Model = fmt.Sprint("model-", i)
		r.Exchange(&x)
		r.OtherRequest(x.Model, 200)
		r.now = r.now.Add(time.Minute)
	}
	// One TTL of ten minutes between sweeps, and one more of age.
	if n, m := len(r.children), len(r.others); n > 21 || m > 21 {
		t.Errorf("%d and %d series held", n, m)
	}
	if n := len(r.scrape()["model_requests_total"].Metric); n > 21 {
		t.Errorf("%d series served", n)
	}
}

func TestNegativeTTLKeepsEverything(t *testing.T) {
	r := newRig(t, func(o *Options) { o.SeriesTTL = -1 })
	for _, model := range []string{"a", "b"} {
		x := streamed()
		x.Model = model
		r.Exchange(&x)
		r.now = r.now.Add(24 * time.Hour)
	}
	if n := len(r.scrape()["model_requests_total"].Metric); n != 2 {
		t.Errorf("%d series, want 2", n)
	}
}
