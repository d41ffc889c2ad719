// SPDX-License-Identifier: Apache-2.0

package servers

import (
	"slices"
	"time"

	"github.com/modeltap/modeltap/observer/event"
)

// Remove makes a socket unknown, by its key. A server whose last socket left is
// no longer listed, but keeps its name for a restart within Options.TTL, and
// connections that outlive the listener still resolve to it.
func (t *Table) Remove(key uint64, now time.Time) {
	t.mu.Lock()
	defer t.mu.Unlock()
	door, changed := t.doors[key]
	if changed {
		delete(t.doors, key)
		t.shut(&door, now)
	}
	if _, was := t.refused[key]; was {
		delete(t.refused, key)
		changed = true
	}
	if t.unseat(key, now) || changed {
		t.publish()
		t.changed()
	}
}

// unseat takes a socket from the states that have it.
func (t *Table) unseat(key uint64, now time.Time) (had bool) {
	for _, s := range t.states {
		l, has := s.sockets[key]
		if !has {
			continue
		}
		delete(s.sockets, key)
		had = true
		if s.open() && l.Group != 0 {
			if s.past == nil {
				s.past = make(map[uint64]bool)
			}
			s.past[l.Group] = true
		}
		if len(s.sockets) == 0 {
			s.place, s.gone = l.Place, now
		}
		t.describe(s)
	}
	return had
}

// Expire forgets servers that are gone since TTL, and ends those that packets
// alone showed, that have no connection any more, and to which none came since
// idle ticks. Each call is a tick of the clock that Resolve stamps servers with.
func (t *Table) Expire(now time.Time, idle int64) {
	tick := t.tick.Add(1)
	t.mu.Lock()
	defer t.mu.Unlock()
	before := len(t.states)
	left := false
	for _, s := range t.states {
		if s.open() {
			continue
		}
		if s.packet != nil && tick-s.server.used.Load() > idle {
			s.packet, s.gone, left = nil, now, true
			t.describe(s)
		}
		if s.past != nil {
			s.past, left = nil, true
		}
	}
	t.states = slices.DeleteFunc(t.states, func(s *state) bool {
		return !s.live() && !s.open() && now.Sub(s.gone) >= t.o.TTL
	})
	left = left || len(t.states) != before
	if left {
		t.retry()
		t.publish()
		t.changed()
	}
}

// Vanished ends what packets alone showed in a cgroup that is no more.
func (t *Table) Vanished(group uint64, now time.Time) {
	t.mu.Lock()
	defer t.mu.Unlock()
	changed := false
	for _, s := range t.states {
		if s.past[group] {
			delete(s.past, group)
			changed = true
		}
		if s.packet != nil && s.packet.Group == group {
			s.packet, s.gone, changed = nil, now, true
			t.describe(s)
		}
	}
	if changed {
		t.publish()
		t.changed()
	}
}

// Drop forgets a discovered candidate that did not prove to be a server, and
// says whether there was one.
func (t *Table) Drop(p event.Place) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	before := len(t.states)
	t.states = slices.DeleteFunc(t.states, func(s *state) bool {
		if s.server.Confirmed() {
			return false
		}
		if same, _ := s.place.Same(p); same {
			return true
		}
		for _, l := range s.sockets {
			if same, _ := l.Same(p); same {
				return true
			}
		}
		return false
	})
	if len(t.states) == before {
		return false
	}
	t.publish()
	t.changed()
	return true
}

// Reload replaces targets and route rules. Servers whose target stays keep
// their identity; all others are forgotten, and the caller adds its listeners
// again, see Generation.
func (t *Table) Reload(specs []Spec, rules Rules) {
	t.mu.Lock()
	defer t.mu.Unlock()
	discovered := len(t.o.Specs) == 0
	t.o.Specs, t.o.Rules = slices.Clone(specs), rules
	t.other = nil
	clear(t.refused)
	clear(t.doors)
	t.looked = false
	t.states = slices.DeleteFunc(t.states, func(s *state) bool {
		return !t.reassign(s, discovered)
	})
	t.retry()
	t.publish()
	t.generation.Add(1)
	t.changed()
}

// reassign moves a state to the spec that took the place of its own.
func (t *Table) reassign(s *state, discovered bool) bool {
	var spec *Spec
	if discovered != (len(t.o.Specs) == 0) {
		return false
	}
	if !discovered {
		i := slices.IndexFunc(t.o.Specs, func(n Spec) bool {
			return s.spec != nil && n.Name == s.spec.Name && n.Addr == s.spec.Addr && n.Port == s.spec.Port
		})
		if i < 0 {
			return false
		}
		spec = &t.o.Specs[i]
	}
	s.spec = spec
	s.server.rules.Store(t.rules(spec))
	return true
}
