// SPDX-License-Identifier: Apache-2.0

package discover

import (
	"fmt"
	"testing"
	"time"
)

// Without tcp_diag, listeners are told by their inodes alone or not at all. What
// is not known to listen in our own namespace is then no proof that nothing does.
func TestWithoutDiag(t *testing.T) {
	for i := range 1 << 5 {
		is := func(bit int) bool { return i>>bit&1 == 1 }
		mute, noPIDs, multipath, targets, before := is(0), is(1), is(2), is(3), is(4)
		at := fmt.Sprintf("silent %v, no pids %v, multipath %v, targets %v, from before %v", mute, noPIDs, multipath, targets, before)
		var list []string
		if targets {
			list = []string{"8000"}
		}
		h := newHost(t, list...)
		h.noPIDs, h.blind, h.diag = noPIDs, noPIDs, inodes
		if mute {
			h.diag = silent
		}
		var s *fake
		if before {
			s = h.serve(home, 7, "0.0.0.0:8000", "vllm")
		}
		h.boot()
		if !before {
			s = h.serve(home, 7, "0.0.0.0:8000", "vllm")
		}
		s.multipath = multipath
		h.answer(s)
		server := h.ask(s)
		if server == nil {
			t.Errorf("%s: it was not found", at)
			continue
		}
		server.Confirm()
		for range 10 {
			h.pass(6 * time.Second)
			if again := h.ask(s); again != server {
				t.Fatalf("%s: its next request belongs to %v", at, again)
			}
		}
		if l := h.tab.Servers(); len(l) != 1 || !l[0].Listening || !h.captured(s) {
			t.Errorf("%s: %+v, %+v", at, l, h.applied)
		}
		h.kill(s)
		h.pass(24 * time.Second)
		if l := h.tab.Servers(); len(l) != len(list) || len(l) > 0 && l[0].Listening {
			t.Errorf("%s: listed after its end: %+v", at, l)
		}
	}
}
