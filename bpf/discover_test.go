// SPDX-License-Identifier: Apache-2.0

package bpf

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"runtime"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/cilium/ebpf/ringbuf"
	"golang.org/x/sys/unix"

	"github.com/modeltap/modeltap/bpf/cgroupfs"
)

// discovery loads tap and discovery at the host's root and returns a function
// that waits for a record that wanted accepts.
func discovery(t *testing.T) (*Discovery, func(what string, wanted func(raw []byte) bool)) {
	t.Helper()
	return discoveryInto(t, 1<<16)
}

func discoveryInto(t *testing.T, ringSize int) (*Discovery, func(what string, wanted func(raw []byte) bool)) {
	t.Helper()
	root, err := cgroupfs.Find("")
	if err != nil {
		t.Skip("needs the root of cgroup v2: ", err)
	}
	tap, err := Load(Options{RingSize: ringSize})
	if errors.Is(err, unix.EPERM) {
		t.Skip("needs CAP_BPF and CAP_NET_ADMIN: ", err)
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { tap.Close() })
	if err := tap.Reader().Put(uint32(0), ReaderSleeps); err != nil {
		t.Fatal(err)
	}
	d, err := LoadDiscovery(tap, root.Path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { d.Close() })
	r, err := ringbuf.NewReader(tap.Records())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { r.Close() })
	return d, func(what string, wanted func(raw []byte) bool) {
		t.Helper()
		r.SetDeadline(time.Now().Add(10 * time.Second))
		for {
			rec, err := r.Read()
			if err != nil {
				t.Fatalf("no record of %s: %v", what, err)
			}
			tap.Reader().Put(uint32(0), ReaderSleeps)
			if wanted(rec.RawSample) {
				return
			}
		}
	}
}

// listen avoids Multipath TCP, Go's default, see TestDiscoverMultipath.
func listen(t *testing.T, network, addr string, multipath bool) net.Listener {
	t.Helper()
	var c net.ListenConfig
	c.SetMultipathTCP(multipath)
	l, err := c.Listen(t.Context(), network, addr)
	if err != nil {
		t.Fatal(err)
	}
	return l
}

func cookieOf(t *testing.T, l net.Listener) (cookie, netns uint64) {
	t.Helper()
	raw, err := l.(*net.TCPListener).SyscallConn()
	if err != nil {
		t.Fatal(err)
	}
	raw.Control(func(fd uintptr) {
		cookie, err = unix.GetsockoptUint64(int(fd), unix.SOL_SOCKET, unix.SO_COOKIE)
		netns, _ = unix.GetsockoptUint64(int(fd), unix.SOL_SOCKET, unix.SO_NETNS_COOKIE)
	})
	if err != nil {
		t.Fatal(err)
	}
	return cookie, netns
}

func TestDiscoverBindAndClose(t *testing.T) {
	_, await := discovery(t)
	for _, addr := range []string{"127.0.0.1:0", "[::1]:0", "0.0.0.0:0", "[::]:0"} {
		l := listen(t, "tcp", addr, false)
		cookie, netns := cookieOf(t, l)
		at := l.Addr().(*net.TCPAddr).AddrPort()
		await("bind to "+addr, func(raw []byte) bool {
			f, ok := ParseFound(raw)
			if !ok || f.Cookie != cookie {
				return false
			}
			want := at.Addr().As16()
			if at.Addr() == netip.IPv4Unspecified() || at.Addr() == netip.IPv6Unspecified() {
				want = f.Addr // Go listens on [::] for both
			}
			if f.Kind != KindBound || f.Port != at.Port() || int(f.PID) != os.Getpid() || f.Addr != want ||
				f.Group == 0 || netns != 0 && f.NetNS != netns || f.Time == 0 {
				t.Errorf("%s (cookie %d, netns %d): %+v", at, cookie, netns, f)
			}
			return true
		})
		l.Close()
		await("close of "+addr, func(raw []byte) bool {
			closed, ok := ClosedListener(raw)
			return ok && closed == cookie
		})
	}
}

// The socket that a program holds under Multipath TCP is not the one that is
// bound, so that its close goes unreported: its port is all that is known.
func TestDiscoverMultipath(t *testing.T) {
	_, await := discovery(t)
	l := listen(t, "tcp", "127.0.0.1:0", true)
	defer l.Close()
	port := l.Addr().(*net.TCPAddr).AddrPort().Port()
	await("bind of a Multipath TCP listener", func(raw []byte) bool {
		f, ok := ParseFound(raw)
		return ok && f.Kind == KindBound && f.Port == port && int(f.PID) == os.Getpid()
	})
}

