// SPDX-License-Identifier: Apache-2.0

package discover

import (
	"errors"
	"fmt"
	"net/netip"
	"testing"
	"time"

	"github.com/modeltap/modeltap/bpf"
	"github.com/modeltap/modeltap/observer/event"
	"github.com/modeltap/modeltap/observer/servers"
)

// Our own network namespace on a fake host, by its cookie.
const home = 1

// host is a kernel that is played: what a Discoverer may ask of it, and what it
// tells by itself.
type host struct {
	t   *testing.T
	now time.Time
	d   *Discoverer
	tab *servers.Table

	next       uint64
	pids       int
	sockets    map[uint64]*fake
	processes  map[int][]string // command lines
	member     map[int]uint64   // their cgroups
	inside     map[int]uint64   // their network namespaces
	groups     map[uint64]string
	vanished   map[uint64]bool
	blind      bool     // other namespaces are out of sight
	noPIDs     bool     // processes are
	deaf       bool     // events are lost
	untold     []uint64 // closes among them
	scouting   bool
	applied    Capture
	passes     int // over all descriptors
	failApply  bool
	listenings int
	diag       diag
}

// diag says what the host tells of what listens in our own namespace.
type diag uint8

const (
	whole  diag = iota
	inodes      // no cookies and no cgroups, as procfs
	silent      // an error
)

var errSilent = errors.New("no such file or directory")

// fake is a TCP socket.
type fake struct {
	cookie, group, netns uint64
	pid                  int
	local                netip.AddrPort
	listens, connected   bool
	multipath            bool // its close is told by nobody
}

func newHost(t *testing.T, targets ...string) *host {
	h := &host{
		t: t, now: time.Unix(1e6, 0), sockets: map[uint64]*fake{}, member: map[int]uint64{}, inside: map[int]uint64{}, processes: map[int][]string{},
		groups: map[uint64]string{1: "/"}, vanished: map[uint64]bool{},
		tab: servers.NewTable(servers.Options{Specs: specs(t, targets...), TTL: 10 * time.Minute}),
	}
	return h
}

// boot starts the Discoverer.
func (h *host) boot(change ...func(*Config)) {
	h.t.Helper()
	k := Kernel{
		NetNS: home, HostPIDs: !h.noPIDs,
		Listening: func() ([]Socket, error) {
			h.listenings++
			all := h.listening(home)
			switch h.diag {
			case inodes:
				for i := range all {
					all[i].Cookie, all[i].Group = 0, 0
				}
			case silent:
				return nil, errSilent
			}
			return all, nil
		},
		Connected: func() (map[uint64]bool, error) {
			all := map[uint64]bool{}
			for _, s := range h.sockets {
				all[s.cookie] = s.connected && s.netns == home
			}
			return all, nil
		},
		Namespaces: func() (all []Namespace) {
			seen := map[uint64]bool{home: true}
			for pid, netns := range h.inside {
				if !h.blind && !seen[netns] && h.processes[pid] != nil {
					seen[netns] = true
					all = append(all, Namespace{Cookie: netns, Node: 1000 + netns, Sockets: h.listening(netns)})
				}
			}
			return all
		},
		Holders: func(inodes map[uint64]bool) map[uint64][]int {
			h.passes++
			held := map[uint64][]int{}
			for _, s := range h.sockets {
				if inodes[5000+s.cookie] && !h.noPIDs {
					held[5000+s.cookie] = []int{s.pid}
				}
			}
			return held
		},
		Command: func(pid int) (string, []string) {
			if argv := h.processes[pid]; argv != nil && !h.noPIDs {
				return argv[0], argv
			}
			return "", nil
		},
		Node: func(pid int) uint64 { return 1000 + h.inside[pid] },
		Groups: Groups{
			Of:   func(int) uint64 { return 0 },
			Path: func(id uint64) string { return h.groups[id] },
			Dir:  func(path string) string { return "/cg" + path },
			Members: func(id uint64) (pids []int) {
				for _, s := range h.sockets {
					if s.group == id && h.processes[s.pid] != nil && !h.noPIDs {
						pids = append(pids, s.pid)
					}
				}
				return pids
			},
			Life: func(id uint64) Life {
				switch {
				case h.vanished[id]:
					return Vanished
				case h.groups[id] == "":
					return Unknown
				}
				if h.peopled(id) {
					return Peopled
				}
				return Deserted
			},
		},
		Watch:         func(uint64) error { return nil },
		Scout:         func(on bool) error { h.scouting = on; return nil },
		ForgetAnswers: func() error { return nil },
		Missed:        func() (uint64, error) { return 0, nil },
		Untold: func() ([]uint64, error) {
			all := h.untold
			h.untold = nil
			return all, nil
		},
		Unwatch: func(uint64) error { return nil },
	}
	cfg := Config{Table: h.tab, Kernel: k, Apply: func(c Capture) error {
		if h.failApply {
			return errors.New("not now")
		}
		h.applied = c
		return nil
	}}
	for _, c := range change {
		c(&cfg)
	}
	h.d = New(cfg)
	if err := h.d.Start(h.now); err != nil {
		h.t.Fatal(err)
	}
}

