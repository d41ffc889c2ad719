// SPDX-License-Identifier: Apache-2.0

//go:build linux

package cgroup

import (
	"fmt"
	"net"
	"os"
	"os/exec"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/modeltap/modeltap/bpf"
	"github.com/modeltap/modeltap/observer/event"
)

// Ways in which a server, of whose connection s is one request was read and
// answered, comes to reset it, or does not.
var endings = []struct {
	name   string
	resets bool
	do     func(t *testing.T, p *peer, s *net.TCPConn)
}{
	{"closed with a request unread", true, func(t *testing.T, p *peer, s *net.TCPConn) {
		p.write(pattern(80))
		arrived(t, s)
		s.Close()
	}},
	{"closed with half a request unread", true, func(t *testing.T, p *peer, s *net.TCPConn) {
		p.write(pattern(80))
		if read(s, make([]byte, 40)) != nil {
			t.Fatal("no request")
		}
		s.Close()
	}},
	{"closed without lingering", true, func(t *testing.T, _ *peer, s *net.TCPConn) {
		if err := s.SetLinger(0); err != nil {
			t.Fatal(err)
		}
		s.Close()
	}},
	{"closed inside an answer without lingering", true, func(t *testing.T, p *peer, s *net.TCPConn) {
		p.write(pattern(80))
		if read(s, make([]byte, 80)) != nil {
			t.Fatal("no request")
		}
		if _, err := s.Write(pattern(10)); err != nil {
			t.Fatal(err)
		}
		if err := s.SetLinger(0); err != nil {
			t.Fatal(err)
		}
		s.Close()
	}},
	{"closed as a request was on its way", true, func(_ *testing.T, p *peer, s *net.TCPConn) {
		s.Close()
		p.write(pattern(80)) // the FIN is not acknowledged: they crossed
	}},
	{"closed as two requests were on their way", true, func(_ *testing.T, p *peer, s *net.TCPConn) {
		s.Close()
		p.write(pattern(80))
		p.write(pattern(80))
	}},
	{"closed, and half acknowledged", true, func(_ *testing.T, p *peer, s *net.TCPConn) {
		s.Close()
		p.await(fin)
		p.ack--
		p.write(pattern(80))
	}},
	{"destroyed from outside", true, func(t *testing.T, p *peer, _ *net.TCPConn) {
		p.w.do(t, func() error {
			out, err := exec.Command("ss", "-K", "-t", "dst", "["+p.local.Addr().String()+"]", "dport", "=", fmt.Sprint(p.local.Port())).CombinedOutput()
			if err != nil {
				return fmt.Errorf("ss -K: %w: %s", err, out)
			}
			return nil
		})
	}},
	{"closed in order", false, func(_ *testing.T, p *peer, s *net.TCPConn) {
		s.Close()
		p.await(fin)
	}},
	{"closed in order, an old request again", false, func(_ *testing.T, p *peer, s *net.TCPConn) {
		s.Close()
		p.send(-60, ack, pattern(60))
	}},
	{"half closed, with another request", false, func(t *testing.T, p *peer, s *net.TCPConn) {
		if err := s.CloseWrite(); err != nil {
			t.Fatal(err)
		}
		p.await(fin)
		p.write(pattern(80))
		arrived(t, s)
	}},
}

// arrived waits until bytes lie in the socket unread.
func arrived(t *testing.T, s *net.TCPConn) {
	t.Helper()
	raw, err := s.SyscallConn()
	if err != nil {
		t.Fatal(err)
	}
	for end := time.Now().Add(5 * time.Second); time.Now().Before(end); time.Sleep(time.Millisecond) {
		n := 0
		_ = raw.Control(func(fd uintptr) { n, err = unix.IoctlGetInt(int(fd), unix.TIOCINQ) })
		if err != nil {
			t.Fatal(err)
		}
		if n > 0 {
			return
		}
	}
	t.Fatal("nothing arrived")
}

// resets returns the segments that tell of a reset by the server.
func resets(all []event.Segment) (told []event.Segment) {
	for _, s := range all {
		if s.Flags&event.RST != 0 && (s.Kind == event.KindRelease || s.Dir == event.Response) {
			told = append(told, s)
		}
	}
	return told
}

