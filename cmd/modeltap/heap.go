// SPDX-License-Identifier: Apache-2.0

package main

import (
	"runtime"
	"runtime/debug"
	"time"
)

const (
	// startHeap is the soft limit of Go's memory during the start, which needs
	// more for a moment (kernel types, programs) than the daemon ever does when
	// idle. It costs some collections, and takes over 1 MiB off the peak.
	startHeap = 10 << 20
	// startTime bounds the start.
	startTime = 3 * time.Second
)

// tightHeap keeps the heap small until the start is over, which the caller says
// with the function that it gets, or for startTime.
// A heap that is large already, of tokenizers, is left alone.
func tightHeap() (over func()) {
	var m runtime.MemStats
	if runtime.ReadMemStats(&m); m.HeapAlloc > startHeap/2 {
		return func() {}
	}
	before := debug.SetMemoryLimit(startHeap)
	timer := time.AfterFunc(startTime, func() { debug.SetMemoryLimit(before) })
	return func() {
		if timer.Stop() {
			debug.SetMemoryLimit(before)
		}
	}
}
