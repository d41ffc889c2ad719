// SPDX-License-Identifier: Apache-2.0

package meter

import (
	"math"
	"testing"
)

// TestSeriesSnapshot fills one series and finds all of it in the snapshot.
func TestSeriesSnapshot(t *testing.T) {
	for _, native := range []bool{false, true} {
		b := NewBook(NewLabels(1), second, native)
		s := b.Series("server", "api", []byte("model"), 100*second)
		s.Tokens(100*second, 70)
		s.Reconcile(98*second, 100*second, 30)
		s.InterToken.Observe(4*second, 2)
		s.InterChunk.Observe(4*second, 1)
		s.InFlight(Receiving, false)
		s.InFlight(Streaming, true)
		s.InFlight(Streaming, false)
		e := b.Snapshot(nil, 101*second-1)[0]
		if e.Server != "server" || e.API != "api" || e.Model != "model" {
			t.Errorf("labels %q %q %q", e.Server, e.API, e.Model)
		}
		if math.Abs(e.TokensPerSecond-10) > 1e-6 {
			t.Errorf("%v tokens/s, want 10", e.TokensPerSecond)
		}
		if e.Receiving != 1 || e.Waiting != 0 || e.Streaming != 2 || e.Stalled != 1 {
			t.Errorf("in flight %d %d %d, stalled %d", e.Receiving, e.Waiting, e.Streaming, e.Stalled)
		}
		if e.InterToken.Sum != 4 || e.InterChunk.Sum != 4 || (e.InterToken.Native != nil) != native || (e.InterChunk.Native != nil) != native {
			t.Errorf("histograms %+v %+v", e.InterToken, e.InterChunk)
		}
		if e.Calibration != 0 {
			t.Errorf("calibration %v without a request", e.Calibration)
		}
	}
}

// TestSnapshotAppends keeps what dst has, in the caller's memory.
func TestSnapshotAppends(t *testing.T) {
	b := NewBook(NewLabels(1), second, false)
	b.Series("a", "x", nil, 0)
	all := b.Snapshot(nil, 0)
	if all = b.Snapshot(all, 0); len(all) != 2 || all[0].Server != "a" || all[1].Server != "a" {
		t.Errorf("%d series: %+v", len(all), all)
	}
}

// TestTouchNeverGoesBack: the shards' clocks may be a little apart.
func TestTouchNeverGoesBack(t *testing.T) {
	b := NewBook(NewLabels(1), 10*second, false)
	s := b.Series("s", "a", nil, 100*second)
	s.Touch(3 * second)
	if b.Expire(110 * second); len(b.Snapshot(nil, 0)) != 1 {
		t.Error("a series expired early")
	}
	if b.Expire(110*second + 1); len(b.Snapshot(nil, 0)) != 0 {
		t.Error("a series outlived its ttl")
	}
}

// TestCalibrationOutlivesAnApi, as long as any series of its model is left.
func TestCalibrationOutlivesAnApi(t *testing.T) {
	b := NewBook(NewLabels(4), 10*second, false)
	x := b.Series("s", "a", []byte("m"), 0)
	b.Series("s", "b", []byte("m"), 20*second)
	b.Expire(20 * second)
	if y := b.Series("s", "a", []byte("m"), 20*second); y == x || y.Calibration != x.Calibration {
		t.Error("what was learnt of a model is forgotten while it is in use")
	}
	b.Expire(40 * second)
	if n := len(b.calib); n != 0 {
		t.Errorf("%d calibrations of nothing", n)
	}
}

func TestSteadyStateAllocatesNothing(t *testing.T) {
	b := NewBook(NewLabels(1), second, true)
	s := b.Series("s", "a", []byte("m"), 0)
	if n := testing.AllocsPerRun(100, func() {
		s.Touch(5)
		s.Tokens(5, 2)
		s.InterToken.Observe(1e6, 2)
		s.InFlight(Streaming, false)
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
}
