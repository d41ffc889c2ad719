// SPDX-License-Identifier: Apache-2.0

package target

import (
	"net/netip"
	"regexp"
	"slices"
	"time"
)

// Remove makes a socket unknown, by its key. A server whose last socket left is
// no longer listed, but keeps its name for a restart within Options.TTL, and
// connections that outlive the listener still resolve to it.
func (t *Table) Remove(key uint64, now time.Time) {
	t.mu.Lock()
	door, changed := t.doors[key]
	if changed {
		delete(t.doors, key)
		t.shut(door, now)
	}
	for _, s := range t.states {
		if _, has := s.sockets[key]; !has {
			continue
		}
		delete(s.sockets, key)
		if !s.live() {
			s.gone = now
		}
		t.describe(s)
		changed = true
	}
	if changed {
		t.publish()
	}
	t.mu.Unlock()
	if changed {
		t.changed()
	}
}

// shut ends the servers that were reached through a door, unless another door
// leads to them.
func (t *Table) shut(door Listener, now time.Time) {
	for _, s := range t.states {
		if s.packet == nil || !s.behind(door) {
			continue
		}
		reached := false
		for _, d := range t.doors {
			reached = reached || s.behind(d)
		}
		if !reached {
			s.packet, s.gone = nil, now
			t.describe(s)
		}
	}
}

func (s *state) behind(door Listener) bool {
	if !s.addr.IsValid() {
		return s.port == door.Local.Port()
	}
	return open(door.Local, netip.AddrPortFrom(s.addr, s.port))
}

// Expire forgets servers that are gone since TTL, and those that packets alone
// showed and that packets have shown no more since idle ticks. Each call is a
// tick of the clock that Resolve stamps servers with.
func (t *Table) Expire(now time.Time, idle int64) {
	tick := t.tick.Add(1)
	t.mu.Lock()
	before := len(t.states)
	left := false
	for _, s := range t.states {
		if s.packet != nil && tick-s.server.used.Load() > idle {
			s.packet, s.gone, left = nil, now, true
			t.describe(s)
		}
	}
	t.states = slices.DeleteFunc(t.states, func(s *state) bool {
		return !s.live() && now.Sub(s.gone) >= t.o.TTL
	})
	left = left || len(t.states) != before
	if left {
		t.retry()
		t.publish()
	}
	t.mu.Unlock()
	if left {
		t.changed()
	}
}

// Drop forgets a discovered candidate that did not prove to be a server, and
// says whether there was one.
func (t *Table) Drop(group uint64, port uint16) bool {
	t.mu.Lock()
	before := len(t.states)
	t.states = slices.DeleteFunc(t.states, func(s *state) bool {
		return s.port == port && s.group == group && !s.server.Confirmed()
	})
	dropped := len(t.states) != before
	if dropped {
		t.publish()
	}
	t.mu.Unlock()
	if dropped {
		t.changed()
	}
	return dropped
}

// Reload replaces targets and route rules. Servers whose target stays keep
// their identity; all others are forgotten, and the caller adds its listeners
// again.
func (t *Table) Reload(specs []Spec, model, ignore []*regexp.Regexp) {
	t.mu.Lock()
	old := t.o.Specs
	t.o.Specs, t.o.Model, t.o.Ignore = slices.Clone(specs), model, ignore
	t.other = nil
	t.states = slices.DeleteFunc(t.states, func(s *state) bool {
		return !t.keep(s, len(old) == 0)
	})
	t.retry()
	t.publish()
	t.mu.Unlock()
	t.changed()
}

// keep moves a state to the spec that took the place of its own.
func (t *Table) keep(s *state, discovered bool) bool {
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
	s.server.paths.Store(t.paths(spec))
	return true
}
