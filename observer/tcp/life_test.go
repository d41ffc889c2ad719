// SPDX-License-Identifier: Apache-2.0

package tcp

import (
	"testing"
	"time"

	"github.com/modeltap/modeltap/observer/budget"
	"github.com/modeltap/modeltap/observer/event"
)

const s = int64(time.Second)

func TestFinished(t *testing.T) {
	w := newWorld(t, Config{})
	c, srv := pair(5)
	w.feed(c.data("ab"), c.fin())
	r := w.only(t)
	if !r.fin[0] || len(r.why) != 0 {
		t.Fatal("a half close must not end the connection")
	}
	w.feed(srv.data("cd"), srv.fin())
	r.closed(t, Finished)
	// Late copies belong to the old connection.
	srv.seq -= 3
	w.feed(srv.data("cd"), srv.fin(), c.rst())
	w.only(t)
	if w.Connections() != 1 {
		t.Fatal("the tombstone is gone at once")
	}
	w.Expire(15 * s)
	if w.Connections() != 0 {
		t.Fatal("still tracked after 15 s")
	}
	w.intact(t)
}

func TestFINWithDataAheadOfAHole(t *testing.T) {
	w := newWorld(t, Config{})
	c, _ := pair(5)
	w.feed(c.syn(0))
	first := c.data("ab")
	last := c.data("cd")
	last.Flags |= event.FIN
	w.feed(last)
	if w.only(t).fin[0] {
		t.Fatal("FIN before the hole was filled")
	}
	w.feed(first)
	w.only(t).stream(t, event.Request, "abcd")
	if !w.only(t).fin[0] {
		t.Fatal("no FIN")
	}
}

func TestLoneFINBehindAHoleIsWaitedFor(t *testing.T) {
	w := newWorld(t, Config{MaxWait: time.Duration(100 * ms)})
	c, _ := pair(5)
	w.feed(c.data("ab"))
	c.seq += 3
	w.feed(c.fin())
	w.Expire(99 * ms)
	w.only(t).stream(t, event.Request, "ab")
	w.Expire(100 * ms)
	w.only(t).stream(t, event.Request, "ab···", 3)
	if !w.only(t).fin[0] {
		t.Fatal("no FIN")
	}
	w.intact(t)
}

func TestDataBeyondFINIsIgnored(t *testing.T) {
	w := newWorld(t, Config{})
	c, _ := pair(5)
	w.feed(c.syn(0))
	first, second := c.data("ab"), c.data("cd")
	fin := c.fin()
	c.seq--
	w.feed(second, fin, c.data("junk"), first, c.data("junk"))
	w.only(t).stream(t, event.Request, "abcd")
	w.intact(t)
}

func TestReset(t *testing.T) {
	for dir, want := range []CloseReason{ResetByClient, ResetByServer} {
		w := newWorld(t, Config{})
		c, srv := pair(5)
		w.feed(c.data("ab"), srv.data("12"))
		c.seq += 2
		w.feed(c.data("ef")) // waits
		from := []*end{c, srv}[dir]
		from.cookie = 4711 // a control socket's
		w.feed(from.rst())
		r := w.only(t)
		r.closed(t, want)
		r.stream(t, event.Request, "ab··ef", 2)
		w.intact(t)
		w.Expire(15 * s)
		if w.Connections() != 0 || w.Buffered() != 0 {
			t.Fatal("still tracked after 15 s")
		}
	}
}

func TestRefusedConnection(t *testing.T) {
	w := newWorld(t, Config{})
	c, srv := pair(5)
	w.feed(c.syn(0))
	srv.seq, srv.cookie = 0, 99
	w.feed(acked(srv.rst(), c.seq))
	w.only(t).closed(t, ResetByServer)
}

func TestReleased(t *testing.T) {
	w := newWorld(t, Config{Linger: 5 * time.Second})
	c, srv := pair(5)
	w.feed(c.data("ab"), srv.data("12"))
	w.Segment(&event.Segment{Kind: event.KindRelease, Cookie: 5, Time: 1 * s})
	srv.time = 4 * s
	w.feed(srv.data("34")) // was still in the send buffer
	w.Expire(6 * s)
	r := w.only(t)
	r.stream(t, event.Response, "1234")
	if len(r.why) != 0 {
		t.Fatal("closed while bytes still came")
	}
	w.Expire(12 * s)
	r.closed(t, Released)
	if w.Connections() != 0 {
		t.Fatal("still tracked")
	}
	w.intact(t)
}

func TestServerFINEndsIt(t *testing.T) {
	w := newWorld(t, Config{Linger: time.Hour}) // more than is allowed
	c, srv := pair(5)
	w.feed(c.data("ab"), srv.data("12"), srv.fin())
	w.Expire(6 * s)
	if len(w.only(t).why) != 0 {
		t.Fatal("closed too early")
	}
	w.Expire(14 * s)
	w.Expire(15 * s)
	w.only(t).closed(t, Finished)
}

func TestIdle(t *testing.T) {
	w := newWorld(t, Config{Idle: time.Minute})
	c, _ := pair(5)
	w.feed(c.data("ab"))
	c.time = 50 * s
	c.seq += 2
	w.feed(c.data("ef"))
	w.Expire(100 * s)
	if len(w.only(t).why) != 0 {
		t.Fatal("closed 50 s after its last segment")
	}
	w.Expire(110 * s)
	w.only(t).closed(t, Idle)
	w.only(t).stream(t, event.Request, "ab··ef", 2)
	if w.Tally().Evictions[event.EvictIdle] != 1 || w.Connections() != 0 {
		t.Fatal("not counted, or still there")
	}
}

func TestLeastRecentlyActiveIsEvicted(t *testing.T) {
	w := newWorld(t, Config{Budget: budget.New(3, 1<<20)})
	open := func(port uint16, at int64) {
		c, _ := pair(uint64(port))
		c.flow.Client.Port, c.time = port, at
		w.feed(c.data("a"))
	}
	open(1, 0)
	open(2, 10*s)
	open(3, 20*s)
	open(1, 30*s) // the same segment again: activity, no data
	open(4, 40*s)
	if len(w.conns) != 4 || w.Connections() != 3 {
		t.Fatalf("%d connections made, %d tracked", len(w.conns), w.Connections())
	}
	w.conns[1].closed(t, Evicted)
	if w.Tally().Evictions[event.EvictConnections] != 1 {
		t.Fatal("not counted")
	}
	w.intact(t)
}

func TestClose(t *testing.T) {
	w := newWorld(t, Config{})
	c, _ := pair(5)
	w.feed(c.data("ab"))
	c.seq++
	w.feed(c.data("d"))
	w.Close(9)
	w.only(t).closed(t, Shutdown)
	w.only(t).stream(t, event.Request, "ab·d", 1)
	if w.Connections() != 0 || w.Buffered() != 0 {
		t.Fatal("not empty")
	}
	w.intact(t)
}

func TestIgnoredConnectionIsRememberedAndForgotten(t *testing.T) {
	made := 0
	a := New(Config{New: func(*Conn, *event.Segment) Handler { made++; return nil }})
	c, srv := pair(5)
	for range 10 {
		a.Segment(c.data("ab"))
		a.Segment(srv.data("12"))
	}
	a.Segment(srv.fin())
	if made != 1 || a.Connections() != 1 {
		t.Fatalf("made %d, tracked %d", made, a.Connections())
	}
	a.Expire(15 * s)
	if a.Connections() != 0 {
		t.Fatal("still tracked after 15 s")
	}
}
