// SPDX-License-Identifier: Apache-2.0

package tcp

import (
	"fmt"
	"testing"
	"time"

	"github.com/modeltap/modeltap/observer/event"
)

// A RST that somebody sends who knows the addresses alone ends nothing, and the
// one that the receiver takes ends the connection, whatever was seen before.
func TestOnlyTheExactResetIsBelieved(t *testing.T) {
	offsets := []uint32{1, 2, 100, 1 << 10, 1 << 20, 1<<24 - 1, 1 << 30}
	for name, before := range map[string]func(w *world, c, srv *end){
		"whole": func(w *world, c, srv *end) {
			w.feed(c.syn(0), acked(srv.syn(event.ACK), c.seq), acked(c.data("ab"), srv.seq), acked(srv.data("12"), c.seq))
		},
		"first":  func(w *world, c, srv *end) { w.feed(acked(first(c.data("ab")), srv.seq)) },
		"joined": func(w *world, c, srv *end) { w.feed(acked(c.data("ab"), srv.seq), acked(srv.data("12"), c.seq)) },
		"the answer alone was seen": func(w *world, c, srv *end) {
			c.seq = 77
			w.feed(acked(srv.data("12"), c.seq))
		},
		"behind a hole": func(w *world, c, srv *end) {
			w.feed(acked(c.data("ab"), srv.seq), acked(srv.data("12"), c.seq))
			c.seq += 3
			w.feed(acked(c.data("cd"), srv.seq))
		},
		"after a FIN": func(w *world, c, srv *end) {
			w.feed(acked(c.data("ab"), srv.seq), acked(c.fin(), srv.seq), acked(srv.data("12"), c.seq))
		},
		"lost at the tail, acknowledged": func(w *world, c, srv *end) {
			w.feed(acked(c.data("ab"), srv.seq))
			c.seq += 500
			w.feed(acked(srv.data("12"), c.seq))
		},
	} {
		for dir, want := range []CloseReason{ResetByClient, ResetByServer} {
			w := newWorld(t, Config{})
			c, srv := pair(0)
			before(w, c, srv)
			from, to := c, srv
			if dir == 1 {
				from, to = srv, c
			}
			r := w.only(t)
			for _, n := range offsets {
				for _, blind := range []uint32{from.seq + n, from.seq - n} {
					s := from.rst()
					if s.Seq = blind; blind == w.flows[key{flow: flow1}].dirs[dir].acked || blind == w.flows[key{flow: flow1}].dirs[dir].next {
						continue
					}
					w.feed(s)
					if len(r.why) != 0 {
						t.Fatalf("%s: %v: a RST %d off is believed", name, event.Direction(dir), int32(blind-from.seq))
					}
				}
			}
			w.feed(acked(from.rst(), to.seq))
			if len(r.why) != 1 || r.why[0] != want {
				t.Errorf("%s: %v: the RST is not believed: %v", name, event.Direction(dir), r.why)
			}
			w.intact(t)
		}
	}
}

// Where the source sees a direction at its sender, nobody else can send in it.
func TestResetSeenWhereItIsSent(t *testing.T) {
	w := newWorld(t, Config{})
	c, srv := pair(5)
	srv.flags = event.Ordered
	w.feed(acked(first(c.data("ab")), srv.seq), acked(srv.data("12"), c.seq))
	srv.seq += 700 // lost
	w.feed(acked(srv.rst(), c.seq))
	w.only(t).closed(t, ResetByServer)
}

// A RST of which it is not known whose it is counts if the connection does not
// go on, and not if it does.
func TestDoubtfulReset(t *testing.T) {
	release := func(c *end) *event.Segment {
		return &event.Segment{Kind: event.KindRelease, Cookie: c.cookie, Time: c.time}
	}
	for name, x := range map[string]struct {
		then func(w *world, c, srv *end)
		want []CloseReason
	}{
		"released":         {func(w *world, c, srv *end) { w.feed(release(c)) }, []CloseReason{ResetByClient}},
		"data, released":   {func(w *world, c, srv *end) { w.feed(srv.data("3"), release(c)) }, nil},
		"a new connection": {func(w *world, c, srv *end) { c.cookie = 6; c.netns = 1; w.feed(first(c.data("x"))) }, []CloseReason{ResetByClient}},
		"nothing":          {func(w *world, c, srv *end) { w.Expire(c.time + 60*s) }, nil},
	} {
		w := newWorld(t, Config{})
		c, srv := pair(5)
		c.netns, srv.netns = 1, 1
		w.feed(acked(first(c.data("ab")), srv.seq), acked(srv.data("12"), c.seq))
		c.time, srv.time = s, s
		rst := c.rst()
		rst.Seq += 100
		w.feed(rst)
		c.time, srv.time = 2*s, 2*s
		x.then(w, c, srv)
		if got := w.conns[0].why; fmt.Sprint(got) != fmt.Sprint(x.want) {
			t.Errorf("%s: closed %v, want %v", name, got, x.want)
		}
		w.intact(t)
	}
}

