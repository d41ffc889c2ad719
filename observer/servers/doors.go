// SPDX-License-Identifier: Apache-2.0

package servers

import (
	"time"

	"github.com/modeltap/modeltap/observer/event"
)

// Door makes a listening socket known to a capture whose packets carry neither
// cgroup nor namespace, so that they alone tell at which addresses it serves:
// each is a server then, named by it. Looked says that all doors are known.
func (t *Table) Door(l Listener) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if len(t.meant(&l)) == 0 {
		return
	}
	t.doors[l.Key] = l
	t.publish()
	t.changed()
}

// Looked says that each listening socket that can matter is behind a Door, so
// that what joins in the middle elsewhere is a client's.
func (t *Table) Looked() {
	t.mu.Lock()
	defer t.mu.Unlock()
	if !t.looked {
		t.looked = true
		t.publish()
	}
}

// door returns the one that connections to p came through, nil for none.
func (t *Table) door(p event.Place) *Listener {
	var best *Listener
	for _, d := range t.doors {
		if same, _ := d.Same(p); same && anonymous(p) && (best == nil || best.Any()) {
			best = &d
		}
	}
	return best
}

// shutsOut says whether what comes through a door belongs to nobody.
func (t *Table) shutsOut(d *Listener) bool {
	for _, spec := range t.meant(d) {
		if refuses(spec, d.Verdict) {
			continue
		}
		if spec == nil || spec.Addr.IsValid() || d.Verdict != Refused {
			return false
		}
		better := false
		for _, o := range t.doors {
			better = better || o.Port == d.Port && o.Verdict != Refused && o.Verdict != Relay
		}
		if !better {
			return false
		}
	}
	return true
}

// shut ends the servers that were reached through a door, unless another door
// leads to them.
func (t *Table) shut(door *Listener, now time.Time) {
	for _, s := range t.states {
		if s.packet == nil || !s.through(door) {
			continue
		}
		reached := false
		for _, d := range t.doors {
			reached = reached || s.through(&d)
		}
		if !reached {
			s.packet, s.gone = nil, now
			t.describe(s)
		}
	}
}

func (s *state) through(door *Listener) bool {
	same, _ := event.Place{Addr: door.Addr, Port: door.Port}.Same(event.Place{Addr: s.place.Addr, Port: s.place.Port})
	return same
}
