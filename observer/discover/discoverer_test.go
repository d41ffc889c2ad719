// SPDX-License-Identifier: Apache-2.0

package discover

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
	"github.com/modeltap/modeltap/observer/servers"
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
			info := s.tab.Servers()[0]
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
				return s.has(name) && s.tab.Servers()[0].PID == again.Process.Pid
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

// A server may bind long before it listens, as vLLM does while it loads: it is
// captured at once, and listed when it listens.
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
	s.until(t, "the bind", func() bool { return s.has(name + "?") })
	for end := time.Now().Add(3 * lookEvery); time.Now().Before(end); time.Sleep(50 * time.Millisecond) {
		if !s.has(name + "?") {
			t.Fatalf("it does not listen, and is not waited for under its name: %q", names(s.tab))
		}
	}
	if _, err := stdin.Write([]byte("\n")); err != nil {
		t.Fatal(err)
	}
	s.until(t, "that it listens", func() bool { return s.has(name) && s.tab.Servers()[0].PID == cmd.Process.Pid })
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
			if int(l.Local.Port()) == port {
				n++
			}
		}
		return n
	}
	s.until(t, "both workers listen", func() bool { return both() == 2 && s.has(name) })
	stop(t, a)
	s.until(t, "the other worker is the server", func() bool {
		all := s.tab.Servers()
		return len(all) == 1 && all[0].Name == name && all[0].Listening && all[0].PID == b.Process.Pid
	})
}

func TestTwoNamespaces(t *testing.T) {
	py, port := python(t), freePort(t)
	app := script(t, "app.py")
	nsA, nsB := netns(t, "target-a"), netns(t, "target-b")
	// One before the Discoverer, one after.
	child(t, "", "ip", "netns", "exec", nsA, py, app, strconv.Itoa(port))
	listensIn(t, port)
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
	server := s.tab.Resolve(&event.Segment{Group: 1, NetNS: netnsCookie(), Flow: event.Flow{Server: local}})
	if server == nil || server.Name() != colon("app.py", port) || server.Explicit || s.has(server.Name()) {
		t.Fatalf("%+v, %q", server, names(s.tab))
	}
	server.Confirm()
	s.until(t, "the proven server is listed", func() bool { return s.has(server.Name()) })
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
}

func TestReloadTakesListenersUp(t *testing.T) {
	py, port := python(t), freePort(t)
	child(t, "", py, script(t, "app.py"), strconv.Itoa(port))
	reachable(t, port)
	s := play(t, true, "1")
	if s.has(colon("app.py", port)) {
		t.Fatal("no target")
	}
	s.tab.Reload(specs(t, "chat="+strconv.Itoa(port)), servers.Rules{})
	s.until(t, "the target", func() bool { return names(s.tab) == "chat" && s.tab.Servers()[0].PID != 0 })
	s.until(t, "the port is captured", func() bool { return slices.Equal(s.last().Ports, []uint16{uint16(port)}) })
}

// Go's listeners are Multipath TCP sockets: their close is seen by looking.
func TestMultipathListener(t *testing.T) {
	port := freePort(t)
	s := play(t, false, "go="+strconv.Itoa(port))
	l := listenTCP(t, colon("127.0.0.1", port), true)
	s.until(t, "the listener", func() bool { return s.has("go") && s.tab.Servers()[0].PID == os.Getpid() })
	l.Close()
	s.until(t, "its end", func() bool { return s.has("go?") })
}

// A client that chooses its port is no server.
func TestBoundClientLeaves(t *testing.T) {
	port := freePort(t)
	s := play(t, false, strconv.Itoa(port))
	l := listenTCP(t, "127.0.0.1:0", false)
	d := net.Dialer{LocalAddr: &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: port}}
	d.SetMultipathTCP(false)
	c, err := d.Dial("tcp", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	// While it may still be a server it is known by its process.
	own := s.Discoverer.process
	_, p := own(os.Getpid())
	s.until(t, "the bind", func() bool { return s.has(colon(p.Name, port) + "?") })
	s.until(t, "the client is seen through", func() bool { return slices.Equal(s.last().Dirs, []string{s.root.Path}) })
}

func TestForeignRecordsAreIgnored(t *testing.T) {
	port := freePort(t)
	s := play(t, true, strconv.Itoa(port))
	for _, raw := range [][]byte{nil, {bpf.KindBound}, {bpf.KindAnswers, 1, 2}, {bpf.KindListenerClosed}, make([]byte, 200)} {
		s.Handle(0, raw)
	}
	if names(s.tab) != fmt.Sprintf("port-%d?", port) || s.Dropped() != 0 {
		t.Error(names(s.tab), s.Dropped())
	}
}
