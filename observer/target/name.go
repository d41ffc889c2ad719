// SPDX-License-Identifier: Apache-2.0

package target

import (
	"net/netip"
	"slices"
	"strconv"

	"github.com/modeltap/modeltap/observer/event"
)

func (t *Table) base(spec *Spec, l Listener) string {
	switch {
	case spec != nil && spec.Name != "":
		return spec.Name
	case t.o.ByAddress:
		return netip.AddrPortFrom(l.Local.Addr().Unmap(), l.Local.Port()).String()
	}
	return label(l.Identity, l.Local.Port())
}

// unique tells duplicates apart: vllm:8000, vllm:8000-2, ...
func (t *Table) unique(base string, spec *Spec) string {
	name := base
	for n := 2; t.taken(name, spec); n++ {
		name = bounded(base, "-"+strconv.Itoa(n))
	}
	return name
}

// taken says whether a name belongs to another server or another target.
func (t *Table) taken(name string, spec *Spec) bool {
	for i := range t.o.Specs {
		if s := &t.o.Specs[i]; s != spec && s.Name == name {
			return true
		}
	}
	return slices.ContainsFunc(t.states, func(s *state) bool { return s.server.Name == name })
}

func (t *Table) paths(spec *Spec) *Paths {
	if spec == nil {
		return NewPaths(t.o.Model, t.o.Ignore)
	}
	return NewPaths(slices.Concat(spec.Model, t.o.Model), slices.Concat(spec.Ignore, t.o.Ignore))
}

func (t *Table) changed() {
	if t.o.Changed != nil {
		t.o.Changed()
	}
}

// describe renews what Info returns from the socket with the lowest pid.
func (t *Table) describe(s *state) {
	if s.server.standing.Load() == nameless {
		s.server.info.Store(&event.Server{Name: Other, Target: s.server.Explicit, Listening: true})
		return
	}
	best := s.packet
	for _, l := range s.sockets {
		if best == nil || l.PID != 0 && (best.PID == 0 || l.PID < best.PID) {
			best = &l
		}
	}
	info := event.Server{Name: s.server.Name, Port: s.port, Group: s.group, Target: s.spec != nil, Listening: s.live()}
	if old := s.server.info.Load(); best == nil && old != nil {
		info.Address, info.Container, info.Unit, info.Pod, info.Namespace = old.Address, old.Container, old.Unit, old.Pod, old.Namespace
	}
	if s.addr.IsValid() {
		info.Address = s.addr.String()
	}
	if best != nil {
		info.PID, info.Comm = best.PID, event.Label(best.Comm)
		info.Unit = event.Label(best.Place.Unit)
		info.Container, info.Pod = best.Place.Container, best.Place.Pod // ids, where nothing tells the names
		if n := best.Name; n.Container != "" {
			info.Container = event.Label(n.Container)
		}
		if n := best.Name; n.Pod != "" {
			info.Pod, info.Namespace = event.Label(n.Pod), event.Label(n.Namespace)
		}
		if best.Local.Addr().IsValid() {
			info.Address = best.Local.Addr().Unmap().String()
		}
	}
	s.server.info.Store(&info)
}
