// SPDX-License-Identifier: Apache-2.0

package discover

import "time"

// age ends what no event tells the end of.
func (d *Discoverer) age(now time.Time) {
	d.table.Expire(now, idleTicks)
	d.bury(now)
}

// bury forgets sockets whose owner is gone, where no look tells: a close may be
// lost, and of those from procfs and those of Multipath TCP none is told.
func (d *Discoverer) bury(now time.Time) {
	for key, s := range d.sockets {
		if !(s.own && d.sees) && (s.listens || s.offered) && d.over(s) {
			d.ended(key, now)
		}
	}
	if d.k.Groups.Life == nil {
		return
	}
	w := d.table.Want()
	again := false
	for _, groups := range [][]uint64{w.Groups, w.Past} {
		for _, id := range groups {
			life := d.k.Groups.Life(id)
			if life == Vanished || life == Deserted {
				d.table.Vanished(id, now)
			}
			again = again || life == Vanished
		}
	}
	if again && !d.applying {
		d.recapture(now) // what was attached there is no more
	}
}

// over says whether nobody can have a socket any more. A process may have moved
// since to another cgroup, and a daemon's parent may have bound for its child:
// then the process or the cgroup lives on.
func (d *Discoverer) over(s *socket) bool {
	if s.PID != 0 {
		if comm, _ := d.k.Command(s.PID); comm != "" && (comm == s.Comm || d.peopled(s.Group)) {
			return false
		}
	}
	switch {
	case d.k.Groups.Life == nil || s.Group == 0:
		return s.PID != 0
	case s.PID == 0 && s.own && d.sees:
		return false // who does not tell a process may not tell a cgroup either
	}
	life := d.k.Groups.Life(s.Group)
	return life == Vanished || life == Deserted
}

// dead says that a process is known to have ended.
func (d *Discoverer) dead(pid int) bool {
	if pid == 0 {
		return false
	}
	comm, _ := d.k.Command(pid)
	return comm == ""
}

func (d *Discoverer) peopled(group uint64) bool {
	return d.k.Groups.Life != nil && d.k.Groups.Life(group) == Peopled
}
