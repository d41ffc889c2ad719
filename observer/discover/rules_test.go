// SPDX-License-Identifier: Apache-2.0

package discover

import (
	"encoding/binary"
	"fmt"
	"net/netip"
	"slices"
	"testing"
	"time"

	"github.com/modeltap/modeltap/bpf"
	"github.com/modeltap/modeltap/observer/event"
	"github.com/modeltap/modeltap/observer/servers"
)

// A server may bind minutes before it listens, as vLLM does: its first request
// is captured all the same.
func TestBoundUntilReleased(t *testing.T) {
	for _, netns := range []uint64{home, 2} {
		for _, targets := range [][]string{nil, {"40000"}} {
			h := newHost(t, targets...)
			h.boot()
			s := h.bind(netns, 7, h.process("vllm", "serve"), "0.0.0.0:40000")
			for range 100 {
				h.pass(6 * time.Second)
				if !h.captured(s) || h.everywhere() {
					t.Fatalf("namespace %d, targets %q: not captured while it loads: %+v", netns, targets, h.applied)
				}
			}
			if l := h.tab.Servers(); netns == home && len(l) > 0 && l[0].Listening {
				t.Errorf("targets %q: it does not listen yet, and is listed: %+v", targets, l)
			}
			s.listens = true
			server := h.ask(s)
			if server == nil || server.Name() != "vllm:40000" {
				t.Fatalf("namespace %d, targets %q: its first request belongs to %v", netns, targets, server)
			}
			server.Confirm()
			h.pass(lookEvery)
			if names(h.tab) != "vllm:40000" {
				t.Errorf("namespace %d, targets %q: listed %q", netns, targets, names(h.tab))
			}
			h.shut(s)
			if h.captured(s) && !h.everywhere() || h.tab.Servers() != nil && h.tab.Servers()[0].Listening {
				t.Errorf("namespace %d, targets %q: released, and still %+v", netns, targets, h.applied)
			}
		}
	}
}

// Proxies choose the ports of their connections.
func TestClientsAreSeenThrough(t *testing.T) {
	h := newHost(t)
	h.boot()
	client := h.bind(home, 7, h.process("python3", "proxy.py"), "10.0.0.1:40001")
	loads := h.bind(home, 7, h.process("vllm"), "0.0.0.0:40000")
	client.connected = true
	h.pass(10 * time.Second)
	if h.captured(client) || !h.captured(loads) {
		t.Errorf("the client %v, the server %v: %+v", h.captured(client), h.captured(loads), h.applied)
	}
}

// What has ended is not listed and not captured within 25 s, and the tap does
// not go to the root for it: whether a close was told or not, pids are in sight
// or not, and packets alone showed it or its socket.
func TestEnd(t *testing.T) {
	for i := range 1 << 5 {
		is := func(bit int) bool { return i>>bit&1 == 1 }
		multipath, noPIDs, own, targets, before := is(0), is(1), is(2), is(3), is(4)
		at := fmt.Sprintf("multipath %v, no pids %v, own namespace %v, targets %v, from before %v", multipath, noPIDs, own, targets, before)
		var list []string
		if targets {
			list = []string{"8000"}
		}
		h := newHost(t, list...)
		h.noPIDs = noPIDs
		h.blind = noPIDs
		netns := uint64(2)
		if own {
			netns = home
		}
		var s *fake
		if before {
			s = h.serve(netns, 7, "0.0.0.0:8000", "vllm")
		}
		h.boot()
		if !before {
			s = h.serve(netns, 7, "0.0.0.0:8000", "vllm")
		}
		s.multipath = multipath
		h.answer(s)
		server := h.ask(s)
		if server == nil {
			t.Fatalf("%s: it was not found", at)
		}
		server.Confirm()
		h.pass(10 * time.Second)
		if l := h.tab.Servers(); len(l) != 1 || !l[0].Listening || !h.captured(s) || h.everywhere() {
			t.Fatalf("%s: %+v, %+v", at, l, h.applied)
		}
		h.kill(s)
		if h.everywhere() && !targets {
			t.Errorf("%s: the tap went to the root", at)
		}
		h.pass(24 * time.Second)
		if l := h.tab.Servers(); len(l) != len(list) || len(l) > 0 && l[0].Listening {
			t.Errorf("%s: listed after its end: %+v", at, l)
		}
		if len(h.applied.Ports) != len(list) || h.everywhere() != targets {
			t.Errorf("%s: captured after its end: %+v", at, h.applied)
		}
	}
}

