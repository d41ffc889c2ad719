// SPDX-License-Identifier: Apache-2.0

package exporter

import (
	"time"

	"golang.org/x/sys/unix"
)

// Wall turns the time of a live source into wall-clock time. The cgroup tap
// stamps with CLOCK_MONOTONIC (bpf_ktime_get_ns), packet sockets with
// CLOCK_REALTIME; a value beyond 2001 as the latter would be 31 years of uptime
// as the former. The offset between the clocks is read at each call, so that a
// step of the wall clock shifts past times too.
func Wall(ns int64) time.Time {
	const realtime = 1e18
	if ns >= realtime {
		return time.Unix(0, ns)
	}
	var mono unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_MONOTONIC, &mono); err != nil {
		return time.Time{}
	}
	return time.Now().Add(time.Duration(ns - mono.Nano()))
}
