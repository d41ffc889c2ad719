// SPDX-License-Identifier: Apache-2.0

package rig

import (
	"runtime"

	"golang.org/x/sys/unix"
)

// prefer lets the calling goroutine run before all processes of usual priority
// until the function that it returns is called, as far as this process may.
// Threads and children that it makes are as usual (SCHED_RESET_ON_FORK).
func prefer() (as func()) {
	runtime.LockOSThread()
	before, err := unix.SchedGetAttr(0, 0)
	if err == nil {
		err = unix.SchedSetAttr(0, &unix.SchedAttr{Size: unix.SizeofSchedAttr, Policy: unix.SCHED_FIFO, Priority: 1, Flags: unix.SCHED_FLAG_RESET_ON_FORK}, 0)
	}
	return func() {
		if err == nil {
			_ = unix.SchedSetAttr(0, before, 0)
		}
		runtime.UnlockOSThread()
	}
}
