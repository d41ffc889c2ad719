// SPDX-License-Identifier: Apache-2.0

package exporter

import (
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

func TestWall(t *testing.T) {
	want := time.Date(2026, 1, 2, 3, 4, 5, 6, time.UTC)
	if got := Wall(want.UnixNano()); !got.Equal(want) {
		t.Errorf("realtime: %v", got)
	}
	before := time.Now()
	var mono unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_MONOTONIC, &mono); err != nil {
		t.Fatal(err)
	}
	after := time.Now()
	got := Wall(mono.Nano())
	// Wall reads the two clocks one after the other, so it is off by no more
	// than the time it took; and the clocks are slewed against each other.
	slack := time.Since(after) + time.Millisecond
	if got.Before(before.Add(-slack)) || got.After(after.Add(slack)) {
		t.Errorf("monotonic: %v, not between %v and %v", got, before, after)
	}
}
