// SPDX-License-Identifier: Apache-2.0

//go:build linux

package cgroup

import (
	"runtime"

	"golang.org/x/sys/unix"
)

// preferred is the nice value of the reading thread. On a saturated host a
// thread that sleeps most of the time may wait longer for a processor than the
// ring lasts. It does not work more for it, only sooner.
const preferred = -10

// prefer raises the priority of the calling goroutine's thread where
// CAP_SYS_NICE allows; without, it changes nothing. The returned function
// takes it back.
func prefer() (restore func()) {
	runtime.LockOSThread()
	thread := unix.Gettid()
	// The system call returns 20 - nice (getpriority(2), C library differences).
	before, err := unix.Getpriority(unix.PRIO_PROCESS, thread)
	if err != nil || unix.Setpriority(unix.PRIO_PROCESS, thread, preferred) != nil {
		return runtime.UnlockOSThread
	}
	return func() {
		// A thread whose priority is not what it was must not run others.
		if unix.Setpriority(unix.PRIO_PROCESS, thread, 20-before) == nil {
			runtime.UnlockOSThread()
		}
	}
}