func (h *host) listening(netns uint64) (all []Socket) {
	for _, s := range h.sockets {
		if s.listens && s.netns == netns {
			all = append(all, Socket{Cookie: s.cookie, Group: s.group, Inode: 5000 + s.cookie, Local: s.local})
		}
	}
	return all
}

func (h *host) peopled(group uint64) bool {
	for pid, in := range h.member {
		if in == group && h.processes[pid] != nil {
			return true
		}
	}
	return false
}

// process starts one and returns its id.
func (h *host) process(argv ...string) int {
	h.pids++
	pid := 100 + h.pids
	h.processes[pid] = argv
	return pid
}

// bind gives a socket a port.
func (h *host) bind(netns, group uint64, pid int, local string) *fake {
	h.next++
	s := &fake{cookie: h.next, group: group, netns: netns, pid: pid, local: netip.MustParseAddrPort(local)}
	if h.groups[group] == "" {
		h.groups[group] = fmt.Sprintf("/g%d", group)
	}
	h.sockets[s.cookie], h.member[pid], h.inside[pid] = s, group, netns
	h.hear(news{record: bpf.Found{
		Kind: bpf.KindBound, Port: s.local.Port(), PID: uint32(pid), Cookie: s.cookie, Group: group, NetNS: netns, Addr: s.local.Addr().As16(),
	}})
	return s
}

// serve binds and listens.
func (h *host) serve(netns, group uint64, local string, argv ...string) *fake {
	s := h.bind(netns, group, h.process(argv...), local)
	s.listens = true
	return s
}

// shut closes a socket.
func (h *host) shut(s *fake) {
	delete(h.sockets, s.cookie)
	if h.deaf {
		h.untold = append(h.untold, s.cookie)
	}
	if !s.multipath {
		h.hear(news{closed: s.cookie})
	}
}

// kill ends the process of a socket and with it the socket; its cgroup goes when
// nobody else is in it.
func (h *host) kill(s *fake) {
	delete(h.processes, s.pid)
	h.shut(s)
	if !h.peopled(s.group) && s.group != 1 {
		delete(h.groups, s.group)
		h.vanished[s.group] = true
	}
}

// hear hands an event to the Discoverer as its loop would.
func (h *host) hear(n news) {
	if h.d == nil || h.deaf {
		return
	}
	h.d.take(n, h.now)
	h.settle()
}

func (h *host) settle() {
	for len(h.tab.Changed()) > 0 {
		<-h.tab.Changed()
		h.d.changed(h.now)
	}
}

// pass lets time go by.
func (h *host) pass(d time.Duration) {
	for end := h.now.Add(d); h.now.Before(end); {
		h.now = h.now.Add(lookEvery)
		h.d.tick(h.now)
		if h.now.Unix()%int64(ageEvery/time.Second) < 2 {
			h.d.age(h.now)
		}
		h.settle()
	}
}

// ask is the first segment of a connection to a socket, at an address of its.
func (h *host) ask(s *fake) *servers.Server {
	addr := s.local.Addr()
	if addr.IsUnspecified() {
		addr = netip.MustParseAddr("10.0.0.1")
	}
	local := event.EndpointOf(netip.AddrPortFrom(addr, s.local.Port()))
	server := h.tab.Resolve(&event.Segment{Group: s.group, NetNS: s.netns, Flow: event.Flow{Server: local}})
	h.settle()
	return server
}

// answer is what the scout hears of a socket.
func (h *host) answer(s *fake) {
	addr := s.local.Addr()
	if addr.IsUnspecified() {
		addr = netip.MustParseAddr("10.0.0.1")
	}
	if h.scouting {
		h.hear(news{record: bpf.Found{Kind: bpf.KindAnswers, Port: s.local.Port(), Group: s.group, NetNS: s.netns, Addr: addr.As16()}})
	}
}

// captured says whether the packets of a socket are.
func (h *host) captured(s *fake) bool {
	port, dir := false, false
	for _, p := range h.applied.Ports {
		port = port || p == s.local.Port()
	}
	for _, d := range h.applied.Dirs {
		dir = dir || d == "/cg" || d == "/cg"+h.groups[s.group]
	}
	return port && dir
}

func (h *host) everywhere() bool { return len(h.applied.Dirs) == 1 && h.applied.Dirs[0] == "/cg" }
