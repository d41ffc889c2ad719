// SPDX-License-Identifier: Apache-2.0

package target

import (
	"maps"
	"slices"
	"strings"

	"github.com/modeltap/modeltap/observer/event"
)

// Servers lists the servers by name: those that listen, and the explicit
// targets that are waited for.
func (t *Table) Servers() []event.Server {
	t.mu.Lock()
	defer t.mu.Unlock()
	var out []event.Server
	met, others := make(map[*Server]bool), false
	for _, s := range t.states {
		if !s.live() || !s.server.Confirmed() || met[s.server] {
			continue
		}
		met[s.server] = true
		if nameless := s.server.standing.Load() == nameless; !nameless || !others {
			others = others || nameless
			out = append(out, s.server.Info())
		}
	}
	for _, spec := range t.waiting() {
		out = append(out, t.expected(spec))
	}
	slices.SortFunc(out, func(a, b event.Server) int { return strings.Compare(a.Name, b.Name) })
	return out
}

// Waiting lists the targets that nothing listens for.
func (t *Table) Waiting() []Spec {
	t.mu.Lock()
	defer t.mu.Unlock()
	var out []Spec
	for _, s := range t.waiting() {
		if !t.expected(s).Listening {
			out = append(out, *s)
		}
	}
	return out
}

func (t *Table) waiting() []*Spec {
	served := make(map[*Spec]bool)
	for _, s := range t.states {
		if s.live() {
			served[s.spec] = true
		}
	}
	var out []*Spec
	for i := range t.o.Specs {
		if s := &t.o.Specs[i]; !served[s] {
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
	e.Name = t.base(spec, Listener{})
	if spec.Name == "" {
		e.Name = label(Identity{}, spec.Port)
	}
	for _, s := range t.states {
		if s.spec == spec {
			e.Name = s.server.Name
		}
	}
	for _, d := range t.doors {
		if spec.covers(d.Local) {
			e.PID, e.Comm, e.Group, e.Listening = d.PID, event.Label(d.Comm), d.Group, true
		}
	}
	return e
}

// Want is what should be captured.
type Want struct {
	// Everywhere is set when some socket's cgroup is not known.
	Everywhere bool
	Groups     []uint64 // cgroup ids, ascending
	Ports      []uint16 // ascending
}

// Want returns what should be captured now.
func (t *Table) Want() Want {
	t.mu.Lock()
	defer t.mu.Unlock()
	var w Want
	groups, ports := make(map[uint64]bool), make(map[uint16]bool)
	for _, s := range t.states {
		if !s.live() {
			continue
		}
		ports[s.port] = true
		if s.group == 0 {
			w.Everywhere = true
		} else {
			groups[s.group] = true
		}
		for _, l := range s.sockets { // siblings may sit in cgroups of their own
			if l.Group != 0 {
				groups[l.Group] = true
			}
		}
	}
	for _, d := range t.doors {
		ports[d.Local.Port()] = true
	}
	for _, s := range t.waiting() {
		ports[s.Port], w.Everywhere = true, true
	}
	w.Groups = slices.Sorted(maps.Keys(groups))
	w.Ports = slices.Sorted(maps.Keys(ports))
	return w
}
