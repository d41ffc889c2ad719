// SPDX-License-Identifier: Apache-2.0

package exporter

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/modeltap/modeltap/observer/event"
)

// What the observer reports while it drains for a scrape is in that scrape.
func TestAScrapeShowsWhatItsOwnSnapshotDrained(t *testing.T) {
	var r *rig
	r = newRig(t, func(o *Options) {
		o.Snapshot = func(context.Context) (event.Snapshot, error) {
			x := streamed()
			r.Exchange(&x)
			return event.Snapshot{}, nil
		}
	})
	for want := 1.0; want <= 3; want++ {
		if n := r.scrape().value(t, "model_requests_total", nil); n != want {
			t.Fatalf("%v requests, want %v: one snapshot for each scrape, and first", n, want)
		}
	}
}

// A Snapshot that hangs, even one that ignores its context, delays a scrape by
// no more than the timeout, and is not called again meanwhile.
func TestAHangingSnapshotDoesNotHangTheScrape(t *testing.T) {
	release := make(chan struct{})
	calls := make(chan struct{}, 10)
	r := newRig(t, func(o *Options) {
		o.SnapshotTimeout = time.Millisecond
		o.Snapshot = func(context.Context) (event.Snapshot, error) {
			calls <- struct{}{}
			<-release
			return event.Snapshot{Connections: 7}, nil
		}
	})
	x := streamed()
	r.Exchange(&x)
	for want := 1.0; want <= 3; want++ {
		got := r.scrape()
		if n := got.value(t, "modeltap_snapshot_failures_total", nil); n != want {
			t.Errorf("failures %v, want %v", n, want)
		}
		if n := got.value(t, "model_requests_total", nil); n != 1 {
			t.Errorf("requests %v, want 1", n)
		}
		if got["modeltap_tracked_connections"] != nil {
			t.Error("a gauge was shown that nobody read")
		}
	}
	if n := len(calls); n != 1 {
		t.Errorf("Snapshot was called %d times while it hung", n)
	}
	close(release)
	r.snapshots <- struct{}{} // the hanging call has returned
	<-r.snapshots
	r.opts.SnapshotTimeout = time.Minute
	if n := r.scrape().value(t, "modeltap_tracked_connections", nil); n != 7 {
		t.Errorf("after it recovered: %v connections, want 7", n)
	}
}

func TestAFailingSnapshotIsCounted(t *testing.T) {
	r := newRig(t, func(o *Options) {
		o.Snapshot = func(context.Context) (event.Snapshot, error) { return event.Snapshot{}, errors.New("stopped") }
	})
	if n := r.scrape().value(t, "modeltap_snapshot_failures_total", nil); n != 1 {
		t.Errorf("%v failures, want 1", n)
	}
}

func TestReloaded(t *testing.T) {
	const ok, when = "modeltap_config_last_reload_successful", "modeltap_config_last_reload_success_timestamp_seconds"
	r := newRig(t)
	started := r.now
	for _, c := range []struct {
		err  error
		ok   float64
		when time.Time
	}{
		{errors.New("line 3: unknown key"), 0, started},
		{nil, 1, started.Add(2 * time.Minute)},
	} {
		r.now = r.now.Add(time.Minute)
		r.Reloaded(c.err)
		got := r.scrape()
		if v := got.value(t, ok, nil); v != c.ok {
			t.Errorf("%v: successful %v, want %v", c.err, v, c.ok)
		}
		if v := got.value(t, when, nil); v != float64(c.when.Unix()) {
			t.Errorf("%v: timestamp %v, want %v", c.err, v, c.when.Unix())
		}
	}
}
