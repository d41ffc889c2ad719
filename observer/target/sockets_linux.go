// SPDX-License-Identifier: Apache-2.0

package target

import (
	"net/netip"
	"os"
	"strconv"
	"strings"
	"time"
)

// nodeKey marks the key of a socket of which only the inode is known.
const nodeKey = 1 << 63

// scanEvery is the least time between two passes over all descriptors, which
// take 60 ms on a host with 16,000 of them. A pass runs only when a listener
// has appeared whose process nothing else has told, twice for each at most.
const (
	scanEvery   = 2 * time.Second
	maxAttempts = 2
)

// scanPause returns how long the next pass has to wait when one took so long:
// where listeners come and go all the time, passes take half a percent of a processor.
func scanPause(took time.Duration) time.Duration {
	return min(max(200*took, scanEvery), 5*scanEvery)
}

// poll compares what listens in our own network namespace with what is known.
func (m *Manager) poll(now time.Time) {
	all, err := listening()
	if err != nil {
		m.log.Warn("discovery sees binds only", "err", err)
		return
	}
	present := make(map[uint64]bool, len(all))
	for _, t := range all {
		present[t.cookie] = true
	}
	for key, s := range m.sockets {
		switch {
		case !s.own || present[key]:
		case s.listens:
			m.forget(key, now)
		case s.candidate && now.Sub(s.since) > pollEvery: // bound, but no listener so far
			s.candidate = false
			m.table.Remove(key, now)
		}
	}
	for _, t := range all {
		m.met(t, m.netns, 0, now).own = true
	}
	m.identifyAll(now)
	for _, t := range all {
		m.offer(m.sockets[t.cookie])
	}
}

// met notes a socket that listens.
func (m *Manager) met(t tcpSocket, netns, nsnode uint64, now time.Time) *socket {
	s := m.sockets[t.cookie]
	if s == nil {
		s = &socket{since: now}
		s.Key = t.cookie
		m.keep(s)
		if m.cfg.Discovery != nil {
			if err := m.cfg.Discovery.Watch(t.cookie); err != nil {
				m.log.Debug("the close of a listener will not be seen", "err", err)
			}
		}
	}
	if s.PID == 0 && s.inode == 0 {
		m.borrow(s, t)
	}
	if !s.listens { // a bind is all that was known
		s.listens, s.candidate = true, false
	}
	s.Local, s.inode, s.NetNS = t.local, t.inode, netns
	if nsnode != 0 {
		s.NSNode = nsnode
	}
	if t.group != 0 {
		s.Group = t.group
	}
	return s
}

// borrow takes the process of a new listener from the bind at its address: of a
// Multipath TCP socket, as Go's listeners are, a subflow of its own was bound.
func (m *Manager) borrow(s *socket, t tcpSocket) {
	for _, o := range m.sockets {
		if o != s && !o.listens && o.PID != 0 && o.Local == t.local && o.own {
			s.Identity = o.Identity
			if s.Comm == "" {
				s.Comm, s.Process = m.cfg.Candidates.describeProcess(s.PID)
			}
			return
		}
	}
}

// keep makes room for a socket: those that only were given a port go first.
func (m *Manager) keep(s *socket) {
	if len(m.sockets) >= maxSockets {
		for key, o := range m.sockets {
			if !o.listens && !o.candidate {
				delete(m.sockets, key)
				break
			}
		}
	}
	m.sockets[s.Key] = s
}

func (m *Manager) forget(key uint64, now time.Time) {
	if _, known := m.sockets[key]; known {
		delete(m.sockets, key)
		m.table.Remove(key, now)
	}
}

// survey makes the listeners of all other network namespaces known that are in
// sight: exactly with CAP_SYS_ADMIN, else from /proc.
func (m *Manager) survey() {
	now := time.Now()
	for node, pid := range namespaces() {
		if all, cookie, err := listeningIn(pid); err == nil {
			for _, t := range all {
				m.met(t, cookie, node, now)
			}
			continue
		}
		for _, n := range netTCP(pid) {
			t := tcpSocket{cookie: nodeKey | n.inode, inode: n.inode, local: n.local}
			m.met(t, 0, node, now)
		}
	}
	m.scanNext = time.Time{} // the pass of a moment ago did not know them, and names are for good
	m.identifyAll(now)
	for key, s := range m.sockets {
		switch {
		case s.own:
		case s.NetNS == 0 && s.Group == 0:
			// Its process ended meanwhile, or is out of sight. A server that is
			// nowhere would be taken for that of the next unknown packet.
			delete(m.sockets, key)
		default:
			m.offer(s)
		}
	}
}

