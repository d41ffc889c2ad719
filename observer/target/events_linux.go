// SPDX-License-Identifier: Apache-2.0

package target

import (
	"net/netip"
	"time"

	"github.com/modeltap/modeltap/bpf"
)

// Handle takes a record of the ring that is no segment (bpf.KindListenerClosed
// and up). It is called in the order of the ring, so that a new listener is
// known before its first packet.
func (m *Manager) Handle(_ uint8, raw []byte) {
	if cookie, ok := bpf.ClosedListener(raw); ok {
		m.mu.Lock()
		m.forget(cookie, time.Now())
		m.mu.Unlock()
		return
	}
	f, ok := bpf.ParseFound(raw)
	if !ok || f.Port == 0 {
		return
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if f.Kind == bpf.KindBound {
		m.bound(f)
	} else {
		m.answers(f)
	}
}

// bound notes a socket that was given a port. It is taken for a listener until
// a look at the namespace tells otherwise: the first packets come soon.
func (m *Manager) bound(f bpf.Found) {
	s := &socket{since: time.Now(), own: f.NetNS != 0 && f.NetNS == m.netns}
	s.Key, s.Group, s.NetNS = f.Cookie, f.Group, f.NetNS
	s.Local = netip.AddrPortFrom(netip.AddrFrom16(f.Addr).Unmap(), f.Port)
	if m.hostPIDs {
		s.PID = int(f.PID)
	}
	m.keep(s)
	if !m.relevant(f.Port) || m.table.byAddress() {
		return
	}
	s.Comm, s.Process = m.cfg.Candidates.describeProcess(s.PID)
	if !m.explicit {
		is, decided := m.cfg.Candidates.Match(s.Process, f.Port)
		if !decided {
			m.scout.due(s.since)
		}
		if !is {
			return
		}
	}
	m.admit(s)
}
