// SPDX-License-Identifier: Apache-2.0

package servers

import (
	"slices"
	"time"
)

// christen gives a state that has counted nothing the name that turned out to be
// its own. If that is the name of a server that is gone, that server has come
// back, as a container that restarts, and its state, which is returned, takes
// everything over. Connections that were met before bear the same name.
func (t *Table) christen(s *state, base string) *state {
	gone := t.absent(s, base)
	if gone == nil || !s.live() {
		t.rename(s, base)
		return s
	}
	t.states = slices.DeleteFunc(t.states, func(o *state) bool { return o == s })
	gone.sockets, gone.packet = s.sockets, s.packet
	gone.place, gone.door, gone.unnamed = s.place, s.door, s.unnamed
	gone.gone, gone.past = time.Time{}, nil
	gone.server.belief.Store(s.server.belief.Load())
	gone.server.used.Store(t.tick.Load())
	s.server.name.Store(gone.server.name.Load())
	s.server.confirmed.Store(gone.server.confirmed.Load())
	s.server.standing.Store(gone.server.standing.Load())
	t.describe(gone)
	s.server.info.Store(gone.server.info.Load())
	return gone
}

// absent returns the server of that name that is gone, one that was in the place
// of s before any other; nil for none.
func (t *Table) absent(s *state, base string) *state {
	var best *state
	for _, o := range t.states {
		if o == s || o.live() || o.spec != s.spec || o.base != base || o.place.Port != s.place.Port {
			continue
		}
		if same, _ := o.place.Same(s.place); best == nil || same {
			best = o
		}
	}
	return best
}
