// SPDX-License-Identifier: Apache-2.0

//go:build linux && cgo

package afpacket

import (
	"bytes"
	"context"
	"io"
	"net"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/modeltap/modeltap/observer/event"
	"github.com/modeltap/modeltap/observer/tcp"
)

// streams is what came out of one connection.
type streams struct {
	bytes  [2][]byte
	gaps   int
	server event.Endpoint
}

func (s *streams) Data(d event.Direction, _ event.Mark, p []byte) {
	s.bytes[d] = append(s.bytes[d], p...)
}
func (s *streams) Skip(event.Direction, event.Mark, int) {}
func (s *streams) Gap(event.Direction, event.Mark, int)  { s.gaps++ }
func (s *streams) FIN(event.Direction, event.Mark)       {}
func (s *streams) Read(int64, uint64)                    {}
func (s *streams) Close(int64, tcp.CloseReason)          {}

// capture runs a Source in a namespace until the test ends.
type capture struct {
	*Source
	conns []*streams // of Run's goroutine: look in Sync only
	lens  [2]int     // payload bytes in segments, before reassembly
}

func start(t *testing.T, n *netns, cfg Config) *capture {
	t.Helper()
	c := &capture{}
	assembler := tcp.New(tcp.Config{New: func(conn *tcp.Conn, _ *event.Segment) tcp.Handler {
		s := &streams{server: conn.Flow.Server}
		c.conns = append(c.conns, s)
		return s
	}})
	var err error
	n.do(func() { c.Source, err = New(cfg) })
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	done := n.start(func() {
		err := c.Run(ctx, func(batch []event.Segment, now int64) {
			for i := range batch {
				c.lens[batch[i].Dir] += int(batch[i].Len)
				assembler.Segment(&batch[i])
			}
			assembler.Expire(now)
		}, nil)
		if err != nil {
			t.Error(err)
		}
	})
	t.Cleanup(func() {
		cancel()
		<-done
		if err := c.SetPorts(nil); err == nil {
			t.Error("SetPorts works after the end of Run")
		}
	})
	return c
}

// listen opens a server that answers each request of a given length.
func listen(t *testing.T, n *netns, address string, want int, answer []byte) *net.TCPAddr {
	t.Helper()
	var l net.Listener
	var err error
	n.do(func() { l, err = net.Listen("tcp", address) })
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			go func() {
				defer conn.Close()
				if _, err := io.CopyN(io.Discard, conn, int64(want)); err == nil {
					conn.Write(answer) //nolint:errcheck // the client sees it
				}
			}()
		}
	}()
	return l.Addr().(*net.TCPAddr)
}

// ask sends a request and reads the whole answer.
func ask(t *testing.T, n *netns, to string, request, answer []byte) {
	t.Helper()
	n.do(func() {
		conn, err := net.Dial("tcp", to)
		if err != nil {
			t.Error(err)
			return
		}
		defer conn.Close()
		if _, err := conn.Write(request); err != nil {
			t.Error(err)
		}
		if got, err := io.ReadAll(conn); err != nil || !bytes.Equal(got, answer) {
			t.Errorf("%d bytes of %d, %v", len(got), len(answer), err)
		}
	})
}

func pattern(n int, seed byte) []byte {
	b := make([]byte, n)
	for i := range b {
		b[i] = byte(i) ^ byte(i>>8) ^ seed
	}
	return b
}

// expect waits for what was captured and compares it.
func (c *capture) expect(t *testing.T, conns int, port int, request, answer []byte) {
	t.Helper()
	err := c.Sync(t.Context(), func() {
		if len(c.conns) != conns {
			t.Errorf("%d connections, want %d", len(c.conns), conns)
			return
		}
		s := c.conns[conns-1]
		if int(s.server.Port) != port || s.gaps != 0 || !bytes.Equal(s.bytes[0], request) || !bytes.Equal(s.bytes[1], answer) {
			t.Errorf("server port %d, %d gaps, %d bytes of %d, %d of %d", s.server.Port, s.gaps,
				len(s.bytes[0]), len(request), len(s.bytes[1]), len(answer))
		}
	})
	if err != nil {
		t.Fatal(err)
	}
}

func TestLoopback(t *testing.T) {
	n := newNetns(t)
	request, answer := pattern(100_000, 1), pattern(300_000, 2)
	v4 := listen(t, n, "127.0.0.1:0", len(request), answer)
	v6 := listen(t, n, "[::1]:0", len(request), answer)
	c := start(t, n, Config{Ports: []uint16{uint16(v4.Port), uint16(v6.Port)}})
	ask(t, n, v4.String(), request, answer)
	c.expect(t, 1, v4.Port, request, answer)
	ask(t, n, v6.String(), request, answer)
	c.expect(t, 2, v6.Port, request, answer)
	// The loopback device shows each packet twice.
	st := c.Stats()
	if sent := uint64(2 * len(request)); st.Bytes[0] < sent || st.Bytes[0] > sent*3/2 {
		t.Errorf("%d bytes of requests counted, sent %d", st.Bytes[0], sent)
	}
	if sent := uint64(2 * len(answer)); st.Bytes[1] < sent || st.Bytes[1] > sent*3/2 {
		t.Errorf("%d bytes of answers counted, sent %d", st.Bytes[1], sent)
	}
	if st.Source != "packet" || st.RingFull[0] != 0 {
		t.Errorf("%+v", st)
	}
}

