// SPDX-License-Identifier: Apache-2.0

package servers

import (
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/modeltap/modeltap/observer/event"
	"github.com/modeltap/modeltap/observer/identity"
)

// label is the "server" label of a discovered server before duplicates are told
// apart.
func label(o identity.Owner, port uint16) string {
	at := ":" + strconv.Itoa(int(port))
	switch {
	case o.Name.Pod != "" && o.Name.Container != "":
		return bounded(o.Name.Namespace+"/"+o.Name.Pod+"/"+o.Name.Container, "")
	case o.Name.Pod != "":
		return bounded(o.Name.Namespace+"/"+o.Name.Pod, at)
	case o.Name.Container != "":
		return bounded(o.Name.Container, at)
	case o.Process.Name != "":
		return bounded(o.Process.Name, at)
	case o.Cgroup.Unit != "":
		return bounded(strings.TrimSuffix(o.Cgroup.Unit, ".service"), at)
	}
	return "port-" + at[1:]
}

// suffixRoom is kept free in every label for the "-N" of a duplicate.
const suffixRoom = len("-65535")

// bounded makes name a label and joins suffix to it, within the bound.
func bounded(name, suffix string) string {
	name = event.Label(name)
	if room := event.MaxLabel - suffixRoom - len(suffix); len(name) > room {
		for room > 0 && !utf8.RuneStart(name[room]) {
			room--
		}
		name = name[:room]
	}
	return name + suffix
}

// baseName is a server's name before duplicates are told apart. Packets and
// files that carry neither cgroup nor namespace name by address.
func baseName(spec *Spec, l *Listener) string {
	switch {
	case spec != nil && spec.Name != "":
		return spec.Name
	case l.anonymous():
		return netip.AddrPortFrom(l.Addr.Unmap(), l.Port).String()
	}
	return label(l.Owner, l.Port)
}

// anonymous says that nothing but address and port is known of where l is.
func (l *Listener) anonymous() bool { return l.Key == 0 && anonymous(l.Place) }

func anonymous(p event.Place) bool { return p.NetNS == 0 && p.Group == 0 && p.Node == 0 }

// rename gives a state the name that its listener deserves.
func (t *Table) rename(s *state, base string) {
	s.base = base
	name := t.unique(s)
	s.server.name.Store(&name)
}

// reclaim gives names that have become free to those whose own they are, and
// that have counted nothing under another.
func (t *Table) reclaim() {
	for _, s := range t.states {
		if s.server.Name() != s.base && s.server != t.other && !s.counted() {
			t.rename(s, s.base)
			t.describe(s)
		}
	}
}

// unique tells duplicates apart: vllm:8000, vllm:8000-2, ...
func (t *Table) unique(s *state) string {
	name := s.base
	for n := 2; t.taken(name, s); n++ {
		name = bounded(s.base, "-"+strconv.Itoa(n))
	}
	return name
}

// taken says whether a name belongs to another server or another target. What
// is no server has none, and what stands back behind s shares its own.
func (t *Table) taken(name string, s *state) bool {
	for i := range t.o.Specs {
		if spec := &t.o.Specs[i]; spec != s.spec && spec.Name == name {
			return true
		}
	}
	return slices.ContainsFunc(t.states, func(o *state) bool {
		return o.server != s.server && o.server.Name() == name && !o.server.Disproved() && !o.behind(s)
	})
}

// describe renews what Info returns, from the socket with the lowest pid.
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
	info := event.Server{Name: s.server.Name(), Port: s.place.Port, Group: s.place.Group, Target: s.spec != nil, Listening: s.listens()}
	if old := s.server.info.Load(); best == nil && old != nil {
		info.Address, info.Container, info.Unit, info.Pod, info.Namespace = old.Address, old.Container, old.Unit, old.Pod, old.Namespace
	}
	if !s.place.Any() {
		info.Address = s.place.Addr.String()
	}
	if best != nil {
		info.Group = best.Group
		info.PID, info.Comm = best.PID, event.Label(best.Comm)
		info.Unit = event.Label(best.Cgroup.Unit)
		info.Container, info.Pod = best.Cgroup.Container, best.Cgroup.Pod // ids, where nothing tells the names
		if n := best.Name; n.Container != "" {
			info.Container = event.Label(n.Container)
		}
		if n := best.Name; n.Pod != "" {
			info.Pod, info.Namespace = event.Label(n.Pod), event.Label(n.Namespace)
		}
		if best.Addr.IsValid() {
			info.Address = best.Addr.Unmap().String()
		}
	}
	s.server.info.Store(&info)
}
