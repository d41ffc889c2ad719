// SPDX-License-Identifier: Apache-2.0

//go:build linux

package cgroup

import (
	"bytes"
	"fmt"
	"io"
	"net"
	"net/netip"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/modeltap/modeltap/bpf"
	"github.com/modeltap/modeltap/observer/event"
)

// The ways in which the first bytes of a request may arrive, after a handshake
// that each does itself. The request is `one` and then `two`.
var beginnings = []struct {
	name string
	set  [][3]int // of the listener
	fast string   // tcp_fastopen of the namespace
	do   func(p *peer, one, two []byte)
}{
	{name: "in order", do: func(p *peer, one, two []byte) {
		p.connect()
		p.write(one)
		p.write(two)
	}},
	{name: "sent again at once", do: func(p *peer, one, two []byte) {
		p.connect()
		p.send(0, ack, one)
		p.write(one)
		p.write(two)
	}},
	{name: "sent again later", do: func(p *peer, one, two []byte) {
		p.connect()
		p.write(one)
		p.write(two)
		p.send(-len(one)-len(two), ack, one)
	}},
	{name: "sent again with other borders", do: func(p *peer, one, two []byte) {
		p.connect()
		p.write(one)
		p.send(-len(one), ack, append(append([]byte(nil), one...), two...))
		p.seq += uint32(len(two))
	}},
	{name: "second first", do: func(p *peer, one, two []byte) {
		p.connect()
		p.send(len(one), ack, two)
		p.send(0, ack, one)
		p.seq += uint32(len(one) + len(two))
	}},
	{name: "byte by byte", do: func(p *peer, one, two []byte) {
		p.connect()
		for _, b := range append(append([]byte(nil), one...), two...) {
			p.write([]byte{b})
		}
	}},
	{name: "with the end of the handshake", do: func(p *peer, one, two []byte) {
		p.knock()
		p.write(one)
		p.write(two)
	}},
	{name: "deferred", set: [][3]int{{unix.IPPROTO_TCP, unix.TCP_DEFER_ACCEPT, 5}}, do: func(p *peer, one, two []byte) {
		p.connect()
		p.write(one)
		p.write(two)
	}},
	{name: "with a SYN that is not heeded", do: func(p *peer, one, two []byte) {
		p.send(0, syn, one, 2, 4, 0xea, 0)
		p.seq = p.begin
		p.await(syn)
		p.send(0, ack, nil)
		p.write(one)
		p.write(two)
	}},
	// Without a cookie, as the setting allows (0x200).
	{name: "fast open", set: [][3]int{{unix.IPPROTO_TCP, unix.TCP_FASTOPEN, 100}}, fast: "515", do: func(p *peer, one, two []byte) {
		p.send(0, syn, one, 2, 4, 0xea, 0, 34, 2)
		p.seq = p.begin + uint32(len(one))
		p.await(syn)
		p.send(0, ack, nil)
		p.write(two)
	}},
	{name: "with a FIN", do: func(p *peer, one, two []byte) {
		p.connect()
		p.send(0, ack|fin, append(append([]byte(nil), one...), two...))
		p.seq += uint32(len(one)+len(two)) + 1
	}},
	{name: "in a packet with options", do: func(p *peer, one, two []byte) {
		p.connect()
		p.form = func(s *packet) { s.ipOptions, s.hopByHop, s.tcpOptions = 40, 8, bytes.Repeat([]byte{1}, 40) }
		p.write(one)
		p.write(two)
	}},
}

// TestFirst: however a request begins, it is captured whole, no handshake is,
// and First stands at the first byte of each direction and nowhere else.
func TestFirst(t *testing.T) {
	for i := range 4 {
		v6, unrolled := i&1 != 0, i&2 != 0
		t.Run(fmt.Sprintf("IPv6=%v,unrolled=%v", v6, unrolled), func(t *testing.T) {
			w := newWire(t, "first")
			r := record(t, bpf.Options{Unrolled: unrolled}, nil)
			for n, c := range beginnings {
				t.Run(c.name, func(t *testing.T) {
					l, server := w.listen(t, v6, c.set...)
					if c.fast != "" {
						w.setting(t, "ipv4/tcp_fastopen", c.fast)
					}
					if err := r.tap.SetPorts([]uint16{server}); err != nil {
						t.Fatal(err)
					}
					p := w.peer(t, v6, uint16(20000+n), server)
					one, two := pattern(100), pattern(300)
					c.do(p, one, two)
					s, err := l.Accept()
					if err != nil {
						t.Fatal(err)
					}
					defer s.Close()
					request := append(append([]byte(nil), one...), two...)
					if got := make([]byte, len(request)); read(s, got) != nil || !bytes.Equal(got, request) {
						t.Fatal("the server read something else")
					}
					answer := pattern(500)
					for half := range 2 {
						if _, err := s.Write(answer[half*250:][:250]); err != nil {
							t.Fatal(err)
						}
						p.quiet()
					}
					if err := s.Close(); err != nil {
						t.Fatal(err)
					}
					p.await(fin)
					checkFirst(t, of(r.all(t), p), p, server, [2][]byte{request, answer})
				})
			}
		})
	}
}

