// SPDX-License-Identifier: Apache-2.0

package exporter

import "github.com/modeltap/modeltap/observer/event"

// ring keeps the last exchanges by value.
type ring struct {
	slots []event.Exchange
	next  int
	full  bool
}

func newRing(n int) ring { return ring{slots: make([]event.Exchange, n)} }

func (r *ring) put(x *event.Exchange) {
	r.slots[r.next] = *x
	r.next++
	if r.next == len(r.slots) {
		r.next, r.full = 0, true
	}
}

// last returns copies of at most limit exchanges, newest first, of one server
// or, when server is empty, of all.
func (r *ring) last(server string, limit int) []event.Exchange {
	held := r.next
	if r.full {
		held = len(r.slots)
	}
	out := make([]event.Exchange, 0, min(limit, held))
	for i := 1; i <= held && len(out) < limit; i++ {
		x := &r.slots[(r.next-i+len(r.slots))%len(r.slots)]
		if server == "" || x.Server == server {
			out = append(out, *x)
		}
	}
	return out
}
