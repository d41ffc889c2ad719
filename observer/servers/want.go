// SPDX-License-Identifier: Apache-2.0

package servers

import (
	"maps"
	"slices"
)

// Want is what should be captured.
type Want struct {
	// Everywhere is set when some socket's cgroup is not known.
	Everywhere bool
	Groups     []uint64 // cgroup ids, ascending
	// Past are cgroups in which nothing listens any more, of servers with
	// connections that are still followed; ascending, none of Groups.
	Past  []uint64
	Ports []uint16 // ascending
}

// Want returns what should be captured now: what listens or is about to, and
// what has connections that are followed.
func (t *Table) Want() Want {
	t.mu.Lock()
	defer t.mu.Unlock()
	var w Want
	groups, past, ports := make(map[uint64]bool), make(map[uint64]bool), make(map[uint16]bool)
	for _, s := range t.states {
		if s.server.Disproved() || !s.live() && !s.open() {
			continue
		}
		ports[s.place.Port] = true
		maps.Copy(past, s.past)
		switch {
		case len(s.sockets) > 0:
			for _, l := range s.sockets { // siblings may sit in cgroups of their own
				groups[l.Group] = true
			}
		case s.packet != nil:
			groups[s.packet.Group] = true
		case len(s.past) == 0:
			past[s.place.Group] = true
		}
	}
	for _, d := range t.doors {
		if !t.shutsOut(&d) {
			ports[d.Port] = true
		}
	}
	for _, s := range t.missing((*state).serves) {
		ports[s.Port], w.Everywhere = true, true
	}
	w.Everywhere = w.Everywhere || groups[0] || past[0]
	delete(groups, 0)
	maps.DeleteFunc(past, func(id uint64, _ bool) bool { return id == 0 || groups[id] })
	w.Groups = slices.Sorted(maps.Keys(groups))
	w.Past = slices.Sorted(maps.Keys(past))
	w.Ports = slices.Sorted(maps.Keys(ports))
	return w
}
