// SPDX-License-Identifier: Apache-2.0

package discover

import (
	"time"

	"github.com/modeltap/modeltap/observer/event"
)

// survey makes the listeners of all other network namespaces known that are in
// sight, and ends those that listen no more.
func (d *Discoverer) survey(now time.Time) {
	began := time.Now()
	cookies, nodes := make(map[uint64]bool), make(map[uint64]bool)
	present := make(map[uint64]bool)
	for _, ns := range d.k.Namespaces() {
		cookies[ns.Cookie], nodes[ns.Node] = ns.Cookie != 0, ns.Node != 0
		for _, t := range ns.Sockets {
			if t.Cookie == 0 {
				t.Cookie = d.keyOf(t, func(s *socket) bool { return !s.own && s.Node == ns.Node })
			}
			present[t.Cookie] = true
			d.met(t, event.Place{NetNS: ns.Cookie, Node: ns.Node}, now)
		}
	}
	for key, s := range d.sockets {
		if !s.own && !present[key] && (cookies[s.NetNS] || nodes[s.Node]) && (s.listens || s.offered && d.dead(s.PID)) {
			d.ended(key, now)
		}
	}
	d.pass = pace{} // the pass of a moment ago did not know them
	d.findProcesses(now)
	for key, s := range d.sockets {
		switch {
		case s.own:
		case s.NetNS == 0 && s.Group == 0:
			// Its process ended meanwhile, or is out of sight. A server that is
			// nowhere would be taken for that of the next unknown packet.
			d.ended(key, now)
		default:
			d.offer(s, now)
		}
	}
	d.outing.took(now, time.Since(began))
}

// keyOf returns the key of a socket of which only the inode is known: that of
// the bind that told of it, if one did in the namespace that in tells.
func (d *Discoverer) keyOf(t Socket, in func(*socket) bool) uint64 {
	for key, s := range d.sockets {
		if (s.inode == 0 || s.inode == t.Inode) && s.Addr == t.Local.Addr().Unmap() && s.Port == t.Local.Port() && in(s) {
			return key
		}
	}
	return nodeKey | t.Inode
}
