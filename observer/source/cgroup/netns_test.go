// SPDX-License-Identifier: Apache-2.0

//go:build linux

package cgroup

import (
	"fmt"
	"net"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/modeltap/modeltap/bpf"
)

// namespace is a network namespace of the test's own, with loopback up.
type namespace string

func newNamespace(t *testing.T, name string) namespace {
	t.Helper()
	needRoot(t)
	n := namespace(fmt.Sprintf("mt-%s-%d", name, os.Getpid()))
	ip(t, "netns", "add", string(n))
	t.Cleanup(func() { _ = exec.Command("ip", "netns", "del", string(n)).Run() })
	n.ip(t, "link", "set", "lo", "up")
	return n
}

func ip(t *testing.T, args ...string) {
	t.Helper()
	if out, err := exec.Command("ip", args...).CombinedOutput(); err != nil {
		t.Skipf("ip %s: %v: %s", strings.Join(args, " "), err, out)
	}
}

func (n namespace) ip(t *testing.T, args ...string) {
	t.Helper()
	ip(t, append([]string{"-n", string(n)}, args...)...)
}

// do runs f on a thread in the namespace; sockets that f makes stay there.
func (n namespace) do(t *testing.T, f func() error) {
	t.Helper()
	done := make(chan error)
	go func() {
		runtime.LockOSThread() // and never unlocked: the thread ends with f
		file, err := os.Open("/run/netns/" + string(n))
		if err == nil {
			err = unix.Setns(int(file.Fd()), unix.CLONE_NEWNET)
			file.Close()
		}
		if err == nil {
			err = f()
		}
		done <- err
	}()
	if err := <-done; err != nil {
		t.Fatal(err)
	}
}

// reuse lets a test take a port of its choice again and again.
func reuse(_, _ string, c syscall.RawConn) error {
	return c.Control(func(fd uintptr) { _ = unix.SetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_REUSEADDR, 1) })
}

// dialFrom connects from a port of the caller's choice.
func dialFrom(local, remote string) (net.Conn, error) {
	a, err := net.ResolveTCPAddr("tcp", local)
	if err != nil {
		return nil, err
	}
	return (&net.Dialer{LocalAddr: a, Control: reuse}).Dial("tcp", remote)
}

// TestSameTupleInTwoNamespaces holds two conversations open at once that no
// address tells apart.
func TestSameTupleInTwoNamespaces(t *testing.T) {
	const server, client = "127.0.0.1:18096", "127.0.0.1:40404"
	spaces := []namespace{newNamespace(t, "one"), newNamespace(t, "two")}
	r := record(t, bpf.Options{}, []uint16{18096})
	texts := map[uint64]string{} // by the cookie of the server's socket
	for i, n := range spaces {
		text := fmt.Sprintf("request in namespace %d", i)
		n.do(t, func() error {
			l, err := net.Listen("tcp", server)
			if err != nil {
				return err
			}
			defer l.Close()
			c, err := dialFrom(client, server)
			if err != nil {
				return err
			}
			t.Cleanup(func() { c.Close() })
			s, err := l.Accept()
			if err != nil {
				return err
			}
			t.Cleanup(func() { s.Close() })
			texts[socketCookie(t, s)] = text
			_, err = c.Write([]byte(text))
			return err
		})
	}
	spacesSeen := map[uint64]bool{}
	seen := 0
	for _, s := range r.all(t) {
		if s.Len == 0 {
			continue
		}
		seen++
		if texts[s.Cookie] != string(s.Payload) {
			t.Errorf("socket %#x: %q, want %q", s.Cookie, s.Payload, texts[s.Cookie])
		}
		spacesSeen[s.NetNS] = true
	}
	if seen != 2 || len(texts) != 2 {
		t.Errorf("%d segments of %d sockets, want one of each of two", seen, len(texts))
	}
	if !spacesSeen[0] && len(spacesSeen) != 2 { // 0: a kernel before 6.16
		t.Errorf("network namespace cookies %v, want two", spacesSeen)
	}
}
