// SPDX-License-Identifier: Apache-2.0

package discover

import (
	"net/netip"
	"time"

	"github.com/modeltap/modeltap/bpf"
	"github.com/modeltap/modeltap/observer/servers"
)

// news is a record of the ring that is no segment.
type news struct {
	closed uint64    // the cookie of a listener that was closed, or
	record bpf.Found // what was found
}

// Handle takes a record of the ring that is no segment (bpf.KindListenerClosed
// and up). It never waits: what finds no room is counted in Dropped. raw is not
// kept.
func (d *Discoverer) Handle(_ uint8, raw []byte) {
	var n news
	if cookie, ok := bpf.ClosedListener(raw); ok {
		n.closed = cookie
	} else if n.record, ok = bpf.ParseFound(raw); !ok || n.record.Port == 0 {
		return
	}
	select {
	case d.events <- n:
	default:
		d.dropped.Add(1)
	}
}

// take takes an event, and says whether a look should follow soon.
func (d *Discoverer) take(n news, now time.Time) bool {
	switch {
	case n.closed != 0:
		d.ended(n.closed, now)
	case n.record.Kind == bpf.KindBound:
		return d.bound(n.record, now)
	default:
		d.answers(n.record, now)
	}
	return false
}

// bound notes a socket that was given a port: it may listen at once, in
// minutes, or never. It stays what it is until its release.
func (d *Discoverer) bound(f bpf.Found, now time.Time) (candidate bool) {
	s := &socket{since: now, own: f.NetNS != 0 && f.NetNS == d.k.NetNS}
	s.Key, s.Group, s.NetNS = f.Cookie, f.Group, f.NetNS
	s.Addr, s.Port = netip.AddrFrom16(f.Addr).Unmap(), f.Port
	if d.k.HostPIDs {
		s.PID = int(f.PID)
	}
	d.keep(s)
	if !d.table.Means(f.Port) {
		return false
	}
	if !s.own && s.PID != 0 {
		s.Node = d.k.Node(s.PID)
	}
	d.describe(s)
	d.offer(s, now)
	if s.Verdict == servers.Unsure && !d.table.Explicit() {
		d.scout.due(now)
	}
	return s.own
}
