// SPDX-License-Identifier: Apache-2.0

package tcp

import (
	"testing"

	"github.com/modeltap/modeltap/observer/event"
)

// first marks s as the first payload of its direction, as cgroup_skb does.
func first(s *event.Segment) *event.Segment {
	s.Flags |= event.First
	return s
}

// TestFirstBeginsAConnection is what cgroup_skb shows on Linux: no handshake,
// and with TCP_DEFER_ACCEPT or TCP Fast Open the listener's cookie on the first
// data. Either side may speak first, and what was sent before the first record
// of the other side is lost, not unknown.
func TestFirstBeginsAConnection(t *testing.T) {
	const listener = 77
	for name, serverFirst := range map[string]bool{"client": false, "server": true} {
		for _, deferred := range []bool{false, true} {
			if deferred && serverFirst {
				continue // the listener answers nothing
			}
			w := newWorld(t, Config{})
			for i := range uint16(3) {
				c, srv := pair(uint64(i) + 1)
				c.flow.Client.Port, srv.flow.Client.Port = i, i
				c.netns, srv.netns = 9, 9
				if deferred {
					c.cookie = listener
				}
				if serverFirst {
					w.feed(acked(first(srv.data("12")), c.seq))
				}
				w.feed(acked(first(c.data("ab")), srv.seq))
				c.cookie = uint64(i) + 1
				if !serverFirst {
					srv.seq += 3 // the first bytes of the answer are lost
					w.feed(acked(srv.data("12"), c.seq))
				}
				w.feed(acked(c.data("cd"), srv.seq))
			}
			if len(w.conns) != 3 {
				t.Fatalf("%s first, deferred %v: %d connections, want 3", name, deferred, len(w.conns))
			}
			for i, r := range w.conns {
				r.stream(t, event.Request, "abcd")
				if serverFirst {
					r.stream(t, event.Response, "12")
				} else {
					r.stream(t, event.Response, "···12", 3)
				}
				if !r.conn.Whole || r.conn.Cookie != uint64(i)+1 {
					t.Fatalf("%s first: whole %v, cookie %d", name, r.conn.Whole, r.conn.Cookie)
				}
			}
			w.intact(t)
		}
	}
}

// TestDeferredDataWithoutHandshake joins where the listener's cookie cannot be
// told from the connection's own.
func TestDeferredDataWithoutHandshake(t *testing.T) {
	for _, netns := range []uint64{0, 3} {
		w := newWorld(t, Config{})
		var c, srv [2]*end
		for i := range c {
			c[i], srv[i] = pair(77)
			c[i].flow.Client.Port = uint16(i)
			srv[i].flow, c[i].netns, srv[i].netns = c[i].flow, netns, netns
			w.feed(c[i].data("a"))
		}
		for i := range c {
			again := *c[i]
			w.feed(c[i].data("b"))
			again.cookie = 77
			c[i].cookie, srv[i].cookie = uint64(i)+1, uint64(i)+1
			w.feed(again.data("b"), acked(c[i].data("cd"), srv[i].seq), acked(srv[i].data("12"), c[i].seq))
		}
		if len(w.conns) != 2 {
			t.Fatalf("netns %d: %d connections, want 2", netns, len(w.conns))
		}
		for i, r := range w.conns {
			r.stream(t, event.Request, "abcd")
			r.stream(t, event.Response, "12")
			if r.conn.Cookie != uint64(i)+1 {
				t.Fatalf("cookie %d", r.conn.Cookie)
			}
		}
		w.intact(t)
	}
}

// TestNamesakesInTwoNamespaces has the same 4-tuple twice at once, with and
// without the kernel naming the namespaces.
func TestNamesakesInTwoNamespaces(t *testing.T) {
	for _, named := range []bool{true, false} {
		for _, handshake := range []bool{true, false} {
			if handshake && !named {
				continue // whoever sees handshakes and no namespace sees one host
			}
			w := newWorld(t, Config{})
			var c, srv [2]*end
			for i := range c {
				c[i], srv[i] = pair(uint64(70 + i))
				c[i].seq += uint32(i) << 28
				srv[i].seq += uint32(i) << 28
				if named {
					c[i].netns, srv[i].netns = uint64(i+1), uint64(i+1)
				}
				if handshake {
					w.feed(c[i].syn(0), acked(srv[i].syn(event.ACK), c[i].seq))
				}
				c[i].cookie, srv[i].cookie = uint64(i+1), uint64(i+1)
			}
			for range 2 {
				for i := range c {
					w.feed(acked(c[i].data("ab"), srv[i].seq), acked(srv[i].data("12"), c[i].seq))
				}
			}
			if len(w.conns) != 2 {
				t.Fatalf("named %v, handshake %v: %d connections, want 2", named, handshake, len(w.conns))
			}
			for _, r := range w.conns {
				r.stream(t, event.Request, "abab")
				r.stream(t, event.Response, "1212")
			}
			w.feed(srv[1].rst())
			w.conns[1].closed(t, ResetByServer)
			if len(w.conns[0].why) != 0 {
				t.Fatal("the namesake was closed too")
			}
			w.intact(t)
		}
	}
}

