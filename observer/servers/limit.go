// SPDX-License-Identifier: Apache-2.0

package servers

import "slices"

// maxStates bounds what the Table knows of, servers and candidates.
const maxStates = 8192

// Other is the label of all servers beyond the limit.
const Other = "other"

// How a Server stands with the limit of labels, Options.MaxServers.
const (
	undecided int32 = iota
	named           // has one of the labels
	nameless        // came when all were taken
)

// Label returns the value of the "server" label: the name, or Other when all
// labels were taken. A target takes a label at once. A candidate takes one with
// its first exchange, so that sockets that speak something else never do, and
// gives it up to another before it has proved to be a server.
func (s *Server) Label() string {
	switch s.standing.Load() {
	case named:
		return s.Name()
	case nameless:
		return Other
	}
	s.table.mu.Lock()
	defer s.table.mu.Unlock()
	s.table.stand(s)
	if s.standing.Load() == named {
		return s.Name()
	}
	return Other
}

// Confirm records that an exchange of an LLM API was really seen: a candidate
// becomes a server, and keeps its label.
func (s *Server) Confirm() {
	if s.confirmed.Load() {
		return
	}
	s.table.mu.Lock()
	defer s.table.mu.Unlock()
	s.confirmed.Store(true)
	s.table.stand(s)
	s.table.changed() // where a target was waited for, it need not be any more
}

// stand decides on the label of a server.
func (t *Table) stand(server *Server) {
	if server.standing.Load() != undecided {
		return
	}
	standing := named
	if t.named() >= t.o.MaxServers && !t.freeLabel() {
		standing = nameless
	}
	server.standing.Store(standing)
	for _, s := range t.states {
		if s.server == server {
			t.describe(s)
		}
	}
}

// named counts the labels that are taken.
func (t *Table) named() int {
	n := 0
	for _, s := range t.states {
		if s.server.standing.Load() == named {
			n++
		}
	}
	return n
}

// freeLabel frees a label: that of a candidate, else that of a gone server.
func (t *Table) freeLabel() bool {
	for _, s := range t.states {
		if s.server.standing.Load() == named && !s.server.Confirmed() {
			s.server.standing.Store(undecided)
			return true
		}
	}
	return t.discard(func(s *state) bool { return s.server.standing.Load() == named })
}

// evict makes room for a state.
func (t *Table) evict() bool {
	return t.discard(func(s *state) bool { return !s.server.Confirmed() }) || t.discard(func(*state) bool { return true })
}

// discard removes, of the gone states that which allows, the one that is gone
// longest.
func (t *Table) discard(which func(*state) bool) bool {
	victim := -1
	for i, s := range t.states {
		if !s.live() && !s.open() && which(s) && (victim < 0 || s.gone.Before(t.states[victim].gone)) {
			victim = i
		}
	}
	if victim < 0 {
		return false
	}
	t.states = slices.Delete(t.states, victim, victim+1)
	t.publish()
	return true
}

// retry lets those without a label ask once more, since some were given back.
func (t *Table) retry() {
	for _, s := range slices.Clone(t.states) { // stand may remove some
		if s.server.standing.CompareAndSwap(nameless, undecided) && s.server.Confirmed() {
			t.stand(s.server)
		}
	}
}

// overflow is the server of what is beyond maxStates.
func (t *Table) overflow() *Server {
	if t.other == nil {
		name := Other
		t.other = &Server{Explicit: len(t.o.Specs) > 0, table: t}
		t.other.name.Store(&name)
		t.other.standing.Store(nameless)
		t.other.rules.Store(t.rules(nil))
	}
	return t.other
}
