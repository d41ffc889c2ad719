// SPDX-License-Identifier: Apache-2.0

package target

import (
	"net/netip"
	"time"

	"github.com/modeltap/modeltap/bpf"
)

const (
	// scoutQuiet is how long the scout stays without a finding.
	scoutQuiet = 2 * time.Minute
	// scoutRest is how long it rests at most.
	scoutRest = 10 * time.Minute
	// scoutMemory is how long it says nothing of what it has reported, and
	// how long a candidate that proved to be no model server is left alone.
	scoutMemory = 30 * time.Minute
	// probation is the time a candidate of the scout's has to prove itself.
	probation = 5 * time.Minute
)

// place is where the scout found an answer.
type place struct {
	group uint64
	port  uint16
}

// scout is the schedule of the program that finds servers by their answers. It
// rests most of the time, because it runs for every packet that leaves.
type scout struct {
	on        bool
	missed    uint64    // binds that were not reported, as of the last look
	until     time.Time // attached until then
	rested    time.Time // since when it rests
	forgot    time.Time // when it last forgot what it had reported
	probation map[place]time.Time
	rejected  map[place]time.Time
}

// due asks for the scout.
func (s *scout) due(now time.Time) { s.until = now.Add(scoutQuiet) }

// steerScout attaches and detaches the scout, and ends probations.
func (m *Manager) steerScout(now time.Time) {
	m.mu.Lock()
	defer m.mu.Unlock()
	s := &m.scout
	if m.cfg.Discovery == nil {
		return
	}
	for p, since := range s.probation {
		if now.Sub(since) < probation {
			continue
		}
		delete(s.probation, p)
		if m.table.Drop(p.group, p.port) {
			s.reject(p, now)
			for _, o := range m.sockets {
				if o.Group == p.group && o.Local.Port() == p.port {
					o.candidate = false
				}
			}
		}
	}
	if s.forgot.IsZero() {
		s.forgot = now
	}
	if now.Sub(s.forgot) > scoutMemory {
		s.forgot = now
		clear(s.rejected)
		if err := m.cfg.Discovery.ForgetAnswers(); err != nil {
			m.log.Debug("the scout keeps its memory", "err", err)
		}
	}
	if missed, err := m.cfg.Discovery.Missed(); err == nil && missed != s.missed {
		// In other namespaces only their answers tell of them.
		s.missed = missed
		s.due(now)
	}
	if !s.on && now.Sub(s.rested) > scoutRest {
		s.due(now)
	}
	on := !m.explicit && now.Before(s.until)
	if on == s.on {
		return
	}
	if err := m.cfg.Discovery.Scout(on); err != nil {
		m.log.Warn("servers that started before modeltap may stay unseen until they restart; name them with --target", "err", err)
		s.until = time.Time{}
		s.rested = now
		return
	}
	s.on = on
	if !on {
		s.rested = now
	}
}

func (s *scout) reject(p place, now time.Time) {
	if s.rejected == nil || len(s.rejected) > maxSockets {
		s.rejected = make(map[place]time.Time)
	}
	s.rejected[p] = now
}

// answers takes the scout's report of a local port that speaks HTTP/1.
func (m *Manager) answers(f bpf.Found) {
	p := place{f.Group, f.Port}
	now := time.Now()
	if _, no := m.scout.rejected[p]; no || m.explicit {
		return
	}
	m.scout.due(now)
	local := netip.AddrPortFrom(netip.AddrFrom16(f.Addr).Unmap(), f.Port)
	s := m.socketAt(f.NetNS, f.Group, local)
	if s == nil {
		s = &socket{since: now, own: f.NetNS != 0 && f.NetNS == m.netns}
		s.Group, s.NetNS, s.Local = f.Group, f.NetNS, local
		s.Identity = m.identify(f.Group, f.NetNS, local)
	}
	if is, decided := m.cfg.Candidates.Match(s.Process, f.Port); s.candidate || decided && !is {
		return
	}
	if m.scout.probation == nil {
		m.scout.probation = make(map[place]time.Time)
	}
	m.scout.probation[p] = now
	m.admit(s)
}

// socketAt returns the known socket that accepts connections to local, if any.
func (m *Manager) socketAt(netns, group uint64, local netip.AddrPort) *socket {
	for _, s := range m.sockets {
		if !open(s.Local, local) {
			continue
		}
		if netns != 0 && s.NetNS != 0 {
			if netns == s.NetNS {
				return s
			}
		} else if group == s.Group || group == 0 || s.Group == 0 {
			return s
		}
	}
	return nil
}
