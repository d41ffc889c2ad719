// SPDX-License-Identifier: Apache-2.0

package event

import "net/netip"

// Place is where a TCP server listens, or where a connection ends that it
// accepted: an address and port in a network namespace. What is not known is
// zero. It answers "is this the same server?" for the whole observer.
type Place struct {
	NetNS uint64 // network namespace cookie (SO_NETNS_COOKIE)
	Node  uint64 // inode of the network namespace, where cookies are not known
	Group uint64 // cgroup id of the socket
	// Addr is the local address. The zero Addr and the unspecified ones stand
	// for every address; 0.0.0.0 for those of IPv4.
	Addr netip.Addr
	Port uint16
}

// Place returns where the server's side of the segment's connection is.
func (s *Segment) Place() Place {
	local := s.Flow.Server.AddrPort()
	return Place{NetNS: s.NetNS, Group: s.Group, Addr: local.Addr(), Port: local.Port()}
}

// Same says whether a server at p may be reached at o: one port, one network
// namespace, and addresses that overlap. sure is false where only the cgroup
// speaks for the namespace, as in packets before Linux 6.16, or nothing does.
func (p Place) Same(o Place) (same, sure bool) {
	if !overlap(p.Addr, o.Addr) {
		return false, true
	}
	return p.Beside(o)
}

// Beside is Same whatever the addresses.
func (p Place) Beside(o Place) (beside, sure bool) {
	switch {
	case p.Port != o.Port:
		return false, true
	case p.NetNS != 0 && o.NetNS != 0:
		return p.NetNS == o.NetNS, true
	case p.Node != 0 && o.Node != 0:
		return p.Node == o.Node, true
	case p.Group != 0 && o.Group != 0:
		// A process may listen and then move, and workers of one namespace
		// may have cgroups of their own.
		return p.Group == o.Group, false
	}
	return true, false
}

// Any says whether p is at every address of a family or of both.
func (p Place) Any() bool { return !p.Addr.IsValid() || p.Addr.Unmap().IsUnspecified() }

// Hash returns the same for places that are Same, provided that all tell their
// namespace or none does. The address is no part of it, since a server has
// several; nor is the cgroup, since its workers may have several.
func (p Place) Hash() uint64 {
	h := p.NetNS ^ uint64(p.Port)<<32
	h *= 0x9e3779b97f4a7c15 // 2^64 / golden ratio: spreads neighbouring ports
	return h ^ h>>32
}

// overlap says whether some address is in both.
func overlap(a, b netip.Addr) bool {
	a, b = a.Unmap(), b.Unmap()
	return a == b || covers(a, b) || covers(b, a)
}

// covers says whether a is a wildcard that b falls under. A socket at :: also
// takes connections of IPv4, unless IPV6_V6ONLY is set, which nothing tells.
func covers(a, b netip.Addr) bool {
	switch {
	case !a.IsValid() || a == netip.IPv6Unspecified():
		return true
	case a == netip.IPv4Unspecified():
		return b.Is4()
	}
	return false
}