// A process that listens and then moves to another cgroup, whose first is
// removed, lives on.
func TestMovedProcess(t *testing.T) {
	h := newHost(t)
	h.boot()
	s := h.serve(2, 7, "0.0.0.0:8000", "vllm")
	h.ask(s).Confirm()
	delete(h.groups, 7)
	h.vanished[7] = true
	h.pass(time.Minute)
	if names(h.tab) != "vllm:8000" || !h.everywhere() {
		t.Errorf("%q, %+v", names(h.tab), h.applied)
	}
}

// Closes that met a full ring, or a full queue, are made up for.
func TestLostCloses(t *testing.T) {
	h := newHost(t)
	h.boot()
	pid := h.process("vllm")
	s, stays := h.bind(2, 7, pid, "0.0.0.0:8000"), h.bind(2, 7, pid, "0.0.0.0:8001")
	s.listens, stays.listens = true, true
	h.ask(s).Confirm()
	h.ask(stays).Confirm()
	h.d.survey(h.now) // that both listen was seen
	h.deaf = true
	h.shut(s)
	h.deaf = false
	h.pass(20 * time.Second)
	if names(h.tab) != "vllm:8001" {
		t.Errorf("listed: %q", names(h.tab))
	}
}

// More events than can wait are counted, and made up for.
func TestFullQueue(t *testing.T) {
	h := newHost(t)
	h.boot()
	raw := make([]byte, 64)
	raw[0] = bpf.KindBound
	binary.NativeEndian.PutUint16(raw[2:], 4711)
	for range maxEvents + 10 {
		h.d.Handle(raw[0], raw)
	}
	if h.d.Dropped() != 10 {
		t.Errorf("%d dropped", h.d.Dropped())
	}
	h.deaf = true
	s := h.serve(2, 7, "0.0.0.0:8000", "vllm")
	h.deaf = false
	h.pass(20 * time.Second)
	if h.ask(s) == nil || !h.captured(s) {
		t.Error("what was told meanwhile was not found")
	}
}

// Nothing that a reader of packets calls waits for the host: not while a look
// at it takes for ever, and not for what it would find.
func TestNothingWaitsForTheHost(t *testing.T) {
	h := newHost(t, "8000", "8001")
	s := h.serve(home, 7, "0.0.0.0:8000", "vllm")
	inside, goOn := make(chan struct{}), make(chan struct{})
	ended := make(chan error)
	go func() {
		h.boot(func(c *Config) {
			holders, path := c.Kernel.Holders, c.Kernel.Groups.Path
			c.Kernel.Holders = func(inodes map[uint64]bool) map[uint64][]int {
				close(inside)
				<-goOn
				return holders(inodes)
			}
			c.Kernel.Groups.Path = func(id uint64) string { <-goOn; return path(id) }
		})
		close(ended)
	}()
	<-inside
	raw := make([]byte, 200)
	for _, raw[0] = range []byte{bpf.KindBound, bpf.KindAnswers, bpf.KindListenerClosed} {
		binary.NativeEndian.PutUint16(raw[2:], 8000)
		raw[16] = 9
		h.d.Handle(raw[0], raw)
	}
	local := event.EndpointOf(s.local)
	first := &event.Segment{Group: 7, NetNS: home, Flow: event.Flow{Server: local}}
	server := h.tab.Resolve(first)
	if server == nil || server.Label() != "port-8000" || h.tab.Resolve(first) != server {
		t.Fatalf("%v", server)
	}
	server.Opened()
	h.tab.Servers()
	h.tab.Reload(specs(t, "8000"), servers.Rules{})
	server.Closed()
	close(goOn)
	<-ended
	h.settle()
	if server.Label() != "vllm:8000" {
		t.Errorf("afterwards it is %s", server.Label())
	}
}

// Targets may change at any time, while the first look at the host goes on too.
func TestReloadAnyTime(t *testing.T) {
	for _, when := range []string{"before New", "before Start", "during Start", "later"} {
		h := newHost(t, "8000")
		a := h.serve(home, 7, "0.0.0.0:8000", "vllm")
		b := h.serve(2, 8, "0.0.0.0:8001", "vllm")
		reload := func(at string) {
			if at == when {
				h.tab.Reload(specs(t, "chat=8001"), servers.Rules{})
			}
		}
		reload("before New")
		h.boot(func(c *Config) {
			reload("before Start")
			namespaces := c.Kernel.Namespaces
			c.Kernel.Namespaces = func() []Namespace {
				all := namespaces()
				reload("during Start")
				return all
			}
		})
		reload("later")
		h.settle()
		if names(h.tab) != "chat" || !slices.Equal(h.applied.Ports, []uint16{8001}) || !h.captured(b) || h.ask(a) != nil {
			t.Errorf("%s: %q, %+v", when, names(h.tab), h.applied)
		}
		h.tab.Reload(nil, servers.Rules{})
		h.pass(2 * lookEvery) // processes are looked for at times
		if !h.captured(a) || !h.captured(b) {
			t.Errorf("%s: back in discovery %+v", when, h.applied)
		}
	}
}

