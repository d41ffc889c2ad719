// SPDX-License-Identifier: Apache-2.0

package top

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/modeltap/modeltap/cmd/modeltap/top/figures"
)

// Rates look back over a window, however often the daemon is looked at, and
// little is held.
func TestWindow(t *testing.T) {
	for _, interval := range []time.Duration{200 * time.Millisecond, time.Second, 3 * time.Second, 30 * time.Second} {
		var h history
		var f *figures.Figures
		for i := range 100 {
			f = h.add(scraped(t, exposition(i), t0.Add(time.Duration(i)*interval)))
		}
		if f.Over < max(Window, interval) || f.Over > Window+interval+time.Second {
			t.Errorf("every %v: over %v", interval, f.Over)
		}
		if len(h.scrapes) > 13 {
			t.Errorf("every %v: %d scrapes are held", interval, len(h.scrapes))
		}
	}
}

func TestHistoryIsBounded(t *testing.T) {
	var h history
	for i := range keepTicks + 50 {
		h.add(scraped(t, exposition(i), t0.Add(time.Duration(i)*time.Second)))
	}
	if len(h.ticks) != keepTicks || len(h.trends) != 2 {
		t.Errorf("%d ticks and %d trends are held", len(h.ticks), len(h.trends))
	}
	for k, v := range h.trends {
		if len(v) != keepTicks {
			t.Errorf("the trend of %v has %d points", k, len(v))
		}
	}
	// A server that is gone takes its trend with it.
	h.add(scraped(t, "modeltap_panics_total 0\n", t0.Add(time.Hour)))
	if len(h.trends) != 0 {
		t.Errorf("%d trends of servers that are gone", len(h.trends))
	}
	var many strings.Builder
	many.WriteString("process_start_time_seconds 1\n")
	before := many.String()
	for i := range figures.MaxRows {
		histogram(&many, "model_time_to_first_token_seconds", fmt.Sprintf("server=\"s%d\"", i), []float64{1, 2, 3, 4, 5}, []int{1, 1, 1, 1, 1, 1})
	}
	h = history{}
	h.add(scraped(t, before, t0))
	h.add(scraped(t, "# TYPE model_time_to_first_token_seconds histogram\n"+many.String(), t0.Add(time.Second)))
	if n := len(h.ticks[1].heat); n != keepHeat {
		t.Errorf("%d buckets of a tick are held, want %d", n, keepHeat)
	}
}

// Heat counts what came in each tick, of the wanted servers.
func TestHeatMap(t *testing.T) {
	var h history
	for i := range 4 {
		h.add(scraped(t, exposition(i), t0.Add(time.Duration(i)*time.Second)))
	}
	bounds, columns := h.heatMap(ttft, 80, func(k figures.Key) bool { return k.Model == "phi-4" })
	if len(bounds) != 4 || len(columns) != 4 {
		t.Fatalf("%d bounds, %d columns", len(bounds), len(columns))
	}
	if fmt.Sprint(columns[0], columns[3]) != "[0 0 0 0 0] [0 3 1 1 0]" {
		t.Errorf("%v", columns)
	}
	rows := heatRows(columns, 2)
	if len(rows) != 2 || rows[0].to != 2 || rows[0].values[3] != 4 || rows[1].values[3] != 1 {
		t.Errorf("two rows: %+v", rows)
	}
	if heatRows([][]float64{{0, 0}}, 3) != nil {
		t.Error("nothing makes rows")
	}
	if _, c := h.heatMap(itl, 2, func(figures.Key) bool { return true }); len(c) != 2 {
		t.Errorf("%d columns of 2", len(c))
	}
}

// A clock that stands still or steps back makes no rate.
func TestClockStepsBack(t *testing.T) {
	var h history
	h.add(scraped(t, exposition(5), t0.Add(5*time.Second)))
	if f := h.add(scraped(t, exposition(6), t0)); f.Over != 0 {
		t.Errorf("over %v", f.Over)
	}
	if f := h.add(scraped(t, exposition(7), t0.Add(time.Second))); f.Over != time.Second {
		t.Errorf("afterwards over %v", f.Over)
	}
}
