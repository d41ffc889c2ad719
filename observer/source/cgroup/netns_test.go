// SPDX-License-Identifier: Apache-2.0

//go:build linux

package cgroup

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/modeltap/modeltap/bpf"
	"github.com/modeltap/modeltap/observer/event"
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

// pair joins two namespaces by a veth with the addresses 192.0.2.1 and .2,
// 2001:db8::1 and ::2.
func pair(t *testing.T, a, b namespace) {
	t.Helper()
	a.ip(t, "link", "add", "mt0", "type", "veth", "peer", "name", "mt0", "netns", string(b))
	for i, n := range []namespace{a, b} {
		n.ip(t, "addr", "add", fmt.Sprintf("192.0.2.%d/24", i+1), "dev", "mt0")
		n.ip(t, "addr", "add", fmt.Sprintf("2001:db8::%d/64", i+1), "dev", "mt0", "nodad")
		n.ip(t, "link", "set", "mt0", "up")
	}
}

// between converses over the pair: a server in a, a client in b.
func between(t *testing.T, a, b namespace, server string, request, answer []byte) (client uint16, cookie uint64) {
	t.Helper()
	var l net.Listener
	a.do(t, func() (err error) {
		l, err = (&net.ListenConfig{}).Listen(context.Background(), "tcp", server)
		return err
	})
	defer l.Close()
	result := make(chan error, 1)
	var c net.Conn
	b.do(t, func() (err error) {
		c, err = net.Dial("tcp", server)
		return err
	})
	defer c.Close()
	s, err := l.Accept()
	if err != nil {
		t.Fatal(err)
	}
	cookie = socketCookie(t, s)
	go func() {
		defer s.Close()
		if _, err := io.ReadFull(s, make([]byte, len(request))); err != nil {
			result <- err
			return
		}
		_, err := s.Write(answer)
		result <- err
	}()
	if _, err := c.Write(request); err != nil {
		t.Fatal(err)
	}
	got, err := io.ReadAll(c)
	if err != nil || !bytes.Equal(got, answer) {
		t.Fatalf("the client got %d of %d bytes: %v", len(got), len(answer), err)
	}
	if err := <-result; err != nil {
		t.Fatal(err)
	}
	return port(c.LocalAddr()), cookie
}

// TestBigTCP: packets above 64 KiB, with a hop-by-hop header in IPv6.
func TestBigTCP(t *testing.T) {
	a, b := newNamespace(t, "big-a"), newNamespace(t, "big-b")
	pair(t, a, b)
	for _, n := range []namespace{a, b} {
		n.ip(t, "link", "set", "mt0", "gso_max_size", "200000", "gro_max_size", "200000")
	}
	r := record(t, bpf.Options{RingSize: 32 << 20, MaxRequestBytes: 1 << 30}, []uint16{18097})
	request, answer := pattern(6<<20), pattern(6<<20+1)
	client, cookie := between(t, a, b, "[2001:db8::1]:18097", request, answer)
	all := r.until(t, "end", ended(client, cookie))
	if got := stream(all, client, event.Request); !bytes.Equal(got, request) {
		t.Errorf("request: %d bytes of %d, or others", len(got), len(request))
	}
	if got := stream(all, client, event.Response); !bytes.Equal(got, answer) {
		t.Errorf("answer: %d bytes of %d, or others", len(got), len(answer))
	}
	largest, run := 0, 0 // pieces of one packet share its time
	var last int64
	for _, s := range all {
		if s.Dir != event.Response || s.Time != last {
			run = 0
		}
		run, last = run+int(s.Len), s.Time
		largest = max(largest, run)
	}
	if largest <= 1<<16 {
		t.Errorf("the largest packet had %d bytes: this was no BIG TCP", largest)
	}
}

// TestRetransmissions loses packets on the way, so that both directions carry
// some bytes more than once and out of order.
func TestRetransmissions(t *testing.T) {
	a, b := newNamespace(t, "lossy-a"), newNamespace(t, "lossy-b")
	pair(t, a, b)
	for _, n := range []namespace{a, b} {
		out, err := exec.Command("tc", "-n", string(n), "qdisc", "add", "dev", "mt0", "root", "netem", "loss", "5%").CombinedOutput()
		if err != nil {
			t.Skipf("netem: %v: %s", err, out)
		}
	}
	r := record(t, bpf.Options{MaxRequestBytes: 1 << 30}, []uint16{18098})
	request, answer := pattern(1<<20), pattern(1<<20+1)
	client, cookie := between(t, a, b, "192.0.2.1:18098", request, answer)
	all := r.until(t, "end", ended(client, cookie))
	if got := reassemble(all, client, event.Request); !bytes.Equal(got, request) {
		t.Errorf("request: %d bytes of %d, or others", len(got), len(request))
	}
	if got := reassemble(all, client, event.Response); !bytes.Equal(got, answer) {
		t.Errorf("answer: %d bytes of %d, or others", len(got), len(answer))
	}
	var sent int
	for _, s := range all {
		if s.Dir == event.Response {
			sent += int(s.Len)
		}
	}
	if sent <= len(answer) {
		t.Errorf("%d bytes recorded of %d: nothing was sent twice", sent, len(answer))
	}
}

// reassemble puts overlapping pieces in their places.
func reassemble(all []event.Segment, client uint16, d event.Direction) []byte {
	var syn uint32
	out := make([]byte, 0, 1<<21)
	for _, s := range all {
		if s.Kind != event.KindData || s.Dir != d || s.Flow.Client.Port != client {
			continue
		}
		if s.Flags&event.SYN != 0 {
			syn = s.Seq + 1
			continue
		}
		at := int(s.Seq - syn)
		if need := at + len(s.Payload); need > len(out) {
			out = out[:need]
		}
		copy(out[at:], s.Payload)
	}
	return out
}
