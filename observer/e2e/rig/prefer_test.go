// SPDX-License-Identifier: Apache-2.0

package rig

import (
	"os"
	"runtime"
	"testing"

	"golang.org/x/sys/unix"
)

// TestPrefer: the thread goes first and is as before afterwards.
func TestPrefer(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("needs root to go first")
	}
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	policy := func() uint32 {
		a, err := unix.SchedGetAttr(0, 0)
		if err != nil {
			t.Fatal(err)
		}
		return a.Policy
	}
	before := policy()
	as := prefer()
	during := policy()
	as()
	if after := policy(); during != unix.SCHED_FIFO || after != before {
		t.Errorf("policy %d, then %d, then %d; want %[1]d, %d, %[1]d", before, during, after, unix.SCHED_FIFO)
	}
}
