// SPDX-License-Identifier: Apache-2.0

package discover

import (
	"strings"
	"time"

	"github.com/modeltap/modeltap/observer/event"
	"github.com/modeltap/modeltap/observer/identity"
	"github.com/modeltap/modeltap/observer/servers"
)

// blind marks, among what was logged, that listeners cannot be listed.
const blind = "blind"

// nodeKey marks the key of a socket of which only the inode is known.
const nodeKey = 1 << 63

// socket is a TCP socket that listens or was given a port.
type socket struct {
	servers.Listener
	inode    uint64
	own      bool // in our network namespace
	listens  bool // was seen to
	client   bool // was seen to be a connection
	since    time.Time
	attempts int  // to find its process by inode
	offered  bool // the Table knows it
}

// look compares what listens in our own network namespace with what is known,
// and says whether it saw what does.
func (d *Discoverer) look(now time.Time) bool {
	all, err := d.k.Listening()
	d.sees = err == nil
	if err != nil {
		if !d.told[blind] {
			d.told[blind] = true
			d.log.Warn("what listens here already is not seen; load the kernel's module tcp_diag, or mount /proc, or name servers with --target", "err", err)
		}
		return false
	}
	present := make(map[uint64]bool, len(all))
	for i, t := range all {
		if t.Cookie == 0 {
			all[i].Cookie = d.keyOf(t, func(s *socket) bool { return s.own })
		}
		present[all[i].Cookie] = true
	}
	waits := false
	for key, s := range d.sockets {
		switch {
		case !s.own || present[key]:
		case s.listens || s.offered && (d.over(s) || d.displaced(s, all)):
			d.ended(key, now)
		default:
			waits = waits || s.offered && !s.client && now.Sub(s.since) >= lookEvery
		}
	}
	for _, t := range all {
		d.met(t, event.Place{NetNS: d.k.NetNS}, now).own = true
	}
	if waits && d.dump.may(now) {
		d.unmask(now)
	}
	d.findProcesses(now)
	for _, t := range all {
		d.offer(d.sockets[t.Cookie], now)
	}
	if d.cfg.Packets {
		d.table.Looked()
	}
	return true
}

// displaced says whether another process listens where a socket was bound: both
// cannot, so that its close was lost, or it is a worker of the same server.
func (d *Discoverer) displaced(s *socket, listening []Socket) bool {
	for _, t := range listening {
		at := event.Place{NetNS: d.k.NetNS, Addr: t.Local.Addr(), Port: t.Local.Port()}
		o := d.sockets[t.Cookie]
		if same, _ := s.Same(at); same && o != nil && o.PID != s.PID {
			return true
		}
	}
	return false
}

// unmask finds the clients among the sockets that were given a port and do not
// listen: proxies choose the ports of their connections.
func (d *Discoverer) unmask(now time.Time) {
	began := time.Now()
	connected, err := d.k.Connected()
	d.dump.took(now, time.Since(began))
	if err != nil {
		d.log.Debug("clients are not told from servers that load", "err", err)
		return
	}
	for key, s := range d.sockets {
		if s.own && !s.listens && connected[key] {
			s.client, s.offered = true, false
			d.table.Remove(key, now)
		}
	}
}

// met notes a socket that listens in the namespace of at.
func (d *Discoverer) met(t Socket, at event.Place, now time.Time) *socket {
	s := d.sockets[t.Cookie]
	if s == nil {
		s = &socket{since: now}
		s.Key = t.Cookie
		d.keep(s)
		if d.k.Watch != nil && t.Cookie&nodeKey == 0 {
			if err := d.k.Watch(t.Cookie); err != nil {
				d.log.Debug("the close of a listener will not be seen", "err", err)
			}
		}
	}
	if !s.listens { // a bind is all that was known
		s.listens, s.client, s.Bound, s.offered = true, false, false, false
	}
	s.Addr, s.Port, s.inode = t.Local.Addr().Unmap(), t.Local.Port(), t.Inode
	if at.NetNS != 0 {
		s.NetNS = at.NetNS
	}
	if at.Node != 0 {
		s.Node = at.Node
	}
	if t.Group != 0 && s.Group != t.Group {
		s.Group, s.offered = t.Group, false
	}
	if s.PID == 0 && s.attempts == 0 {
		d.borrow(s)
	}
	return s
}

