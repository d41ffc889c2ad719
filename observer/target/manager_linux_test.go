// SPDX-License-Identifier: Apache-2.0

package target

import (
	"fmt"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"slices"
	"strconv"
	"testing"
	"time"

	"github.com/modeltap/modeltap/bpf"
	"github.com/modeltap/modeltap/observer/event"
)

func TestTargetFromBefore(t *testing.T) {
	for _, blind := range []bool{true, false} {
		t.Run(fmt.Sprintf("blind=%v", blind), func(t *testing.T) {
			py, port := python(t), freePort(t)
			cmd := child(t, "", py, script(t, "app.py"), strconv.Itoa(port))
			reachable(t, port)
			s := play(t, blind, strconv.Itoa(port))
			name := colon("app.py", port)
			if !s.has(name) {
				t.Fatalf("not known at the start: %q", names(s.tab))
			}
			info := s.Servers()[0]
			if info.PID != cmd.Process.Pid || !info.Target || !info.Listening || int(info.Port) != port {
				t.Errorf("%+v", info)
			}
			if c := s.last(); !slices.Equal(c.Ports, []uint16{uint16(port)}) {
				t.Errorf("%+v", c)
			}
			stop(t, cmd)
			s.until(t, "the end is noticed", func() bool { return s.has(name + "?") })
			again := child(t, "", py, script(t, "app.py"), strconv.Itoa(port))
			s.until(t, "the restart has the same name", func() bool {
				return s.has(name) && s.Servers()[0].PID == again.Process.Pid
			})
		})
	}
}

// reachable waits until something accepts on the port.
func reachable(t *testing.T, port int) {
	t.Helper()
	for end := time.Now().Add(10 * time.Second); ; {
		c, err := net.Dial("tcp", colon("127.0.0.1", port))
		if err == nil {
			c.Close()
			return
		}
		if time.Now().After(end) {
			t.Fatal(err)
		}
	}
}

func TestTargetIsWaitedForInItsCgroup(t *testing.T) {
	py, port := python(t), freePort(t)
	s := play(t, false, "chat="+strconv.Itoa(port))
	if !s.has("chat?") || !slices.Equal(s.last().Dirs, []string{s.root.Path}) {
		t.Fatalf("%q %+v", names(s.tab), s.last())
	}
	dir := s.group(t, "target-wait")
	cmd := child(t, dir, py, script(t, "app.py"), strconv.Itoa(port))
	s.until(t, "the capture moves to the server's cgroup", func() bool {
		return s.has("chat") && slices.Equal(s.last().Dirs, []string{dir})
	})
	stop(t, cmd)
	s.until(t, "the capture is everywhere again", func() bool { return slices.Equal(s.last().Dirs, []string{s.root.Path}) })
}

// A server may bind long before it listens, as vLLM does while it loads.
func TestBoundLongBeforeListening(t *testing.T) {
	py, port := python(t), freePort(t)
	s := play(t, false, strconv.Itoa(port))
	cmd := exec.Command(py, script(t, "app.py"), strconv.Itoa(port), "later")
	stdin, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { cmd.Process.Kill(); cmd.Wait() })
	name := colon("app.py", port)
	s.until(t, "the bind", func() bool { return s.has(name) })
	s.until(t, "that it does not listen", func() bool { return s.has(name + "?") })
	if _, err := stdin.Write([]byte("\n")); err != nil {
		t.Fatal(err)
	}
	s.until(t, "that it listens", func() bool { return s.has(name) && s.Servers()[0].PID == cmd.Process.Pid })
}

func TestSharedPortIsOneServer(t *testing.T) {
	py, port := python(t), freePort(t)
	s := play(t, false, strconv.Itoa(port))
	app := script(t, "app.py")
	a := child(t, "", py, app, strconv.Itoa(port))
	b := child(t, "", py, app, strconv.Itoa(port))
	name := colon("app.py", port)
	both := func() int {
		n := 0
		all, err := listening()
		if err != nil {
			t.Fatal(err)
		}
		for _, l := range all {
			if int(l.local.Port()) == port {
				n++
			}
		}
		return n
	}
	s.until(t, "both workers listen", func() bool { return both() == 2 && s.has(name) })
	stop(t, a)
	s.until(t, "the other worker is the server", func() bool {
		all := s.Servers()
		return len(all) == 1 && all[0].Name == name && all[0].Listening && all[0].PID == b.Process.Pid
	})
}

