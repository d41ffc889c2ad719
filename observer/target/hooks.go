// SPDX-License-Identifier: Apache-2.0

package target

import "net/netip"

// attend sets whom the Table asks and tells; before its first use.
func (t *Table) attend(identify func(group, netns uint64, local netip.AddrPort) Identity, changed func()) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.o.Identify, t.o.Changed = identify, changed
}

// explicit says whether there are targets; without, this is discovery.
func (t *Table) explicit() bool { return len(t.view.Load().specs) > 0 }

// NameByAddress turns Options.ByAddress on, for a capture that turns out to
// carry neither cgroups nor namespaces; before the first listener and packet.
func (t *Table) NameByAddress() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.o.ByAddress = true
	t.publish()
}

func (t *Table) byAddress() bool { return t.o.ByAddress }

// means says whether a target names port.
func (t *Table) means(port uint16) bool {
	for _, s := range t.view.Load().specs {
		if s.Port == port {
			return true
		}
	}
	return false
}