// identifyAll finds the processes of new listeners.
func (m *Manager) identifyAll(now time.Time) {
	want := make(map[uint64]bool)
	for _, s := range m.sockets {
		if s.listens && s.PID == 0 && s.inode != 0 && s.attempts < maxAttempts && m.relevant(s.Local.Port()) {
			want[s.inode] = true
		}
	}
	if len(want) == 0 || now.Before(m.scanNext) {
		return
	}
	began := time.Now()
	found := m.cfg.Candidates.owners(want)
	m.scanNext = now.Add(scanPause(time.Since(began)))
	for _, s := range m.sockets {
		if !want[s.inode] || s.PID != 0 {
			continue
		}
		s.attempts++
		if id, ok := found[s.inode]; ok {
			s.Identity = id
			if s.Group == 0 {
				s.Group = m.groups.of(id.PID)
			}
		}
	}
}

// relevant says whether a listener on port may become a server.
func (m *Manager) relevant(port uint16) bool {
	return !m.explicit || m.table.means(port)
}

// offer hands a socket to the Table when it is a target or a candidate.
func (m *Manager) offer(s *socket) {
	if s.candidate || !m.relevant(s.Local.Port()) || !m.inside(s) {
		return
	}
	if s.own && s.PID == 0 && s.inode != 0 && s.attempts == 0 {
		return // its name waits for the next pass
	}
	if !m.explicit {
		if is, _ := m.cfg.Candidates.Match(s.Process, s.Local.Port()); !is {
			return
		}
	}
	m.admit(s)
}

// inside says whether a socket is in the subtree that discovery is limited to.
func (m *Manager) inside(s *socket) bool {
	if m.cfg.Subtree == "" || m.cfg.Subtree == "/" {
		return true
	}
	rest, below := strings.CutPrefix(m.groups.path(s.Group), m.cfg.Subtree)
	return below && (rest == "" || rest[0] == '/')
}

func (m *Manager) admit(s *socket) {
	s.Place = ParseGroup(m.groups.path(s.Group))
	s.Name = m.names.of(s.Place)
	s.candidate = true
	m.table.Add(s.Listener)
}

// bury forgets sockets in other namespaces whose end no event will tell (those
// from /proc, those of Multipath TCP) and whose process is gone. A daemon's
// parent may have bound for its child: then the cgroup lives on.
func (m *Manager) bury(now time.Time) {
	for key, s := range m.sockets {
		if s.own || s.PID == 0 {
			continue
		}
		if _, err := os.Stat("/proc/" + strconv.Itoa(s.PID)); os.IsNotExist(err) && len(m.groups.processes(s.Group)) == 0 {
			m.forget(key, now)
		}
	}
}

// identify tells the Table who owns a socket that packets showed first. It runs
// under the Table's lock and takes none but that of groups.
func (m *Manager) identify(group, netns uint64, local netip.AddrPort) Identity {
	id := Identity{Place: ParseGroup(m.groups.path(group))}
	id.Name = m.names.of(id.Place)
	if netns == m.netns || netns == 0 {
		if all, err := listening(); err == nil {
			for _, t := range all {
				if t.local.Port() != local.Port() || group != 0 && t.group != 0 && t.group != group {
					continue
				}
				if owner, ok := m.cfg.Candidates.owners(map[uint64]bool{t.inode: true})[t.inode]; ok {
					owner.Place, owner.Name = id.Place, id.Name
					return owner
				}
			}
		}
	}
	// A cgroup with one known program in it needs no more proof.
	for _, pid := range m.groups.processes(group) {
		comm, p := m.cfg.Candidates.describeProcess(pid)
		if !m.cfg.Candidates.Programs[p.Name] || p.Helper {
			continue
		}
		if id.PID != 0 && id.Process.Name != p.Name {
			return Identity{Place: id.Place, Name: id.Name}
		}
		if id.PID == 0 || pid < id.PID {
			id.PID, id.Comm, id.Process = pid, comm, p
		}
	}
	return id
}