func read(s net.Conn, into []byte) error {
	_ = s.SetReadDeadline(time.Now().Add(5 * time.Second))
	_, err := io.ReadFull(s, into)
	return err
}

// of returns the segments of one peer.
func of(all []event.Segment, p *peer) (own []event.Segment) {
	for _, s := range all {
		if s.Flow.Client.Port == p.local.Port() {
			own = append(own, s)
		}
	}
	return own
}

func checkFirst(t *testing.T, all []event.Segment, p *peer, server uint16, want [2][]byte) {
	t.Helper()
	flow := event.Flow{
		Server: event.EndpointOf(netip.AddrPortFrom(p.remote.Addr(), server)),
		Client: event.EndpointOf(p.local),
	}
	var begun [2]bool
	var begin [2]uint32
	begin[event.Request] = p.begin
	released := 0
	for _, s := range all {
		if s.Flow != flow || s.Group == 0 || s.Time == 0 || s.Flags&event.SYN != 0 {
			t.Errorf("flow %v, group %d, flags %#x", s.Flow, s.Group, s.Flags)
		}
		if s.Kind == event.KindRelease {
			released++
			continue
		}
		first := s.Flags&event.First != 0
		if first && !begun[s.Dir] && s.Dir == event.Response {
			begin[s.Dir] = s.Seq
		}
		if !begun[s.Dir] && !first {
			t.Errorf("%v: begins with another than the first byte", s.Dir)
		}
		begun[s.Dir] = true
		if first != (s.Seq == begin[s.Dir]) {
			t.Errorf("%v: First is %v at byte %d", s.Dir, first, s.Seq-begin[s.Dir])
		}
	}
	if released != 1 {
		t.Errorf("released %d times", released)
	}
	for d, bytesOf := range want {
		if got := assembled(all, event.Direction(d), begin[d]); !bytes.Equal(got, bytesOf) {
			t.Errorf("%v: captured %d bytes, want %d, or others: %s", event.Direction(d), len(got), len(bytesOf), describe(all))
		}
	}
}

// assembled puts overlapping pieces into their places from start on.
func assembled(all []event.Segment, d event.Direction, start uint32) []byte {
	var out []byte
	for _, s := range all {
		if s.Kind != event.KindData || s.Dir != d {
			continue
		}
		at := int(s.Seq - start)
		if need := at + len(s.Payload); need > len(out) {
			out = append(out, make([]byte, need-len(out))...)
		}
		copy(out[at:], s.Payload)
	}
	return out
}

// TestServerSpeaksFirst: then the answer's direction begins the connection.
func TestServerSpeaksFirst(t *testing.T) {
	w := newWire(t, "speaks")
	l, server := w.listen(t, false)
	r := record(t, bpf.Options{}, []uint16{server})
	p := w.peer(t, false, 20000, server)
	p.connect()
	s, err := l.Accept()
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	greeting, request := []byte("220 ready"), pattern(50)
	if _, err := s.Write(greeting); err != nil {
		t.Fatal(err)
	}
	p.quiet()
	p.write(request)
	if read(s, make([]byte, len(request))) != nil {
		t.Fatal("no request")
	}
	s.Close()
	p.await(fin)
	all := of(r.all(t), p)
	if len(all) == 0 || all[0].Dir != event.Response {
		t.Fatalf("begins with %s", describe(all))
	}
	checkFirst(t, all, p, server, [2][]byte{request, greeting})
}

