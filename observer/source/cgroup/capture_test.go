// SPDX-License-Identifier: Apache-2.0

//go:build linux

package cgroup

import (
	"bytes"
	"io"
	"math/rand/v2"
	"net"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/modeltap/modeltap/bpf"
	"github.com/modeltap/modeltap/observer/event"
)

// pattern returns n bytes in which no place looks like another.
func pattern(n int) []byte {
	b := make([]byte, n)
	r := rand.New(rand.NewPCG(1, uint64(n)))
	for i := range b {
		b[i] = byte(r.Uint32())
	}
	return b
}

// converse sends request to a new server on address and gets answer back. It
// returns the ports and the client's socket cookie as seen by the server.
func converse(t *testing.T, l net.Listener, target string, request, answer []byte) (client uint16, cookie uint64) {
	t.Helper()
	served := make(chan error, 1)
	cookies := make(chan uint64, 1)
	go func() {
		c, err := l.Accept()
		if err != nil {
			served <- err
			return
		}
		defer c.Close()
		cookies <- socketCookie(t, c)
		got := make([]byte, len(request))
		if _, err := io.ReadFull(c, got); err != nil || !bytes.Equal(got, request) {
			served <- io.ErrUnexpectedEOF
			return
		}
		_, err = c.Write(answer)
		served <- err
	}()
	c, err := net.Dial("tcp", target)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if _, err := c.Write(request); err != nil {
		t.Fatal(err)
	}
	got, err := io.ReadAll(c)
	if err != nil || !bytes.Equal(got, answer) {
		t.Fatalf("client got %d of %d bytes: %v", len(got), len(answer), err)
	}
	if err := <-served; err != nil {
		t.Fatal(err)
	}
	return port(c.LocalAddr()), <-cookies
}

func socketCookie(t *testing.T, c net.Conn) uint64 {
	raw, err := c.(*net.TCPConn).SyscallConn()
	if err != nil {
		t.Error(err)
		return 0
	}
	return cookieOf(t, raw)
}

func cookieOf(t *testing.T, raw syscall.RawConn) (cookie uint64) {
	var err error
	_ = raw.Control(func(fd uintptr) {
		cookie, err = unix.GetsockoptUint64(int(fd), unix.SOL_SOCKET, unix.SO_COOKIE)
	})
	if err != nil {
		t.Error(err)
	}
	return cookie
}

// ended says that the server's socket was closed and its FIN has left: the send
// buffer outlives the close. The client's FIN then meets a TIME-WAIT socket,
// where the kernel runs no program.
func ended(client uint16, cookie uint64) func([]event.Segment) bool {
	return func(all []event.Segment) bool {
		var fin, released bool
		for _, s := range all {
			if s.Flow.Client.Port == client {
				fin = fin || s.Dir == event.Response && s.Flags&event.FIN != 0
				released = released || s.Kind == event.KindRelease && s.Cookie == cookie
			}
		}
		return released && fin
	}
}

// TestConversation takes real conversations and checks that each byte, each
// end and each close is recorded, with both objects' classes and pieces.
func TestConversation(t *testing.T) {
	for _, c := range []struct{ name, listen, dial string }{
		{"IPv4", "127.0.0.1:0", "127.0.0.1"},
		{"IPv6", "[::1]:0", "::1"},
		{"v4-mapped", "[::]:0", "127.0.0.1"},
	} {
		t.Run(c.name, func(t *testing.T) {
			l, err := net.Listen("tcp", c.listen)
			if err != nil {
				t.Skip(err)
			}
			defer l.Close()
			server := port(l.Addr())
			r := record(t, bpf.Options{}, []uint16{server})
			_, serverPort, _ := net.SplitHostPort(l.Addr().String())
			target := net.JoinHostPort(c.dial, serverPort)
			request, answer := pattern(70_000), pattern(1<<20)
			client, cookie := converse(t, l, target, request, answer)
			all := r.until(t, "end", ended(client, cookie))
			if got := stream(all, client, event.Request); !bytes.Equal(got, request) {
				t.Errorf("request: captured %d of %d bytes, or others", len(got), len(request))
			}
			if got := stream(all, client, event.Response); !bytes.Equal(got, answer) {
				t.Errorf("answer: captured %d of %d bytes, or others", len(got), len(answer))
			}
			checkConversation(t, all, server, client, cookie)
			if s := r.source.Stats(); s.Packets[0] == 0 || s.Bytes[0] < uint64(len(request)) || s.Bytes[1] < uint64(len(answer)) ||
				s.RingFull != [2]uint64{} || s.CopyFailed != [2]uint64{} {
				t.Errorf("stats: %+v", s)
			}
		})
	}
}

func checkConversation(t *testing.T, all []event.Segment, server, client uint16, cookie uint64) {
	t.Helper()
	var first, fin [2]int
	for _, s := range all {
		if s.Flow.Server.Port != server || s.Flow.Client.Port != client {
			t.Errorf("a segment of %v", s.Flow)
		}
		if s.Group == 0 || s.Time == 0 {
			t.Errorf("group %d, time %d", s.Group, s.Time)
		}
		if s.Kind == event.KindRelease {
			continue
		}
		if s.Flags&event.SYN != 0 {
			t.Error("a handshake was recorded")
		}
		if s.Flags&event.First != 0 {
			first[s.Dir]++
		}
		if s.Cookie != cookie {
			t.Errorf("cookie %#x, want %#x", s.Cookie, cookie)
		}
		if s.Flags&event.FIN != 0 {
			fin[s.Dir]++
		}
		if int(s.Len) != len(s.Payload) {
			t.Errorf("len %d, payload %d", s.Len, len(s.Payload))
		}
		if s.Len == 0 && s.Flags&(event.SYN|event.FIN|event.RST) == 0 {
			t.Error("a pure acknowledgment was recorded")
		}
		if (s.Flags&event.Ordered != 0) != (s.Dir == event.Response) {
			t.Errorf("%v: ordered is %v", s.Dir, s.Flags&event.Ordered != 0)
		}
	}
	// More than one is a retransmission.
	if first[event.Request] == 0 || first[event.Response] == 0 || fin[event.Response] == 0 {
		t.Errorf("first %v, FIN %v, want one each way but for the client's FIN: %s", first, fin, describe(all))
	}
}

func TestOtherPortsStayUnseen(t *testing.T) {
	watched, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer watched.Close()
	other, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer other.Close()
	r := record(t, bpf.Options{}, []uint16{port(watched.Addr())})
	converse(t, other, other.Addr().String(), pattern(100), pattern(100))
	client, cookie := converse(t, watched, watched.Addr().String(), pattern(100), pattern(100))
	all := r.until(t, "end", ended(client, cookie))
	if s := describe(all); strings.Contains(s, ":"+itoa(int(port(other.Addr())))) {
		t.Error("the other port was recorded", s)
	}
	// The filter changes while the tap runs, both ways.
	if err := r.tap.SetPorts([]uint16{port(other.Addr())}); err != nil {
		t.Fatal(err)
	}
	before := len(all)
	converse(t, watched, watched.Addr().String(), pattern(100), pattern(100))
	client, cookie = converse(t, other, other.Addr().String(), pattern(100), pattern(100))
	for _, s := range r.until(t, "end", ended(client, cookie))[before:] {
		if s.Flow.Server.Port != port(other.Addr()) {
			t.Errorf("port %d was recorded after it left the filter", s.Flow.Server.Port)
		}
	}
}