func TestVeth(t *testing.T) {
	srv, cli := newNetns(t), newNetns(t)
	join(srv, cli)
	request, answer := pattern(200_000, 3), pattern(2_000_000, 4)
	to := listen(t, srv, "10.99.0.1:0", len(request), answer)
	c := start(t, srv, Config{Interface: "mt-srv", Ports: []uint16{uint16(to.Port)}})
	ask(t, cli, to.String(), request, answer)
	c.expect(t, 1, to.Port, request, answer)
}

func TestPortsChangeWhileRunning(t *testing.T) {
	n := newNetns(t)
	first := listen(t, n, "127.0.0.1:0", 1, []byte("1"))
	second := listen(t, n, "127.0.0.1:0", 1, []byte("2"))
	c := start(t, n, Config{Ports: []uint16{uint16(first.Port)}})
	both := func() {
		ask(t, n, first.String(), []byte("a"), []byte("1"))
		ask(t, n, second.String(), []byte("b"), []byte("2"))
	}
	both()
	c.expect(t, 1, first.Port, []byte("a"), []byte("1"))
	if err := c.SetPorts([]uint16{uint16(second.Port)}); err != nil {
		t.Fatal(err)
	}
	both()
	c.expect(t, 2, second.Port, []byte("b"), []byte("2"))
	many := make([]uint16, 2*maxFilterPorts) // more than the filter holds
	for i := range many {
		many[i] = uint16(first.Port) ^ uint16(i)
	}
	many = append(many, uint16(second.Port))
	for _, ports := range [][]uint16{many[:maxFilterPorts], many} {
		if err := c.SetPorts(ports); err != nil {
			t.Fatal(err)
		}
	}
	ask(t, n, first.String(), []byte("a"), []byte("1"))
	c.expect(t, 3, first.Port, []byte("a"), []byte("1"))
}

func TestFullRingIsCounted(t *testing.T) {
	n := newNetns(t)
	answer := pattern(32<<20, 5)
	to := listen(t, n, "127.0.0.1:0", 1, answer)
	var src *Source
	var err error
	n.do(func() { src, err = New(Config{Ports: []uint16{uint16(to.Port)}, RingBytes: 2 << 20}) })
	if err != nil {
		t.Fatal(err)
	}
	ask(t, n, to.String(), []byte("x"), answer) // nobody reads the ring
	if st := src.Stats(); st.RingFull[0] == 0 {
		t.Errorf("%+v", st)
	}
	src.Close()
	if st := src.Stats(); st.RingFull[0] == 0 {
		t.Error("the counter is gone after Close")
	}
}

func TestEmptyBatchWhenIdle(t *testing.T) {
	n := newNetns(t)
	var src *Source
	var err error
	n.do(func() { src, err = New(Config{Ports: []uint16{1}}) })
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	last := int64(0)
	if err := src.Run(ctx, func(batch []event.Segment, now int64) {
		if len(batch) != 0 || now <= last {
			t.Errorf("%d segments at %d after %d", len(batch), now, last)
		}
		if last != 0 {
			cancel()
		}
		last = now
	}, nil); err != nil {
		t.Fatal(err)
	}
}

func TestErrorsSayWhatToDo(t *testing.T) {
	n := newNetns(t)
	n.do(func() {
		if _, err := New(Config{Interface: "mt-none"}); err == nil || !strings.Contains(err.Error(), "does the interface exist") {
			t.Error(err)
		}
		var head = unix.CapUserHeader{Version: unix.LINUX_CAPABILITY_VERSION_3}
		var none [2]unix.CapUserData
		if err := unix.Capset(&head, &none[0]); err != nil { // of this thread only
			t.Error(err)
			return
		}
		if _, err := New(Config{}); err == nil || !strings.Contains(err.Error(), "CAP_NET_RAW is needed") {
			t.Error(err)
		}
	})
}

// Packets on a watched port that are forwarded, to no address of this host, keep
// no timer from running.
func TestForwardedPacketsLeaveTheTimersRunning(t *testing.T) {
	n, client := newNetns(t), newNetns(t)
	join(n, client)
	client.ip("route add 10.98.0.0/24 via 10.99.0.1")
	var src *Source
	var err error
	n.do(func() { src, err = New(Config{Ports: []uint16{18001}}) })
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	empty := make(chan int64, 100)
	done := n.start(func() {
		err := src.Run(ctx, func(batch []event.Segment, now int64) {
			if len(batch) > 0 {
				t.Error("a packet of another host was taken for the server's")
			}
			empty <- now
		}, func() {})
		if err != nil {
			t.Error(err)
		}
	})
	var seen int
	client.do(func() {
		for range 300 { // a SYN each 10 ms
			ctx, stop := context.WithTimeout(ctx, 10*time.Millisecond)
			conn, err := new(net.Dialer).DialContext(ctx, "tcp", "10.98.0.9:18001")
			stop()
			if err == nil {
				conn.Close()
				t.Error("somebody answers")
			}
		}
		seen = len(empty)
	})
	cancel()
	<-done
	if seen < 2 {
		t.Errorf("the timers ran %d times in 3 s", seen)
	}
}
