// SPDX-License-Identifier: Apache-2.0

package servers

import (
	"time"

	"github.com/modeltap/modeltap/observer/event"
)

// state is the Table's own knowledge of one server: one spec (or none, when
// discovered) in one network namespace.
type state struct {
	server *Server
	spec   *Spec
	base   string // the name before "-2"
	// place is where it is as long as no socket tells: of the packets that
	// showed it, or of the last socket that it had.
	place   event.Place
	sockets map[uint64]Listener
	packet  *Listener       // what packets alone showed, nil once a socket is known
	gone    time.Time       // when the last socket left, zero while live
	past    map[uint64]bool // cgroups of sockets that left it with connections open
	unnamed bool            // takes a better name until something is counted
	door    bool            // packets showed it behind a Door
	back    bool            // as a target it stands back, see Refused
}

// live says that new connections may come.
func (s *state) live() bool { return len(s.sockets) > 0 || s.packet != nil }

// open says that connections to it are followed.
func (s *state) open() bool { return s.server.Followed() }

// serves says that it is live, and a server as far as is known.
func (s *state) serves() bool { return s.live() && !s.back && !s.server.Disproved() }

// listens says that it serves, and not only will.
func (s *state) listens() bool {
	if !s.serves() {
		return false
	}
	for _, l := range s.sockets {
		if !l.Bound {
			return true
		}
	}
	return s.packet != nil
}

// shown says that packets alone told of it, and no socket.
func (s *state) shown() bool { return len(s.sockets) == 0 && s.packet != nil }

// counted says that something was counted under its name.
func (s *state) counted() bool { return s.server.confirmed.Load() && s.server.Confirmed() }

// rumour says that nothing but packets told of it, and none of an exchange.
// A client that comes too early is refused by the host and not by the server,
// and one whose own port is that of a target looks like one: nothing in that is
// a server, or names it.
func (s *state) rumour() bool { return s.shown() && !s.door && !s.counted() }

// has says whether a listener belongs to the server: one of its sockets
// overlaps it (workers, SO_REUSEPORT, IPv4 beside IPv6), or its process has one
// beside it.
func (s *state) has(l *Listener) bool {
	if len(s.sockets) == 0 {
		same, _ := s.place.Same(l.Place)
		return same
	}
	for _, o := range s.sockets {
		if (o.Verdict == Refused) != (l.Verdict == Refused) {
			continue // one stands in front of the other
		}
		if same, _ := o.Same(l.Place); same {
			return true
		}
		if beside, _ := o.Beside(l.Place); beside && l.PID != 0 && o.PID == l.PID {
			return true
		}
	}
	return false
}

// learn notes the network namespace that packets of this server told.
func (s *state) learn(p event.Place) {
	bind := func(o *event.Place) {
		if same, _ := o.Same(p); same && o.NetNS == 0 {
			o.NetNS = p.NetNS
		}
	}
	for key, l := range s.sockets {
		bind(&l.Place)
		s.sockets[key] = l
	}
	if s.packet != nil {
		bind(&s.packet.Place)
	}
	bind(&s.place)
}
