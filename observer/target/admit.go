// SPDX-License-Identifier: Apache-2.0

package target

import (
	"net/netip"
	"slices"
	"time"

	"github.com/modeltap/modeltap/observer/event"
)

// state is the Table's own knowledge of one server: one spec (or none, when
// discovered) in one place.
type state struct {
	server  *Server
	spec    *Spec
	base    string // the label before "-2"
	group   uint64
	netns   uint64
	nsnode  uint64
	addr    netip.Addr // see entry
	port    uint16
	sockets map[uint64]Listener
	packet  *Listener // what packets alone showed, nil once a socket is known
	gone    time.Time // when the last socket left, zero while live
}

func (s *state) live() bool { return len(s.sockets) > 0 || s.packet != nil }

// rumour says whether packets alone, and none of an exchange, told of the state.
// A client that comes too early is refused by the host and not by the server:
// nothing in that names the server, whose socket will.
func (s *state) rumour() bool {
	return len(s.sockets) == 0 && s.packet != nil && s.packet.PID == 0 && s.packet.Place == (Place{}) && !s.server.confirmed.Load()
}

// at says whether a listener is in the state's place. Two sockets on one port
// of one namespace are siblings (workers, SO_REUSEPORT, IPv4 beside IPv6).
func (s *state) at(l *Listener) bool {
	switch {
	case s.netns != 0 && l.NetNS != 0:
		return s.netns == l.NetNS
	case s.nsnode != 0 && l.NSNode != 0:
		return s.nsnode == l.NSNode
	case s.group != 0 && l.Group != 0:
		return s.group == l.Group
	}
	return true
}

// Add makes a listening socket known. In discovery the caller has found it to
// be a candidate; with targets, sockets that no target means are passed over.
// Adding a socket again renews what is known of it. It returns the servers that
// the socket belongs to; none with ByAddress, where packets tell them apart.
func (t *Table) Add(l Listener) []*Server {
	t.mu.Lock()
	var specs []*Spec
	for i := range t.o.Specs {
		if s := &t.o.Specs[i]; s.covers(l.Local) && !t.narrower(s, l) {
			specs = append(specs, s)
		}
	}
	if len(t.o.Specs) == 0 {
		specs = append(specs, nil)
	}
	var out []*Server
	if len(specs) > 0 && t.o.ByAddress {
		t.doors[l.Key] = l
		t.publish()
	} else {
		for _, s := range specs {
			out = append(out, t.place(s, l))
		}
	}
	t.mu.Unlock()
	if len(specs) > 0 {
		t.changed()
	}
	return out
}

// narrower says whether another spec names the listener's very address.
func (t *Table) narrower(s *Spec, l Listener) bool {
	if s.Addr.IsValid() {
		return false
	}
	return slices.ContainsFunc(t.o.Specs, func(o Spec) bool {
		return o.Port == s.Port && o.Addr.IsValid() && o.Addr == l.Local.Addr().Unmap()
	})
}

// place finds or makes the state for a listener: the live one in its place,
// else a gone one of the same label, in the same place if possible.
func (t *Table) place(spec *Spec, l Listener) *Server {
	base := t.base(spec, l)
	var old *state
	for _, s := range t.states {
		if s.spec != spec || s.port != l.Local.Port() {
			continue
		}
		if s.live() && s.at(&l) {
			if s.rumour() && s.base != base {
				continue
			}
			old = s
			break
		}
		if !s.live() && s.base == base && (old == nil || s.at(&l) && !old.at(&l)) {
			old = s
		}
	}
	t.states = slices.DeleteFunc(t.states, func(s *state) bool {
		return s != old && s.spec == spec && s.port == l.Local.Port() && s.at(&l) && s.base != base && s.rumour()
	})
	if old == nil {
		return t.create(spec, l).server
	}
	if !old.live() {
		old.group, old.netns, old.nsnode, old.gone = l.Group, l.NetNS, l.NSNode, time.Time{}
	}
	t.join(old, l)
	t.publish()
	return old.server
}

// join adds a socket to a state and lets it learn what was unknown.
func (t *Table) join(s *state, l Listener) {
	if _, alone := s.sockets[l.Key]; s.group == 0 || alone && len(s.sockets) == 1 && l.Group != 0 {
		s.group = l.Group // the socket's own is better than that of who bound it
	}
	if s.netns == 0 {
		s.netns = l.NetNS
	}
	if s.nsnode == 0 {
		s.nsnode = l.NSNode
	}
	if l.Key != 0 {
		s.sockets[l.Key], s.packet = l, nil
	} else {
		s.packet = &l
	}
	t.describe(s)
}

// admit is the slow path of Resolve: packets of an unknown socket on a wanted
// port, or of one whose namespace was not known.
func (t *Table) admit(group, netns uint64, local event.Endpoint) *Server {
	t.mu.Lock()
	v := t.view.Load()
	e, sure := v.find(group, netns, local)
	if e == nil {
		var spec *Spec
		for i := range t.o.Specs {
			if s := &t.o.Specs[i]; s.matches(local) && (spec == nil || s.Addr.IsValid()) {
				spec = s
			}
		}
		if spec == nil && !v.wants(local) {
			t.mu.Unlock()
			return nil
		}
		l := Listener{Group: group, NetNS: netns, Local: local.AddrPort()}
		for _, d := range t.doors {
			if open(d.Local, l.Local) {
				l.Identity, l.Group = d.Identity, d.Group
			}
		}
		if t.o.Identify != nil && l.PID == 0 {
			l.Identity = t.o.Identify(group, netns, l.Local)
		}
		server := t.create(spec, l).server
		t.mu.Unlock()
		t.changed()
		return server
	}
	server := e.server
	if !sure {
		for _, s := range t.states {
			if s.server == server && s.netns == 0 && s.port == local.Port && (s.group == 0 || group == 0 || s.group == group) {
				s.netns = netns
				break
			}
		}
		t.publish()
	}
	t.mu.Unlock()
	return server
}

// create makes a new state and publishes it.
func (t *Table) create(spec *Spec, l Listener) *state {
	s := &state{
		spec: spec, base: t.base(spec, l), port: l.Local.Port(),
		group: l.Group, netns: l.NetNS, nsnode: l.NSNode, sockets: make(map[uint64]Listener),
	}
	switch {
	case t.o.ByAddress && (spec == nil || spec.Name == ""):
		s.addr = l.Local.Addr().Unmap()
	case spec != nil:
		s.addr = spec.Addr
	}
	if len(t.states) >= maxStates && !t.evict() {
		s.server = t.overflow()
		t.join(s, l)
		return s
	}
	s.server = &Server{Name: t.unique(s.base, spec), Explicit: spec != nil, table: t}
	s.server.paths.Store(t.paths(spec))
	if spec != nil {
		t.stand(s.server)
	}
	s.server.used.Store(t.tick.Load())
	t.join(s, l)
	t.states = append(t.states, s)
	t.publish()
	return s
}
