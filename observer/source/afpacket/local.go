// SPDX-License-Identifier: Apache-2.0

package afpacket

import (
	"net"
	"net/netip"
	"time"
)

// locals knows the addresses of this network namespace.
type locals struct {
	known map[[16]byte]bool
	read  time.Time
}

// refreshEvery bounds how often an unknown address makes locals look again.
const refreshEvery = time.Second

// has says whether ip is an address of this namespace.
func (l *locals) has(ip [16]byte, now time.Time) bool {
	if l.known[ip] || netip.AddrFrom16(ip).Unmap().IsLoopback() {
		return true
	}
	if now.Sub(l.read).Abs() < refreshEvery {
		return false
	}
	l.read = now
	addrs, err := net.InterfaceAddrs()
	if err != nil {
		return false
	}
	l.known = make(map[[16]byte]bool, len(addrs))
	for _, a := range addrs {
		if p, err := netip.ParsePrefix(a.String()); err == nil {
			l.known[p.Addr().As16()] = true
		}
	}
	return l.known[ip]
}
