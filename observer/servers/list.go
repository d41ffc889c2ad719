// SPDX-License-Identifier: Apache-2.0

package servers

import (
	"slices"
	"strings"

	"github.com/modeltap/modeltap/observer/event"
	"github.com/modeltap/modeltap/observer/identity"
)

// Servers lists the servers by name: those that listen, and the explicit
// targets that are waited for.
func (t *Table) Servers() []event.Server {
	t.mu.Lock()
	defer t.mu.Unlock()
	var out []event.Server
	met, others := make(map[*Server]bool), false
	for _, s := range t.states {
		if !s.listens() || !s.server.Confirmed() || s.spec != nil && s.rumour() || met[s.server] {
			continue
		}
		met[s.server] = true
		if nameless := s.server.standing.Load() == nameless; !nameless || !others {
			others = others || nameless
			out = append(out, s.server.Info())
		}
	}
	for _, spec := range t.missing((*state).listens) {
		out = append(out, t.expected(spec))
	}
	slices.SortFunc(out, func(a, b event.Server) int { return strings.Compare(a.Name, b.Name) })
	return out
}

// Wait is a target that nothing listens for.
type Wait struct {
	Spec
	// Relay is the name of a relay that listens there, "" if none does: to be
	// observed itself it has to be named by its address.
	Relay string
}

// Waiting lists the targets that nothing listens for.
func (t *Table) Waiting() []Wait {
	t.mu.Lock()
	defer t.mu.Unlock()
	var out []Wait
	for _, s := range t.missing((*state).listens) {
		if t.expected(s).Listening {
			continue
		}
		w := Wait{Spec: *s}
		for _, all := range []map[uint64]Listener{t.refused, t.doors} {
			for _, l := range all {
				if l.Verdict == Relay && s.covers(l.Place) {
					w.Relay = l.Process.Name
				}
			}
		}
		out = append(out, w)
	}
	return out
}

// missing returns the targets of which no state is that is more than a rumour
// and as is says.
func (t *Table) missing(is func(*state) bool) []*Spec {
	there := make(map[*Spec]bool)
	for _, s := range t.states {
		if is(s) && !s.rumour() {
			there[s.spec] = true
		}
	}
	var out []*Spec
	for i := range t.o.Specs {
		if s := &t.o.Specs[i]; !there[s] {
			out = append(out, s)
		}
	}
	return out
}

// expected describes a target that is waited for, under the name that it had
// when it was last there.
func (t *Table) expected(spec *Spec) event.Server {
	e := event.Server{Port: spec.Port, Target: true}
	if spec.Addr.IsValid() {
		e.Address = spec.Addr.String()
	}
	if e.Name = spec.Name; e.Name == "" {
		e.Name = label(identity.Owner{}, spec.Port)
	}
	for _, s := range t.states {
		if s.spec == spec && !s.rumour() && !s.back && !s.server.Disproved() {
			e.Name = s.server.Name()
		}
	}
	for _, d := range t.doors {
		if spec.covers(d.Place) && !t.shutsOut(&d) && !d.Bound {
			e.PID, e.Comm, e.Group, e.Listening = d.PID, event.Label(d.Comm), d.Group, true
		}
	}
	return e
}