// The release of a socket may tell that the server has reset the connection.
func TestReleaseThatResets(t *testing.T) {
	w := newWorld(t, Config{})
	c, srv := pair(5)
	w.feed(first(c.data("ab")), srv.data("12"))
	w.Segment(&event.Segment{Kind: event.KindRelease, Flags: event.RST, Cookie: 5, Time: 3 * s})
	w.only(t).closed(t, ResetByServer)
	w.feed(srv.rst())
	w.Expire(18 * s)
	if w.Connections() != 0 {
		t.Fatal("still tracked after 15 s")
	}
}

// The client of a released socket stalls, and what is in the send buffer comes
// minutes later. Without an open request the connection is soon forgotten.
func TestReleasedWhileTheClientStalls(t *testing.T) {
	for _, state := range []State{Resting, Waiting, Busy} {
		w := newWorld(t, Config{})
		c, srv := pair(5)
		w.feed(first(c.data("ab")), srv.data("12"))
		w.only(t).conn.State = state
		w.feed(srv.data("3"))
		w.Segment(&event.Segment{Kind: event.KindRelease, Cookie: 5, Time: 100 * s})
		for now := 100 * s; now < 200*s; now += s {
			w.Expire(now)
			w.intact(t)
		}
		r := w.only(t)
		if state != Busy {
			r.closed(t, Released)
			if w.Connections() != 0 {
				t.Fatal("still tracked")
			}
			continue
		}
		srv.time = 200 * s
		w.feed(srv.data("45"))
		for now := 200 * s; now < 300*s; now += s {
			w.Expire(now)
		}
		if len(r.why) != 0 {
			t.Fatalf("closed %v while bytes may follow", r.why)
		}
		srv.time = 300 * s
		w.feed(srv.fin())
		r.stream(t, event.Response, "12345")
		for now := 300 * s; now < 315*s; now += s {
			w.Expire(now)
		}
		r.closed(t, Finished)
	}
	w := newWorld(t, Config{Orphan: time.Minute})
	c, _ := pair(5)
	w.feed(first(c.data("ab")))
	w.only(t).conn.State = Busy
	w.feed(c.data("c"), &event.Segment{Kind: event.KindRelease, Cookie: 5, Time: 100 * s})
	for now := 100 * s; now < 167*s; now += s {
		w.Expire(now)
	}
	w.only(t).closed(t, Released)
}

// A SYN does not end a connection that lives: its socket does not take it. The
// SYN-ACK tells that there is a new one.
func TestASYNEndsNothing(t *testing.T) {
	for name, begin := range map[string]func(w *world, c, srv *end){
		"whole":  func(w *world, c, srv *end) { w.feed(c.syn(0), acked(srv.syn(event.ACK), c.seq), c.data("ab")) },
		"joined": func(w *world, c, srv *end) { w.feed(c.data("ab")) },
	} {
		w := newWorld(t, Config{})
		c, srv := pair(0)
		begin(w, c, srv)
		for _, n := range []uint32{1, 1000, 1 << 20, 1 << 30} {
			other := *c
			other.seq += n
			w.feed(other.syn(0))
		}
		w.feed(c.data("cd"))
		r := w.only(t)
		r.stream(t, event.Request, "abcd")
		next, answer := *c, *srv
		next.seq, answer.seq = c.seq+5000, srv.seq+5000
		w.feed(next.syn(0), acked(answer.syn(event.ACK), next.seq), next.data("xy"))
		r.closed(t, Replaced)
		if len(w.conns) != 2 || !w.conns[1].conn.Whole {
			t.Fatalf("%s: %d connections", name, len(w.conns))
		}
		w.conns[1].stream(t, event.Request, "xy")
		w.intact(t)
	}
}
