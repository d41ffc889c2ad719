// SPDX-License-Identifier: Apache-2.0

package discover

import (
	"net/netip"
	"time"

	"github.com/modeltap/modeltap/bpf"
	"github.com/modeltap/modeltap/observer/event"
	"github.com/modeltap/modeltap/observer/servers"
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

// scout is the schedule of the program that finds servers by their answers. It
// rests most of the time, because it runs for every packet that leaves.
type scout struct {
	on        bool
	missed    uint64    // binds that were not reported, as of the last look
	until     time.Time // attached until then
	rested    time.Time // since when it rests
	forgot    time.Time // when it last forgot what it had reported
	probation map[event.Place]time.Time
	rejected  map[event.Place]time.Time
}

// due asks for the scout.
func (s *scout) due(now time.Time) { s.until = now.Add(scoutQuiet) }

// steer attaches and detaches the scout, and ends probations.
func (d *Discoverer) steer(now time.Time) {
	s := &d.scout
	if d.k.Scout == nil {
		return
	}
	for p, since := range s.probation {
		if now.Sub(since) < probation {
			continue
		}
		delete(s.probation, p)
		if !d.table.Drop(p) {
			continue
		}
		s.reject(p, now)
		for _, o := range d.sockets {
			if same, _ := o.Same(p); same {
				o.offered = false
			}
		}
	}
	if s.forgot.IsZero() {
		s.forgot = now
	}
	if now.Sub(s.forgot) > scoutMemory {
		s.forgot = now
		clear(s.rejected)
		if err := d.k.ForgetAnswers(); err != nil {
			d.log.Debug("the scout keeps its memory", "err", err)
		}
	}
	if missed := count(d.k.Missed); missed != s.missed {
		// In other namespaces only their answers tell of them.
		s.missed = missed
		s.due(now)
	}
	if !s.on && now.Sub(s.rested) > scoutRest {
		s.due(now)
	}
	on := !d.table.Explicit() && now.Before(s.until)
	if on == s.on {
		return
	}
	if err := d.k.Scout(on); err != nil {
		d.log.Warn("servers that started before modeltap may stay unseen until they restart; name them with --target", "err", err)
		s.until = time.Time{}
		s.rested = now
		return
	}
	s.on = on
	if !on {
		s.rested = now
	}
}

func (s *scout) reject(p event.Place, now time.Time) {
	if s.rejected == nil || len(s.rejected) > maxSockets {
		s.rejected = make(map[event.Place]time.Time)
	}
	s.rejected[p] = now
}

// answers takes the scout's report of a local port that speaks HTTP/1.
func (d *Discoverer) answers(f bpf.Found, now time.Time) {
	p := event.Place{NetNS: f.NetNS, Group: f.Group, Addr: netip.AddrFrom16(f.Addr).Unmap(), Port: f.Port}
	port := p
	port.Addr = netip.Addr{} // it is reported once, whatever the address
	if _, no := d.scout.rejected[port]; no || d.table.Explicit() {
		return
	}
	d.scout.due(now)
	own := p.NetNS != 0 && p.NetNS == d.k.NetNS
	s := d.socketAt(p)
	if s == nil && own {
		own = d.look(now) // else nothing is known of what listens
		s = d.socketAt(p)
	}
	switch {
	case s == nil && own:
		return // it listens no more
	case s == nil:
		s = &socket{since: now, listens: true}
		s.Place = p
		s.Owner = d.inGroup(p.Group)
		s.Verdict = d.cfg.Candidates.Judge(s.Owner, p.Port)
	default:
		d.describe(s)
	}
	if s.offered || s.Verdict == servers.Refused || s.Verdict == servers.Relay || !d.inside(s) {
		return
	}
	if d.scout.probation == nil {
		d.scout.probation = make(map[event.Place]time.Time)
	}
	d.scout.probation[port] = now
	d.hand(s, now)
}
