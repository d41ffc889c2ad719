// SPDX-License-Identifier: Apache-2.0

package discover

import (
	"context"
	"net"
	"os"
	"slices"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/modeltap/modeltap/observer/identity"
)

func listenTCP(t testing.TB, addr string, multipath bool) *net.TCPListener {
	t.Helper()
	var c net.ListenConfig
	c.SetMultipathTCP(multipath)
	l, err := c.Listen(context.Background(), "tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	return l.(*net.TCPListener)
}

func socketOf(t testing.TB, l *net.TCPListener) (cookie, inode uint64) {
	t.Helper()
	raw, err := l.SyscallConn()
	if err != nil {
		t.Fatal(err)
	}
	raw.Control(func(fd uintptr) {
		var st unix.Stat_t
		cookie, err = unix.GetsockoptUint64(int(fd), unix.SOL_SOCKET, unix.SO_COOKIE)
		unix.Fstat(int(fd), &st)
		inode = st.Ino
	})
	if err != nil {
		t.Fatal(err)
	}
	return cookie, inode
}

func TestListening(t *testing.T) {
	for _, addr := range []string{"127.0.0.1:0", "[::1]:0", "0.0.0.0:0", "[::]:0"} {
		l := listenTCP(t, addr, false)
		cookie, inode := socketOf(t, l)
		all, err := listening()
		if err != nil {
			t.Fatal(err)
		}
		i := slices.IndexFunc(all, func(s Socket) bool { return s.Cookie == cookie })
		if i < 0 {
			t.Fatalf("%s is not among %+v", addr, all)
		}
		at := l.Addr().(*net.TCPAddr).AddrPort()
		if s := all[i]; s.Inode != inode || s.Local.Port() != at.Port() || s.Local.Addr().IsUnspecified() != at.Addr().IsUnspecified() || s.Group == 0 {
			t.Errorf("%s: %+v", at, s)
		}
		l.Close()
		if all, err = listening(); err != nil || slices.ContainsFunc(all, func(s Socket) bool { return s.Cookie == cookie }) {
			t.Errorf("%s is listed after its close, %v", addr, err)
		}
	}
}

// What is bound but does not listen is not listed.
func TestListeningLeavesBoundSocketsOut(t *testing.T) {
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Close(fd)
	if err := unix.Bind(fd, &unix.SockaddrInet4{Addr: [4]byte{127, 0, 0, 1}}); err != nil {
		t.Fatal(err)
	}
	cookie, err := unix.GetsockoptUint64(fd, unix.SOL_SOCKET, unix.SO_COOKIE)
	if err != nil {
		t.Fatal(err)
	}
	listed := func() bool {
		all, err := listening()
		if err != nil {
			t.Fatal(err)
		}
		return slices.ContainsFunc(all, func(s Socket) bool { return s.Cookie == cookie })
	}
	if listed() {
		t.Error("a socket that does not listen is listed")
	}
	if err := unix.Listen(fd, 1); err != nil {
		t.Fatal(err)
	}
	if !listed() {
		t.Error("a socket that listens is not listed")
	}
}

// The same sockets stand in /proc/net/tcp, and their process is found.
func TestProcfsAgrees(t *testing.T) {
	proc := identity.Proc("/proc")
	for _, addr := range []string{"127.0.0.1:0", "[::1]:0"} {
		l := listenTCP(t, addr, false)
		_, inode := socketOf(t, l)
		at := l.Addr().(*net.TCPAddr).AddrPort()
		if want := (identity.Socket{Inode: inode, Local: at}); !slices.Contains(proc.Listening("self"), want) {
			t.Errorf("%v is not among %+v", want, proc.Listening("self"))
		}
		if got := proc.Holders(map[uint64]bool{inode: true}); !slices.Contains(got[inode], os.Getpid()) {
			t.Errorf("%+v, want process %d", got, os.Getpid())
		}
	}
}

// Connections are told from what only has a port.
func TestConnected(t *testing.T) {
	l := listenTCP(t, "127.0.0.1:0", false)
	c, err := net.Dial("tcp", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	raw, err := c.(*net.TCPConn).SyscallConn()
	if err != nil {
		t.Fatal(err)
	}
	var cookie uint64
	raw.Control(func(fd uintptr) { cookie, _ = unix.GetsockoptUint64(int(fd), unix.SOL_SOCKET, unix.SO_COOKIE) })
	all, err := connected()
	if listener, _ := socketOf(t, l); err != nil || !all[cookie] || all[listener] {
		t.Errorf("the connection %v, the listener %v, %v", all[cookie], all[listener], err)
	}
}

func FuzzDiagMessages(f *testing.F) {
	f.Add([]byte{16, 0, 0, 0, 3, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0})
	f.Add([]byte{20, 0, 0, 0, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 255, 255, 255, 255})
	whole := make([]byte, 16+diagMsgSize+12)
	whole[0], whole[4], whole[16+diagMsgSize], whole[16+diagMsgSize+2] = byte(len(whole)), sockDiagByFamily, 12, diagCgroupID
	f.Add(whole)
	f.Fuzz(func(t *testing.T, b []byte) {
		all, _, _ := diagMessages(b, nil)
		if len(all) > len(b)/(16+diagMsgSize) {
			t.Fatalf("%d sockets in %d bytes", len(all), len(b))
		}
	})
}

func BenchmarkListening(b *testing.B) {
	for b.Loop() {
		if _, err := listening(); err != nil {
			b.Fatal(err)
		}
	}
}
