// SPDX-License-Identifier: Apache-2.0

package exporter

import (
	"time"

	"github.com/modeltap/modeltap/observer/event"
)

// kept is an exchange with the wall-clock time of its start, zero where that is
// unknown. Clocks step and a host is suspended: the time is that of when the
// exchange came, once and for all.
type kept struct {
	event.Exchange
	started time.Time
}

// ring keeps the last exchanges by value.
type ring struct {
	slots []kept
	next  int
	full  bool
}

func newRing(n int) ring { return ring{slots: make([]kept, n)} }

func (r *ring) put(x *event.Exchange, started time.Time) {
	s := &r.slots[r.next]
	s.Exchange, s.started = *x, started
	r.next++
	if r.next == len(r.slots) {
		r.next, r.full = 0, true
	}
}

// last returns copies of at most limit exchanges, newest first, of one server
// or, when server is empty, of all.
func (r *ring) last(server string, limit int) []kept {
	held := r.next
	if r.full {
		held = len(r.slots)
	}
	out := make([]kept, 0, min(limit, held))
	for i := 1; i <= held && len(out) < limit; i++ {
		x := &r.slots[(r.next-i+len(r.slots))%len(r.slots)]
		if server == "" || x.Server == server {
			out = append(out, *x)
		}
	}
	return out
}
