// SPDX-License-Identifier: Apache-2.0

package servers

import (
	"slices"
	"time"

	"github.com/modeltap/modeltap/observer/event"
	"github.com/modeltap/modeltap/observer/identity"
)

// Add makes a listening socket known. In discovery the caller adds candidates,
// and what is refused so that nothing else takes its packets; with targets,
// sockets that no target means are passed over. Adding a socket again renews
// what is known of it. It returns the servers that the socket belongs to.
func (t *Table) Add(l Listener) []*Server {
	t.mu.Lock()
	defer t.mu.Unlock()
	specs := t.meant(&l)
	var out []*Server
	_, was := t.refused[l.Key]
	delete(t.refused, l.Key)
	for _, spec := range specs {
		if !refuses(spec, l.Verdict) {
			out = append(out, t.seat(spec, l))
			continue
		}
		t.unseat(l.Key, time.Time{})
		if len(t.refused) < maxStates {
			t.refused[l.Key] = l
		}
		for _, s := range t.states { // what was taken for a server there was this
			if same, _ := s.place.Same(l.Place); same && s.spec == spec && len(s.sockets) == 0 && s.gone.IsZero() {
				s.server.belief.Store(disproved)
			}
		}
	}
	if len(specs) > 0 || was {
		t.reclaim()
		t.publish()
		t.changed()
	}
	return out
}

// refuses says whether a spec, nil in discovery, means no listener of this kind.
func refuses(spec *Spec, v Verdict) bool {
	switch v {
	case Nobody:
		return true
	case Relay:
		return spec == nil || !spec.Addr.IsValid()
	case Refused:
		return spec == nil
	}
	return false
}

// meant returns the specs that mean a listener; one nil in discovery.
func (t *Table) meant(l *Listener) []*Spec {
	if len(t.o.Specs) == 0 {
		return []*Spec{nil}
	}
	var specs []*Spec
	for i := range t.o.Specs {
		if s := &t.o.Specs[i]; s.covers(l.Place) && !t.narrower(s, l) {
			specs = append(specs, s)
		}
	}
	return specs
}

// narrower says whether another spec names the listener's very address.
func (t *Table) narrower(s *Spec, l *Listener) bool {
	if s.Addr.IsValid() {
		return false
	}
	return slices.ContainsFunc(t.o.Specs, func(o Spec) bool {
		return o.Port == s.Port && o.Addr.IsValid() && o.Addr == l.Addr.Unmap()
	})
}

// seat finds or makes the state for a listener: the live one that it belongs
// to, else a gone one of the same name, in the same place if possible.
func (t *Table) seat(spec *Spec, l Listener) *Server {
	base := baseName(spec, &l)
	var old *state
	for _, s := range t.states {
		if s.spec != spec || s.place.Port != l.Port {
			continue
		}
		if s.live() && s.has(&l) {
			old = s
			break
		}
		if !s.live() && s.base == base && (old == nil || s.has(&l) && !old.has(&l)) {
			old = s
		}
	}
	if old == nil {
		return t.create(spec, l).server
	}
	if old.shown() {
		old.server.belief.Store(believed)
		old.unnamed = true
	}
	if old.unnamed && !old.counted() {
		old = t.christen(old, base) // what its packets could not tell, its socket does
	}
	old.unnamed = old.unnamed && l.Unnamed
	t.hush(old, &l)
	if !old.live() {
		old.gone, old.past = time.Time{}, nil
	}
	t.join(old, l)
	t.publish()
	return old.server
}

// hush forgets what else packets showed of the server that a listener belongs
// to, at other addresses of it. What is followed there ends by itself.
func (t *Table) hush(s *state, l *Listener) {
	t.states = slices.DeleteFunc(t.states, func(o *state) bool {
		return o != s && o.spec == s.spec && o.rumour() && !o.open() && o.has(l)
	})
}

// join adds a socket to a state and lets it learn what was unknown.
func (t *Table) join(s *state, l Listener) {
	if was, again := s.sockets[l.Key]; again {
		l.Place = complete(l.Place, was.Place)
	}
	if l.Key != 0 {
		if len(s.sockets) == 0 && s.packet != nil {
			l.Place = complete(l.Place, s.packet.Place)
		}
		s.sockets[l.Key], s.packet = l, nil
		s.place = t.reach(s.spec, &l)
	} else {
		s.packet = &l
	}
	t.describe(s)
}

// complete fills in what is not known of a place from an older look at it.
func complete(p, old event.Place) event.Place {
	if p.Group == 0 {
		p.Group = old.Group
	}
	if p.NetNS == 0 {
		p.NetNS = old.NetNS
	}
	if p.Node == 0 {
		p.Node = old.Node
	}
	return p
}

// Doubted lists the places whose packets were taken for a server's, and of
// which nobody has told what they are; see Tell.
func (t *Table) Doubted() []event.Place {
	t.mu.Lock()
	defer t.mu.Unlock()
	var out []event.Place
	for _, s := range t.states {
		if s.packet != nil && s.server.belief.Load() == doubted {
			out = append(out, s.packet.Place)
		}
	}
	return out
}

// Tell says who owns a place that is Doubted, and what the owner looks like:
// what is refused now was never a server, all else is one.
func (t *Table) Tell(p event.Place, o identity.Owner, v Verdict) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, s := range slices.Clone(t.states) { // christen may remove one
		if s.packet == nil || s.packet.Place != p || s.server.belief.Load() != doubted {
			continue
		}
		counted := s.counted()
		s.packet.Owner, s.packet.Verdict = o, v
		if refuses(s.spec, v) {
			s.server.belief.Store(disproved)
		} else {
			s.server.belief.Store(believed)
			if !counted {
				s = t.christen(s, baseName(s.spec, s.packet))
			}
		}
		t.describe(s)
	}
	t.reclaim()
	t.publish()
	t.changed()
}