func TestDiscoverLeavesUDPAlone(t *testing.T) {
	_, await := discovery(t)
	u, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer u.Close()
	port := uint16(u.LocalAddr().(*net.UDPAddr).Port)
	l := listen(t, "tcp", "127.0.0.1:0", false)
	defer l.Close()
	cookie, _ := cookieOf(t, l)
	await("the bind after the UDP bind", func(raw []byte) bool {
		f, _ := ParseFound(raw)
		if f.Port == port && f.Cookie != cookie {
			t.Errorf("a UDP socket was reported: %+v", f)
		}
		return f.Cookie == cookie
	})
}

// A listener from before is reported once Watch was told of it.
func TestDiscoverWatch(t *testing.T) {
	l := listen(t, "tcp", "127.0.0.1:0", false)
	cookie, _ := cookieOf(t, l)
	d, await := discovery(t)
	if err := d.Watch(cookie); err != nil {
		t.Fatal(err)
	}
	l.Close()
	await("close of a listener from before", func(raw []byte) bool {
		closed, ok := ClosedListener(raw)
		return ok && closed == cookie
	})
}

// answer makes a server send text to a client over loopback.
func answer(t *testing.T, network, addr, text string) (port uint16) {
	t.Helper()
	l := listen(t, network, addr, false)
	defer l.Close()
	c, err := net.Dial("tcp", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	s, err := l.Accept()
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	s.Write([]byte(text))
	if _, err := c.Read(make([]byte, len(text))); err != nil {
		t.Fatal(err)
	}
	return l.Addr().(*net.TCPAddr).AddrPort().Port()
}

func TestScout(t *testing.T) {
	d, await := discovery(t)
	const ok = "HTTP/1.1 200 OK\r\n\r\n"
	if err := d.Scout(true); err != nil {
		t.Fatal(err)
	}
	if err := d.Scout(true); err != nil { // twice is once
		t.Fatal(err)
	}
	silent := answer(t, "tcp", "127.0.0.1:0", "SSH-2.0-OpenSSH_9.2\r\n")
	for _, at := range []struct{ network, addr string }{{"tcp4", "127.0.0.1:0"}, {"tcp6", "[::1]:0"}} {
		port := answer(t, at.network, at.addr, ok)
		await("the answer at "+at.addr, func(raw []byte) bool {
			f, _ := ParseFound(raw)
			if f.Kind != KindAnswers {
				return false
			}
			if f.Port == silent {
				t.Error("a port that does not speak HTTP was reported")
			}
			if f.Port == port && (f.Group == 0 || f.Addr != netip.MustParseAddrPort(strings.Replace(at.addr, ":0", ":1", 1)).Addr().As16()) && at.network == "tcp4" {
				t.Errorf("%+v", f)
			}
			return f.Port == port
		})
	}
	// The same port once more: silence until ForgetAnswers, and after Scout(false).
	again := func() uint16 { return answer(t, "tcp", "127.0.0.1:"+fmt.Sprint(fixedPort(t)), ok) }
	first := again()
	await("the first answer", func(raw []byte) bool { f, _ := ParseFound(raw); return f.Kind == KindAnswers && f.Port == first })
	again()
	marker := answer(t, "tcp", "127.0.0.1:0", ok)
	await("the marker", func(raw []byte) bool {
		f, _ := ParseFound(raw)
		if f.Kind == KindAnswers && f.Port == first {
			t.Error("reported twice")
		}
		return f.Kind == KindAnswers && f.Port == marker
	})
	if err := d.ForgetAnswers(); err != nil {
		t.Fatal(err)
	}
	again()
	await("the answer after ForgetAnswers", func(raw []byte) bool { f, _ := ParseFound(raw); return f.Kind == KindAnswers && f.Port == first })
	if err := d.Scout(false); err != nil {
		t.Fatal(err)
	}
	if err := d.ForgetAnswers(); err != nil {
		t.Fatal(err)
	}
	off := answer(t, "tcp", "127.0.0.1:0", ok)
	if err := d.Scout(true); err != nil {
		t.Fatal(err)
	}
	marker = answer(t, "tcp", "127.0.0.1:0", ok)
	await("the marker", func(raw []byte) bool {
		f, _ := ParseFound(raw)
		if f.Kind == KindAnswers && f.Port == off {
			t.Error("the scout reported while it rested")
		}
		return f.Kind == KindAnswers && f.Port == marker
	})
}

// What meets a full ring is counted, and what was not told is told later.
func TestDiscoverFullRing(t *testing.T) {
	page := os.Getpagesize()
	d, await := discoveryInto(t, page)
	fits := page / (64 + 8) // of struct found, with the ring's own header
	before, err := d.Missed()
	if err != nil {
		t.Fatal(err)
	}
	if fits+20 > 200 {
		t.Skip("more binds fit into a page than a second may have: ", fits)
	}
	for range fits + 20 {
		l := listen(t, "tcp", "127.0.0.1:0", false)
		defer l.Close()
	}
	if missed, err := d.Missed(); err != nil || missed < before+20 {
		t.Errorf("%d binds missed, %v; want 20", missed-before, err)
	}
	if err := d.Scout(true); err != nil {
		t.Fatal(err)
	}
	again := func() uint16 {
		return answer(t, "tcp", "127.0.0.1:"+fmt.Sprint(fixedPort(t)), "HTTP/1.1 200 OK\r\n\r\n")
	}
	again()          // into the full ring
	left := fits / 3 // makes room; whose records they are does not matter
	await("a part of what did fit", func([]byte) bool { left--; return left == 0 })
	var now unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_MONOTONIC, &now); err != nil {
		t.Fatal(err)
	}
	port := again()
	await("the second answer", func(raw []byte) bool {
		f, _ := ParseFound(raw)
		if f.Kind != KindAnswers || f.Port != port {
			return false
		}
		if int64(f.Time) < now.Nano() {
			t.Fatal("the ring was not full: the test shows nothing")
		}
		return true
	})
}