// TestJoined: a connection that was there before the tap is followed from its
// next bytes on, none of which is the first, as long as its server listens.
func TestJoined(t *testing.T) {
	w := newWire(t, "joined")
	for _, listening := range []bool{true, false} {
		t.Run(fmt.Sprintf("listening=%v", listening), func(t *testing.T) {
			l, server := w.listen(t, false)
			p := w.peer(t, false, 20001, server)
			p.connect()
			s, err := l.Accept()
			if err != nil {
				t.Fatal(err)
			}
			defer s.Close()
			turn := func(request, answer []byte) {
				p.write(request)
				if read(s, make([]byte, len(request))) != nil {
					t.Fatal("no request")
				}
				if _, err := s.Write(answer); err != nil {
					t.Fatal(err)
				}
				p.quiet()
			}
			turn(pattern(10), pattern(20))
			if !listening {
				l.Close()
			}
			r := record(t, bpf.Options{}, []uint16{server})
			turn(pattern(30), pattern(40))
			all := of(r.all(t), p)
			if !listening {
				if len(all) != 0 {
					t.Errorf("recorded of who knows whom: %s", describe(all))
				}
				return
			}
			var seen [2]uint32
			for _, s := range all {
				seen[s.Dir] += s.Len
				if s.Flags&event.First != 0 {
					t.Errorf("First in the middle: %s", describe(all))
				}
			}
			if seen != [2]uint32{30, 40} {
				t.Errorf("recorded %v bytes", seen)
			}
		})
	}
}

// TestAway: a tap that was away for a while takes neither the request that
// comes next for an upload, nor an upload for a request.
func TestAway(t *testing.T) {
	const limit = 10_000
	w := newWire(t, "away")
	l, server := w.listen(t, false)
	tap, err := bpf.Load(bpf.Options{MaxRequestBytes: limit})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { tap.Close() })
	if err := tap.SetPorts([]uint16{server}); err != nil {
		t.Fatal(err)
	}
	attachments := bpf.NewAttachments(tap)
	t.Cleanup(func() { attachments.Close() })
	attach := func(dirs ...string) {
		if err := attachments.Set(dirs); err != nil {
			t.Fatal(err)
		}
	}
	root := hostRoot(t)
	r := follow(t, tap)
	p := w.peer(t, false, 20002, server)
	p.connect()
	s, err := l.Accept()
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	turn := func(n int) {
		for left := n; left > 0; left -= 1000 {
			p.write(pattern(min(left, 1000)))
		}
		if read(s, make([]byte, n)) != nil {
			t.Fatal("no request")
		}
		if _, err := s.Write([]byte("answer")); err != nil {
			t.Fatal(err)
		}
		p.quiet()
	}
	skipped := func() (n uint64) {
		c, err := tap.Counters()
		if err != nil {
			t.Fatal(err)
		}
		return c.SkippedBytes[0]
	}
	attach(root)
	turn(2000)
	for _, unseen := range []int{500, 9000, 30_000} {
		attach()
		turn(unseen)
		attach(root)
		before := skipped()
		turn(9000)
		if n := skipped() - before; n != 0 {
			t.Errorf("after %d bytes unseen, %d bytes of a small request were left out", unseen, n)
		}
		turn(25_000)
		if n := skipped() - before; n < 25_000-limit-1000 || n > 25_000-limit+1000 {
			t.Errorf("after %d bytes unseen, %d bytes of an upload of 25,000 were left out, the limit is %d", unseen, n, limit)
		}
	}
	_ = r
}

// TestOwnClients: a connection that the host opened itself has the watched port
// by accident, whoever speaks first, and whether or not it was there before.
func TestOwnClients(t *testing.T) {
	const watched = 30007
	for _, before := range []bool{false, true} {
		for _, greets := range []bool{false, true} {
			t.Run(fmt.Sprintf("before=%v,greets=%v", before, greets), func(t *testing.T) {
				n := newNamespace(t, "own")
				var r *recorder
				start := func() { r = record(t, bpf.Options{}, []uint16{watched}) }
				if !before {
					start()
				}
				n.do(t, func() error {
					l, err := net.Listen("tcp", "127.0.0.1:0")
					if err != nil {
						return err
					}
					defer l.Close()
					c, err := dialFrom(fmt.Sprintf("127.0.0.1:%d", watched), l.Addr().String())
					if err != nil {
						return err
					}
					defer c.Close()
					s, err := l.Accept()
					if err != nil {
						return err
					}
					defer s.Close()
					ends := []net.Conn{c, s}
					if greets {
						ends = []net.Conn{s, c}
					}
					for turn := range 4 {
						if before && turn == 2 {
							start()
						}
						if _, err := ends[turn%2].Write(pattern(70)); err != nil {
							return err
						}
						if err := read(ends[1-turn%2], make([]byte, 70)); err != nil {
							return err
						}
					}
					return nil
				})
				time.Sleep(20 * time.Millisecond) // the closes
				if all := r.all(t); len(all) != 0 {
					t.Errorf("recorded %s", describe(all))
				}
				if c, err := r.tap.Counters(); err != nil || c != (bpf.Counters{}) {
					t.Errorf("counted %+v, %v", c, err)
				}
			})
		}
	}
}
