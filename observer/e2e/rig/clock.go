// SPDX-License-Identifier: Apache-2.0

package rig

import (
	"math"

	"golang.org/x/sys/unix"
)

// Now reads CLOCK_MONOTONIC in ns, the clock of bpf_ktime_get_ns.
func Now() int64 { return clock(unix.CLOCK_MONOTONIC) }

func clock(id int32) int64 {
	var t unix.Timespec
	unix.ClockGettime(id, &t)
	return t.Nano()
}

// realOffset returns what to add to CLOCK_REALTIME to get CLOCK_MONOTONIC:
// the best of some readings, so that being descheduled between the two does
// not count.
func realOffset() int64 {
	best, offset := int64(math.MaxInt64), int64(0)
	for range 20 {
		before, real, after := Now(), clock(unix.CLOCK_REALTIME), Now()
		if after-before < best {
			best, offset = after-before, before+(after-before)/2-real
		}
	}
	return offset
}