// The close of a listener that meets a full ring is told later, once, whether a
// bind told of the listener or Watch.
func TestDiscoverCloseInFullRing(t *testing.T) {
	before := listen(t, "tcp", "127.0.0.1:0", false)
	d, _ := discoveryInto(t, os.Getpagesize())
	want := map[uint64]bool{}
	note := func(l net.Listener) uint64 {
		cookie, _ := cookieOf(t, l)
		want[cookie] = true
		return cookie
	}
	if err := d.Watch(note(before)); err != nil {
		t.Fatal(err)
	}
	all := []net.Listener{before}
	for range 150 { // more than fit
		l := listen(t, "tcp", "127.0.0.1:0", false)
		note(l)
		all = append(all, l)
	}
	for _, l := range all {
		l.Close()
	}
	got, err := d.Untold()
	if err != nil {
		t.Fatal(err)
	}
	for _, cookie := range got {
		delete(want, cookie)
	}
	if len(want) > 0 {
		t.Errorf("%d of %d closes are not told later", len(want), len(all))
	}
	again, err := d.Untold()
	if err != nil {
		t.Fatal(err)
	}
	for _, cookie := range again { // there may be some of others on this host
		if slices.Contains(got, cookie) {
			t.Error("told twice")
		}
	}
}

// A proxy that binds each of its connections pushes no listener out.
func TestDiscoverManyBinds(t *testing.T) {
	d, await := discovery(t)
	l := listen(t, "tcp", "127.0.0.1:0", false)
	cookie, _ := cookieOf(t, l)
	await("the bind", func(raw []byte) bool { f, _ := ParseFound(raw); return f.Cookie == cookie })
	for range 6000 {
		fd, err := unix.Socket(unix.AF_INET, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
		if err != nil {
			t.Fatal(err)
		}
		if err := unix.Bind(fd, &unix.SockaddrInet4{Addr: [4]byte{127, 0, 0, 1}}); err != nil {
			t.Fatal(err)
		}
		unix.Close(fd)
	}
	l.Close()
	late, err := d.Untold() // where thousands of other closes left no room
	if err != nil {
		t.Fatal(err)
	}
	if slices.Contains(late, cookie) {
		return
	}
	await("the close", func(raw []byte) bool { closed, ok := ClosedListener(raw); return ok && closed == cookie })
}

var reserved uint16

// fixedPort returns the same free port at each call of one test.
func fixedPort(t *testing.T) uint16 {
	if reserved == 0 {
		l := listen(t, "tcp", "127.0.0.1:0", false)
		defer l.Close()
		reserved = l.Addr().(*net.TCPAddr).AddrPort().Port()
	}
	return reserved
}

// TestDiscoverUnprivileged runs the tests above as nobody, with CAP_BPF and
// CAP_NET_ADMIN and nothing else.
func TestDiscoverUnprivileged(t *testing.T) {
	if os.Getuid() != 0 {
		t.Skip("needs root to become nobody with two capabilities")
	}
	cmd := exec.Command("/proc/self/exe", "-test.run", "^(TestDiscoverBindAndClose|TestDiscoverWatch|TestScout)$", "-test.v")
	cmd.Dir = "/"
	// The ambient set is the thread's, and so is no_new_privs.
	runtime.LockOSThread()
	cmd.SysProcAttr = &syscall.SysProcAttr{
		Credential:  &syscall.Credential{Uid: 65534, Gid: 65534},
		AmbientCaps: []uintptr{unix.CAP_BPF, unix.CAP_NET_ADMIN},
	}
	out, err := cmd.CombinedOutput()
	runtime.UnlockOSThread()
	if err != nil || strings.Contains(string(out), "SKIP") || strings.Count(string(out), "--- PASS") != 3 {
		t.Errorf("as nobody: %v\n%s", err, out)
	}
}
