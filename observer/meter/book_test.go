// SPDX-License-Identifier: Apache-2.0

package meter

import (
	"fmt"
	"math"
	"testing"

	"github.com/modeltap/modeltap/observer/event"
)

const second = int64(1e9)

func TestRateIsTheLastTenSeconds(t *testing.T) {
	var r rate
	for s := int64(100); s < 120; s++ {
		r.add(s*second, 50)
	}
	if got := r.perSecond(120*second - 1); math.Abs(got-50) > 0.01 {
		t.Errorf("steady 50 tokens/s show as %v", got)
	}
	if got := r.perSecond(125 * second); math.Abs(got-25) > 0.01 {
		t.Errorf("5 s after the last token %v, want 25", got)
	}
	if got := r.perSecond(131 * second); got != 0 {
		t.Errorf("11 s after the last token %v, want 0", got)
	}
}

func TestRateReconciles(t *testing.T) {
	for name, c := range map[string]struct {
		live, diff       float64
		start, end, when int64
		want             float64
	}{
		"more than was counted":     {30, 70, 105, 109, 109, 10},
		"fewer than were counted":   {30, -20, 105, 109, 109, 1},
		"never below zero":          {30, -500, 105, 109, 109, 0},
		"what lies before has left": {0, 1000, 10, 109, 109, 10},
		"in one moment":             {0, 100, 109, 109, 109, 10},
		"a start after the end":     {0, 100, 200, 109, 109, 10},
	} {
		t.Run(name, func(t *testing.T) {
			var r rate
			for s := int64(105); s < 110 && c.live > 0; s++ {
				r.add(s*second, c.live/5)
			}
			r.spread(c.start*second, c.end*second, c.diff)
			if got := r.perSecond(c.when*second + second - 1); math.Abs(got-c.want) > 0.01 {
				t.Errorf("%v tokens/s, want %v", got, c.want)
			}
		})
	}
}

func TestSeriesExpireAndFreeTheirModel(t *testing.T) {
	labels := NewLabels(2)
	b := NewBook(labels, 10*second, false)
	for i := range 5 {
		b.Series("s", "api", fmt.Append(nil, "m", i), 0)
	}
	if got := models(b); len(got) != 3 || !got["m0"] || !got["m1"] || !got[OtherModel] {
		t.Fatalf("models %v, want m0, m1, other", got)
	}
	b.Series("s", "api", []byte("m1"), 11*second)
	b.Expire(11 * second)
	if got := models(b); len(got) != 1 || !got["m1"] {
		t.Fatalf("models %v, want m1 alone", got)
	}
	if s := b.Series("s", "api", []byte("m9"), 12*second); s.Model != "m9" {
		t.Errorf("model %q after others left, want m9", s.Model)
	}
}

func models(b *Book) map[string]bool {
	m := map[string]bool{}
	for _, s := range b.Snapshot(nil, 0) {
		m[s.Model] = true
	}
	return m
}

func TestUnknownAndOtherAreNotCounted(t *testing.T) {
	b := NewBook(NewLabels(1), second, false)
	for _, name := range []string{"", "unknown", "other", "real"} {
		b.Series("s", "api", []byte(name), 0)
	}
	if got := models(b); len(got) != 3 || !got["real"] {
		t.Errorf("models %v, want unknown, other and real", got)
	}
}

func TestKnownMintsNothing(t *testing.T) {
	b := NewBook(NewLabels(8), second, false)
	if s := b.Known("s", "api", []byte("claimed"), 0); s.Model != UnknownModel {
		t.Errorf("a model that nobody confirmed became a label: %q", s.Model)
	}
	b.Series("s", "api", []byte("real"), 0)
	if s := b.Known("s", "api", []byte("real"), 0); s.Model != "real" {
		t.Errorf("a known model became %q", s.Model)
	}
}

func TestCalibrationIsSharedByApis(t *testing.T) {
	b := NewBook(NewLabels(8), second, false)
	x, y := b.Series("s", "a", []byte("m"), 0), b.Series("s", "b", []byte("m"), 0)
	z := b.Series("t", "a", []byte("m"), 0)
	if x.Calibration != y.Calibration || x.Calibration == z.Calibration {
		t.Error("calibration belongs to a (server, model)")
	}
}

func TestInFlightIsOfOneSnapshot(t *testing.T) {
	b := NewBook(NewLabels(8), second, false)
	s := b.Series("s", "a", nil, 0)
	s.InFlight(Waiting, false)
	s.InFlight(Streaming, true)
	want := event.Series{Waiting: 1, Streaming: 1, Stalled: 1}
	got := b.Snapshot(nil, 0)[0]
	if got.Waiting != want.Waiting || got.Streaming != want.Streaming || got.Stalled != want.Stalled {
		t.Errorf("in flight %+v", got)
	}
	if again := b.Snapshot(nil, 0)[0]; again.Waiting+again.Streaming+again.Stalled != 0 {
		t.Errorf("the next snapshot still has %+v", again)
	}
}
