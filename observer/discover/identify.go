// SPDX-License-Identifier: Apache-2.0

package discover

import (
	"slices"
	"time"

	"github.com/modeltap/modeltap/observer/event"
	"github.com/modeltap/modeltap/observer/identity"
	"github.com/modeltap/modeltap/observer/servers"
)

// maxAttempts is how often the process of a listener is looked for by a pass
// over all descriptors, which takes 60 ms on a host with 16,000 of them. A pass
// runs only when a listener has appeared whose process nothing else has told.
const maxAttempts = 2

// findProcesses finds the processes of new listeners.
func (d *Discoverer) findProcesses(now time.Time) {
	want := make(map[uint64]bool)
	for _, s := range d.sockets {
		if s.listens && s.PID == 0 && s.inode != 0 && s.attempts < maxAttempts && d.table.Means(s.Port) {
			want[s.inode] = true
		}
	}
	if len(want) == 0 || !d.pass.may(now) {
		return
	}
	began := time.Now()
	held := d.k.Holders(want)
	d.pass.took(now, time.Since(began))
	for _, s := range d.sockets {
		if !want[s.inode] || s.PID != 0 {
			continue
		}
		s.attempts++
		if s.Owner = d.best(held[s.inode]); s.PID == 0 {
			continue
		}
		s.offered = false
		if s.Group == 0 && d.k.Groups.Of != nil {
			s.Group = d.k.Groups.Of(s.PID)
		}
	}
}

// best returns the process that names a socket which several hold: one that is
// a known program, then the lowest process id.
func (d *Discoverer) best(pids []int) identity.Owner {
	var best identity.Owner
	listed := false
	slices.Sort(pids)
	for _, pid := range pids {
		o := identity.Owner{PID: pid}
		o.Comm, o.Process = d.process(pid)
		_, is := d.cfg.Candidates.Programs[o.Process.Name]
		if best.PID == 0 || is && !listed {
			best, listed = o, is
		}
	}
	return best
}

// tell says to the Table whose packets it took for a server's.
func (d *Discoverer) tell(p event.Place, now time.Time) {
	s := d.socketAt(p)
	own := p.NetNS != 0 && p.NetNS == d.k.NetNS
	if s == nil && own {
		own = d.look(now) // else nothing is known of what listens
		s = d.socketAt(p)
	}
	switch {
	case s != nil && !d.inside(s), s == nil && own:
		// Of our own namespace all is known that listens.
		d.table.Tell(p, identity.Owner{}, servers.Nobody)
		return
	case s != nil:
		d.describe(s)
		d.hand(s, now)
		d.table.Tell(p, s.Owner, s.Verdict)
		return
	}
	o := d.inGroup(p.Group)
	d.table.Tell(p, o, d.cfg.Candidates.Judge(o, p.Port))
}

// inGroup tells what a cgroup says of the owner of its sockets. One known
// program in it needs no more proof.
func (d *Discoverer) inGroup(group uint64) identity.Owner {
	if d.k.Groups.Path == nil {
		return identity.Owner{}
	}
	o := identity.Owner{Cgroup: identity.ParseCgroup(d.k.Groups.Path(group))}
	o.Name = d.cfg.Names.Of(o.Cgroup)
	alone := o
	for _, pid := range d.k.Groups.Members(group) {
		comm, p := d.process(pid)
		if !d.cfg.Candidates.Programs[p.Name] && !d.cfg.Candidates.Relays[p.Name] || p.Helper {
			continue
		}
		if o.PID != 0 && o.Process.Name != p.Name {
			return alone
		}
		if o.PID == 0 || pid < o.PID {
			o.PID, o.Comm, o.Process = pid, comm, p
		}
	}
	return o
}