// What is refused by its program is admitted by nothing else: not by packets on
// a port that a server has, not by the scout.
func TestRefusedIsRefused(t *testing.T) {
	for _, program := range []string{"docker-proxy", "nginx", "ssh", "kubectl"} {
		for _, noPIDs := range []bool{false, true} {
			h := newHost(t)
			h.noPIDs, h.blind = noPIDs, noPIDs
			h.groups[7], h.groups[8] = "/system.slice/"+program+".service", "/system.slice/vllm.service"
			if program == "docker-proxy" {
				h.groups[7] = "/system.slice/docker.service"
			}
			front := h.serve(home, 7, "0.0.0.0:8000", program)
			h.boot()
			back := h.serve(2, 8, "0.0.0.0:8000", "vllm")
			h.answer(back)
			h.answer(front)
			s := h.ask(back)
			if s == nil {
				t.Fatalf("%s, no pids %v: the server was not found", program, noPIDs)
			}
			s.Confirm()
			if f := h.ask(front); f != nil && !f.Disproved() {
				t.Errorf("%s, no pids %v: it is %s", program, noPIDs, f.Name())
			}
			h.pass(time.Minute)
			if l := h.tab.Servers(); len(l) != 1 || l[0].Name != "vllm:8000" {
				t.Errorf("%s, no pids %v: listed %+v", program, noPIDs, l)
			}
			for range 3 {
				if h.ask(front) != nil {
					t.Errorf("%s, no pids %v: asked again it is a server", program, noPIDs)
				}
			}
		}
	}
}

// A program that no table knows, on a port that no table knows: its answers
// tell, it has some minutes to prove itself, and the scout rests in the end.
func TestScout(t *testing.T) {
	h := newHost(t)
	s := h.serve(2, 7, "0.0.0.0:4711", "my-server")
	h.boot()
	if h.captured(s) || !h.scouting {
		t.Fatalf("a candidate before it said anything: %+v", h.applied)
	}
	h.answer(s)
	if !h.captured(s) || h.ask(s) == nil {
		t.Fatalf("its answer was not taken up: %+v", h.applied)
	}
	h.pass(probation + 10*time.Second)
	if h.captured(s) {
		t.Error("it proved nothing, and is captured")
	}
	if h.scouting {
		t.Error("the scout does not rest")
	}
	h.answer(s)
	h.pass(scoutRest)
	if h.answer(s); h.captured(s) {
		t.Error("it is tried again at once")
	}
	h.pass(scoutMemory)
	h.d.scout.due(h.now)
	h.pass(lookEvery)
	h.answer(s)
	if server := h.ask(s); !h.captured(s) || server == nil {
		t.Fatal("it is never tried again")
	} else {
		server.Confirm()
	}
	h.pass(2 * probation)
	if !h.captured(s) || names(h.tab) != "my-server:4711" {
		t.Errorf("proven, and %q", names(h.tab))
	}
}

// A failed change of the capture is tried again.
func TestApplyIsTriedAgain(t *testing.T) {
	h := newHost(t)
	h.boot()
	h.failApply = true
	s := h.serve(home, 7, "0.0.0.0:8000", "vllm")
	if h.captured(s) {
		t.Fatal("the test shows nothing")
	}
	h.failApply = false
	h.pass(lookEvery)
	if !h.captured(s) {
		t.Error("not tried again")
	}
}

// A listener in another namespace whose process was not found, because it ended
// during the look, is no server: it would be anywhere, and take the packets and
// the name of the next one on its port.
func TestListenerOfNobody(t *testing.T) {
	h := newHost(t)
	h.boot(func(c *Config) {
		c.Kernel.Namespaces = func() []Namespace {
			return []Namespace{{Node: 1001, Sockets: []Socket{{Inode: 1, Local: netip.MustParseAddrPort("0.0.0.0:8000")}}}}
		}
	})
	if len(h.d.sockets) != 0 || len(h.applied.Ports) != 0 {
		t.Errorf("%+v is kept, %+v captured", h.d.sockets, h.applied)
	}
}

func TestPace(t *testing.T) {
	now := time.Unix(1e6, 0)
	for took, pause := range map[time.Duration]time.Duration{
		time.Millisecond: 2 * time.Second, 20 * time.Millisecond: 4 * time.Second, time.Second: 10 * time.Second,
	} {
		var p pace
		if p.took(now, took); p.may(now.Add(pause-1)) || !p.may(now.Add(pause)) {
			t.Errorf("not %v after a pass of %v", pause, took)
		}
	}
}