// TestServerResets: each reset is told once, as it happens, of the connection
// that it ends, and nothing else is told to be one. The first request arrives
// in an ordinary way, or at the listener, where it leaves no trace.
func TestServerResets(t *testing.T) {
	for i := range 4 {
		v6, deferred := i&1 != 0, i&2 != 0
		w := newWire(t, fmt.Sprintf("reset-%d", i))
		for n, c := range endings {
			t.Run(fmt.Sprintf("IPv6=%v,deferred=%v/%s", v6, deferred, c.name), func(t *testing.T) {
				var set [][3]int
				if deferred {
					set = [][3]int{{unix.IPPROTO_TCP, unix.TCP_DEFER_ACCEPT, 5}}
				}
				l, server := w.listen(t, v6, set...)
				r := record(t, bpf.Options{}, []uint16{server})
				p := w.peer(t, v6, uint16(20000+n), server)
				p.connect()
				p.write(pattern(60))
				s, err := l.Accept()
				if err != nil {
					t.Fatal(err)
				}
				defer s.Close()
				if read(s, make([]byte, 60)) != nil {
					t.Fatal("no request")
				}
				if _, err := s.Write(pattern(20)); err != nil {
					t.Fatal(err)
				}
				p.quiet()
				p.flags = 0
				cookie := socketCookie(t, s)
				before := monotonic()
				c.do(t, p, s.(*net.TCPConn))
				p.quiet()
				if reset := p.flags&rst != 0; reset != c.resets {
					t.Fatalf("a reset was sent: %v; the test shows nothing", reset)
				}
				after := monotonic()
				all := of(r.all(t), p)
				told := resets(all)
				if !c.resets {
					if len(told) != 0 {
						t.Errorf("told of a reset: %s", describe(all))
					}
					return
				}
				if len(told) != 1 || told[0].Time < before || told[0].Time > after || told[0].Cookie != cookie ||
					told[0].Flow != all[0].Flow {
					t.Errorf("told %d resets, want one of %#x between %d and %d: %+v%s", len(told), cookie, before, after, told, describe(all))
				}
			})
		}
	}
}

// TestUnacceptedResets: a connection that nobody accepted ends with its
// listener, and so does one whose process is killed.
func TestUnacceptedResets(t *testing.T) {
	w := newWire(t, "unaccepted")
	l, server := w.listen(t, false)
	r := record(t, bpf.Options{}, []uint16{server})
	p := w.peer(t, false, 20000, server)
	p.connect()
	p.write(pattern(60))
	p.quiet()
	l.Close()
	p.await(rst)
	if all := of(r.all(t), p); len(resets(all)) != 1 {
		t.Errorf("told %s", describe(all))
	}
}

const asVictim = "MODELTAP_TEST_VICTIM"

// TestKilled: a process that is killed with a request unread.
func TestKilled(t *testing.T) {
	if os.Getenv(asVictim) != "" {
		victim()
	}
	w := newWire(t, "killed")
	r := record(t, bpf.Options{}, nil)
	var child *exec.Cmd
	var server uint16
	w.do(t, func() error {
		child = exec.Command("/proc/self/exe", "-test.run=^TestKilled$")
		child.Env = append(os.Environ(), asVictim+"=1")
		out, err := child.StdoutPipe()
		if err != nil {
			return err
		}
		if err := child.Start(); err != nil { // of a thread in the namespace
			return err
		}
		_, err = fmt.Fscanf(out, "port %d\n", &server)
		return err
	})
	defer func() { _ = child.Process.Kill(); _ = child.Wait() }()
	if err := r.tap.SetPorts([]uint16{server}); err != nil {
		t.Fatal(err)
	}
	p := w.peer(t, false, 20000, server)
	p.connect()
	p.write(pattern(60))
	p.quiet()
	before := monotonic()
	if err := child.Process.Signal(syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	p.await(rst)
	all := of(r.all(t), p)
	if told := resets(all); len(told) != 1 || told[0].Time < before {
		t.Errorf("told %s", describe(all))
	}
}

func victim() {
	l, err := net.Listen("tcp", "192.0.2.1:0")
	if err != nil {
		panic(err)
	}
	fmt.Printf("port %d\n", port(l.Addr()))
	c, err := l.Accept()
	if err != nil {
		panic(err)
	}
	time.Sleep(time.Hour)
	c.Close()
}