// borrow takes the process of a new listener from the bind at its address: of a
// Multipath TCP socket, as Go's listeners are, a subflow of its own was bound.
func (d *Discoverer) borrow(s *socket) {
	for _, o := range d.sockets {
		if o != s && !o.listens && o.PID != 0 && o.Addr == s.Addr && o.Port == s.Port && o.own {
			s.Owner = o.Owner
			return
		}
	}
}

// keep makes room for a socket: those that the Table does not know go first.
func (d *Discoverer) keep(s *socket) {
	if len(d.sockets) >= maxSockets {
		for key, o := range d.sockets {
			if !o.listens && !o.offered {
				delete(d.sockets, key)
				break
			}
		}
	}
	d.sockets[s.Key] = s
}

// ended forgets a socket.
func (d *Discoverer) ended(key uint64, now time.Time) {
	if s := d.sockets[key]; s != nil {
		if s.listens && d.k.Unwatch != nil && key&nodeKey == 0 {
			_ = d.k.Unwatch(key) // else it is told of once more
		}
		delete(d.sockets, key)
		d.table.Remove(key, now)
	}
}

// describe finds out what can be known at once of a socket's owner.
func (d *Discoverer) describe(s *socket) {
	if s.PID != 0 && s.Comm == "" {
		s.Comm, s.Process = d.process(s.PID)
	}
	if d.k.Groups.Path != nil {
		s.Cgroup = identity.ParseCgroup(d.k.Groups.Path(s.Group))
	}
	s.Verdict = d.cfg.Candidates.Judge(s.Owner, s.Port)
}

func (d *Discoverer) process(pid int) (comm string, p identity.Process) {
	comm, argv := d.k.Command(pid)
	if comm == "" {
		return "", identity.Process{}
	}
	return comm, d.cfg.Candidates.Programs.Describe(argv, comm)
}

// offer hands a socket to the Table when it may be a target or a candidate, or
// is what must not be taken for one.
func (d *Discoverer) offer(s *socket, now time.Time) {
	if s == nil || s.offered || s.client || !d.table.Means(s.Port) || !d.inside(s) {
		return
	}
	if s.PID == 0 && s.inode != 0 && s.attempts == 0 {
		return // its process waits for the next pass
	}
	d.describe(s)
	if s.Verdict == servers.Unsure && !d.table.Explicit() {
		return
	}
	d.hand(s, now)
}

// hand gives a socket to the Table: with its name if anything tells it, else the
// name follows.
func (d *Discoverer) hand(s *socket, now time.Time) {
	s.offered, s.Bound = true, s.own && !s.listens && d.sees
	s.Name = d.cfg.Names.Of(s.Cgroup) // first: what is counted before it is known stays under another
	s.Unnamed = s.nameless() && now.Sub(s.since) < nameWithin
	if d.cfg.Packets {
		d.table.Door(s.Listener)
	} else {
		d.table.Add(s.Listener)
	}
}

// name looks again for the name of a socket that the Table has without one.
func (d *Discoverer) name(s *socket, now time.Time) {
	s.Name = d.cfg.Names.Of(s.Cgroup)
	if s.Unnamed = s.nameless() && now.Sub(s.since) < nameWithin; !s.Unnamed {
		d.table.Add(s.Listener)
	}
}

// nameless says that a socket is in a container of which nothing has told the
// name: its directory may come after its first process.
func (s *socket) nameless() bool {
	return (s.Cgroup.Container != "" || s.Cgroup.Pod != "") && s.Name.Container == ""
}

// inside says whether a socket is in the subtree that discovery is limited to.
func (d *Discoverer) inside(s *socket) bool {
	if d.cfg.Subtree == "" || d.cfg.Subtree == "/" {
		return true
	}
	rest, below := strings.CutPrefix(d.k.Groups.Path(s.Group), d.cfg.Subtree)
	return below && (rest == "" || rest[0] == '/')
}

// socketAt returns the known socket that accepts connections to p, if any: one
// at the very address goes first.
func (d *Discoverer) socketAt(p event.Place) *socket {
	var best *socket
	for _, s := range d.sockets {
		if same, sure := s.Same(p); same && !s.client && (best == nil || !s.Any() || sure && best.Any()) {
			best = s
		}
	}
	return best
}