func TestNewSYNReplacesTheOldConnection(t *testing.T) {
	for name, cookies := range map[string][3]uint64{"live": {77, 1, 2}, "file": {}} {
		w := newWorld(t, Config{})
		for i := range 2 {
			c, srv := pair(cookies[0])
			c.seq += uint32(i) * 5000
			srv.seq += uint32(i) * 5000
			w.feed(c.syn(0), acked(srv.syn(event.ACK), c.seq))
			c.seq--
			w.feed(c.syn(0)) // sent again
			c.cookie, srv.cookie = cookies[1+i], cookies[1+i]
			w.feed(c.data("ab"), acked(srv.data("12"), c.seq))
		}
		if len(w.conns) != 2 || w.Connections() != 1 {
			t.Fatalf("%s: %d connections, %d tracked", name, len(w.conns), w.Connections())
		}
		w.conns[0].closed(t, Replaced)
		for _, r := range w.conns {
			r.stream(t, event.Request, "ab")
			r.stream(t, event.Response, "12")
		}
		w.intact(t)
	}
}

func TestReuseWithoutHandshake(t *testing.T) {
	for name, x := range map[string]struct{ cookie, netns uint64 }{"live": {1, 9}, "file": {}} {
		w := newWorld(t, Config{})
		for i := range 2 {
			c, srv := pair(x.cookie)
			c.netns, srv.netns = x.netns, x.netns
			if i == 1 && x.cookie != 0 {
				c.seq += 1000 // no help from the numbers
				c.cookie, srv.cookie = 2, 2
			} else if i == 1 {
				c.seq -= 1 << 30
				srv.seq += 1 << 29
			}
			w.feed(acked(c.data("ab"), srv.seq), acked(srv.data("12"), c.seq))
		}
		if len(w.conns) != 2 {
			t.Fatalf("%s: %d connections", name, len(w.conns))
		}
		w.conns[0].closed(t, Replaced)
		w.conns[1].stream(t, event.Request, "ab")
		w.conns[1].stream(t, event.Response, "12")
		w.intact(t)
	}
}

func TestBogusSYNOnALiveConnection(t *testing.T) {
	w := newWorld(t, Config{})
	c, _ := pair(77)
	w.feed(c.syn(0))
	c.cookie = 1
	w.feed(c.data("ab"))
	bogus := *c
	bogus.seq += 12345
	w.feed(bogus.syn(0), c.data("cd"))
	w.only(t).stream(t, event.Request, "abcd")
}

// TestInvisibleSYNACK is IPv6 on kernels before 6.12.
func TestInvisibleSYNACK(t *testing.T) {
	w := newWorld(t, Config{})
	c, srv := pair(77)
	srv.flags = event.Ordered
	w.feed(c.syn(0))
	srv.seq++
	c.cookie, srv.cookie = 1, 1
	w.feed(acked(c.data("ab"), srv.seq))
	srv.seq += 3 // the first bytes of the answer are lost
	w.feed(acked(srv.data("45"), c.seq))
	w.only(t).stream(t, event.Response, "···45", 3)
}

func TestFastOpenDataComesWithTheSYN(t *testing.T) {
	w := newWorld(t, Config{})
	c, _ := pair(77)
	syn := c.data("ab")
	syn.Flags |= event.SYN
	c.seq++
	w.feed(syn, c.data("cd"))
	w.only(t).stream(t, event.Request, "abcd")
}

func TestJoinedInTheMiddle(t *testing.T) {
	w := newWorld(t, Config{})
	c, srv := pair(0)
	old := c.data("old")
	w.feed(c.seg(0, event.ACK), c.fin(), c.rst()) // start nothing
	c.seq--
	if w.Connections() != 0 {
		t.Fatal("a segment without data started a connection")
	}
	w.feed(acked(c.data("ab"), srv.seq-10), old)
	probe := *c
	probe.seq--
	w.feed(probe.seg(0, 0), probe.seg(1, 0)) // keep-alive probes
	w.feed(acked(srv.data("12"), c.seq))
	r := w.only(t)
	r.stream(t, event.Request, "ab")
	r.stream(t, event.Response, "12")
	if r.conn.Whole {
		t.Fatal("not whole")
	}
}