func TestTwoNamespaces(t *testing.T) {
	py, port := python(t), freePort(t)
	app := script(t, "app.py")
	nsA, nsB := netns(t, "target-a"), netns(t, "target-b")
	// One before the Manager, one after.
	child(t, "", "ip", "netns", "exec", nsA, py, app, strconv.Itoa(port))
	before := func() bool {
		for _, pid := range namespaces() {
			for _, n := range netTCP(pid) {
				if int(n.local.Port()) == port {
					return true
				}
			}
		}
		return false
	}
	for end := time.Now().Add(10 * time.Second); !before(); {
		if time.Now().After(end) {
			t.Fatal("the first server does not listen")
		}
	}
	s := play(t, false, strconv.Itoa(port))
	name := colon("app.py", port)
	if !s.has(name) {
		t.Fatalf("a listener of another namespace is not known: %q", names(s.tab))
	}
	b := child(t, "", "ip", "netns", "exec", nsB, py, app, strconv.Itoa(port))
	s.until(t, "the second server", func() bool { return s.has(name + "-2") })
	stop(t, b)
	s.until(t, "the second server is gone", func() bool { return !s.has(name + "-2") })
	if !s.has(name) {
		t.Error("the first went with it")
	}
}

func TestDiscoveryFindsCandidates(t *testing.T) {
	py := python(t)
	s := play(t, false)
	port := freePort(t)
	child(t, "", py, script(t, "app.py"), strconv.Itoa(port))
	local := event.EndpointOf(netip.AddrPortFrom(netip.MustParseAddr("127.0.0.1"), uint16(port)))
	s.until(t, "the port is captured", func() bool { return slices.Contains(s.last().Ports, uint16(port)) })
	server := s.tab.Resolve(1, s.netns, local)
	if server == nil || server.Name != colon("app.py", port) || server.Explicit || s.has(server.Name) {
		t.Fatalf("%+v, %q", server, names(s.tab))
	}
	server.Confirm()
	if !s.has(server.Name) {
		t.Errorf("confirmed, but not listed: %q", names(s.tab))
	}
}

// A program that no table knows, on a port that no table knows, from before:
// only its answers tell.
func TestScoutFindsTheRest(t *testing.T) {
	l := listenTCP(t, "127.0.0.1:0", false)
	port := l.Addr().(*net.TCPAddr).Port
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			c.Write([]byte("HTTP/1.1 200 OK\r\n\r\n"))
			c.Close()
		}
	}()
	s := play(t, false)
	if slices.Contains(s.last().Ports, uint16(port)) {
		t.Fatal("a candidate before it said anything")
	}
	s.until(t, "the answer is noticed", func() bool {
		reachable(t, port)
		return slices.Contains(s.last().Ports, uint16(port))
	})
	s.Manager.mu.Lock()
	n := len(s.scout.probation)
	s.Manager.mu.Unlock()
	if n == 0 {
		t.Fatal("not on probation")
	}
	s.steerScout(time.Now().Add(probation + time.Second))
	s.until(t, "an unproven candidate is let go", func() bool { return !slices.Contains(s.last().Ports, uint16(port)) })
	s.steerScout(time.Now().Add(probation + scoutQuiet + time.Minute))
	s.Manager.mu.Lock()
	if s.scout.on {
		t.Error("the scout did not come to rest")
	}
	s.Manager.mu.Unlock()
}

func TestReloadTakesListenersUp(t *testing.T) {
	py, port := python(t), freePort(t)
	child(t, "", py, script(t, "app.py"), strconv.Itoa(port))
	reachable(t, port)
	s := play(t, true, "1")
	if s.has(colon("app.py", port)) {
		t.Fatal("no target")
	}
	s.Reload(specs(t, "chat="+strconv.Itoa(port)), nil, nil)
	if names(s.tab) != "chat" || s.Servers()[0].PID == 0 {
		t.Errorf("%q %+v", names(s.tab), s.Servers())
	}
	s.until(t, "the port is captured", func() bool { return slices.Equal(s.last().Ports, []uint16{uint16(port)}) })
}

