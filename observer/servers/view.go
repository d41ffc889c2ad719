// SPDX-License-Identifier: Apache-2.0

package servers

import (
	"slices"

	"github.com/modeltap/modeltap/observer/event"
)

// view is the immutable picture that Resolve reads.
type view struct {
	ports  map[uint16][]entry
	specs  []Spec  // the explicit targets
	doors  []entry // see Door; server is not set
	looked bool
}

// entry is one way to a server: a socket of it, or what packets showed.
type entry struct {
	place   event.Place
	live    bool
	socket  bool // no mere packets
	refused bool // what is there belongs to nobody; server is nil
	server  *Server
}

// find returns the entry that connections to p belong to. A live one goes
// before what is gone, a socket before what packets showed, one at the very
// address before one at all, and what is sure before what is not.
func (v *view) find(p event.Place) *entry {
	var best *entry
	top := -1
	for list, i := v.ports[p.Port], 0; i < len(list); i++ {
		if rank := list[i].rank(p); rank > top {
			best, top = &list[i], rank
		}
	}
	return best
}

// rank is negative for no match.
func (e *entry) rank(p event.Place) int {
	same, sure := e.place.Same(p)
	if !same {
		return -1
	}
	rank := 0
	for i, yes := range [...]bool{e.server != nil, e.place.Group != 0 && p.Group != 0, sure, !e.place.Any(), e.socket, e.live} {
		if yes {
			rank |= 1 << i
		}
	}
	return rank
}

// wants says whether an unknown socket at p may become a server; opens, whether
// a handshake was seen in which that side accepts.
func (v *view) wants(p event.Place, opens bool) bool {
	meant := false
	for i := range v.specs {
		meant = meant || v.specs[i].matches(p)
	}
	switch {
	case !anonymous(p):
		if len(v.specs) > 0 {
			return meant
		}
		for _, e := range v.ports[p.Port] {
			if e.server != nil {
				return true
			}
		}
		return false
	case !v.looked:
		return meant
	}
	door := v.door(p)
	switch {
	case door == nil: // it may have opened a moment ago; else the port is a client's
		return meant && opens
	case door.refused:
		return false
	}
	return meant || len(v.specs) == 0
}

func (v *view) door(p event.Place) *entry {
	var best *entry
	top := -1
	for i := range v.doors {
		if rank := v.doors[i].rank(p); v.doors[i].place.Port == p.Port && rank > top {
			best, top = &v.doors[i], rank
		}
	}
	return best
}

// publish rebuilds the view; the caller holds mu, or is the only one.
func (t *Table) publish() {
	v := &view{ports: make(map[uint16][]entry), specs: t.o.Specs, looked: t.looked}
	for _, d := range t.doors {
		v.doors = append(v.doors, entry{place: event.Place{Addr: d.Addr, Port: d.Port}, live: true, refused: t.shutsOut(&d)})
	}
	add := func(e entry) { v.ports[e.place.Port] = append(v.ports[e.place.Port], e) }
	for _, l := range t.refused {
		add(entry{place: l.Place, live: true, socket: true, refused: true})
	}
	t.standBack()
	for _, s := range t.states {
		e := entry{place: s.place, live: s.live(), server: s.server}
		if s.back || s.server.Disproved() {
			e.server, e.refused = nil, true
		}
		if len(s.sockets) == 0 {
			add(e)
		}
		for _, l := range s.sockets {
			e.place, e.socket = l.Place, true
			if s.spec != nil && s.spec.Addr.IsValid() {
				e.place.Addr = s.spec.Addr
			}
			add(e)
		}
	}
	t.view.Store(v)
}

// standBack finds the targets without an address whose program is known to be
// no model server, and that have a better one beside them: a proxy and what is
// behind it on one port.
func (t *Table) standBack() {
	for _, s := range t.states {
		// Asked at each change: few states can, and only for those the others are
		// looked at.
		s.back = s.spec != nil && s.only(Refused) && slices.ContainsFunc(t.states, func(o *state) bool { return o.live() && !o.rumour() && s.behind(o) })
	}
}

// behind says whether a state stands back when o is live.
func (s *state) behind(o *state) bool {
	if o == s || s.spec == nil || o.spec != s.spec || s.spec.Addr.IsValid() || !s.only(Refused) || o.only(Refused) {
		return false
	}
	beside, _ := o.place.Beside(s.place)
	return beside
}

// only says whether all that is known of the state has the verdict.
func (s *state) only(verdict Verdict) bool {
	for _, l := range s.sockets {
		if l.Verdict != verdict {
			return false
		}
	}
	return len(s.sockets) > 0 || s.packet != nil && s.packet.Verdict == verdict
}