// Go's listeners are Multipath TCP sockets: their close is seen by looking.
func TestMultipathListener(t *testing.T) {
	port := freePort(t)
	s := play(t, false, "go="+strconv.Itoa(port))
	l := listenTCP(t, colon("127.0.0.1", port), true)
	s.until(t, "the listener", func() bool { return s.has("go") && s.Servers()[0].PID == os.Getpid() })
	l.Close()
	s.until(t, "its end", func() bool { return s.has("go?") })
}

// A client that chooses its port is no server.
func TestBoundClientLeaves(t *testing.T) {
	port := freePort(t)
	s := play(t, false, "client="+strconv.Itoa(port))
	l := listenTCP(t, "127.0.0.1:0", false)
	d := net.Dialer{LocalAddr: &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: port}}
	d.SetMultipathTCP(false)
	c, err := d.Dial("tcp", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	s.until(t, "the bind", func() bool { return s.known(port) })
	s.until(t, "the client is seen through", func() bool { return s.has("client?") })
}

func (s *stage) known(port int) bool {
	s.Manager.mu.Lock()
	defer s.Manager.mu.Unlock()
	for _, k := range s.sockets {
		if int(k.Local.Port()) == port {
			return true
		}
	}
	return false
}

func TestForeignRecordsAreIgnored(t *testing.T) {
	port := freePort(t)
	s := play(t, true, strconv.Itoa(port))
	for _, raw := range [][]byte{nil, {bpf.KindBound}, {bpf.KindAnswers, 1, 2}, {bpf.KindListenerClosed}, make([]byte, 200)} {
		s.Handle(0, raw)
	}
	if names(s.tab) != fmt.Sprintf("port-%d?", port) {
		t.Error(names(s.tab))
	}
}

// More binds at once than are reported: the scout, at rest, is sent out.
func TestScoutIsSentForMissedBinds(t *testing.T) {
	s := play(t, false)
	s.Manager.mu.Lock()
	s.scout.until = time.Time{}
	s.Manager.mu.Unlock()
	s.steerScout(time.Now())
	on := func() bool {
		s.Manager.mu.Lock()
		defer s.Manager.mu.Unlock()
		return s.scout.on
	}
	if on() {
		t.Fatal("the scout does not rest")
	}
	for range 1000 {
		listenTCP(t, "127.0.0.1:0", false)
	}
	if missed, err := s.cfg.Discovery.Missed(); err != nil || missed == 0 {
		t.Skip("this machine binds too slowly to exceed the limit: ", missed, err)
	}
	s.until(t, "the scout looks for what was missed", on)
}

// A listener in another namespace whose process was not found, because it ended
// during the look, is no server: it would be anywhere, and take the packets and
// the name of the next one on its port.
func TestListenerOfNobody(t *testing.T) {
	tab := NewTable(Options{})
	m := NewManager(Config{Table: tab})
	m.cfg.Candidates.Ports[8347] = true
	local := netip.MustParseAddrPort("0.0.0.0:8347")
	for key, l := range map[uint64]Listener{
		nodeKey | 1: {NSNode: 1, Local: local},
		nodeKey | 2: {NSNode: 2, Local: local, Group: 7, Identity: Identity{PID: os.Getpid(), Process: Process{Name: "vllm"}}},
	} {
		l.Key = key
		m.sockets[key] = &socket{Listener: l, inode: key &^ nodeKey, listens: true, attempts: maxAttempts}
	}
	m.survey()
	if m.sockets[nodeKey|1] != nil || m.sockets[nodeKey|2] == nil {
		t.Fatalf("kept: %v and %v", m.sockets[nodeKey|1], m.sockets[nodeKey|2])
	}
	if s := tab.Resolve(9, 10, at("10.0.0.1:8347")); s == nil || s.Name != "port-8347" {
		t.Fatalf("a refusal belongs to %v", s)
	}
	if late := tab.Add(listener(3, 8, 10, "0.0.0.0:8347", "uvicorn"))[0]; late.Name != "uvicorn:8347" {
		t.Errorf("the next server is called %s", late.Name)
	}
}

func TestScanPause(t *testing.T) {
	for took, pause := range map[time.Duration]time.Duration{
		time.Millisecond: 2 * time.Second, 20 * time.Millisecond: 4 * time.Second, time.Second: 10 * time.Second,
	} {
		if got := scanPause(took); got != pause {
			t.Errorf("%v after a pass of %v, want %v", got, took, pause)
		}
	}
}
