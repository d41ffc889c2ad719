// SPDX-License-Identifier: Apache-2.0

package tcp

import (
	"fmt"
	"slices"
	"testing"

	"github.com/modeltap/modeltap/observer/budget"
	"github.com/modeltap/modeltap/observer/event"
)

// crowd is an Assembler whose connections are made, one in each state, in an
// order that says nothing about who goes first.
type crowd struct {
	*world
	names map[*Conn]string
}

func (w *crowd) add(name string, port uint16) (c, srv *end) {
	c, srv = pair(0)
	c.flow.Client.Port, srv.flow.Client.Port = port, port
	c.time, srv.time = int64(port)*s, int64(port)*s
	if name == "half open" {
		w.feed(c.syn(0), acked(srv.syn(event.ACK), c.seq))
	} else {
		w.feed(c.data("a"))
	}
	conn := w.flows[key{flow: c.flow}]
	w.names[conn] = name
	switch name {
	case "busy", "waiting":
		conn.State = map[string]State{"busy": Busy, "waiting": Waiting}[name]
		w.feed(c.data("b"))
	case "bare":
		conn.handler = nil
		w.put(conn, conn.home(), c.time)
	case "ended":
		w.feed(c.rst())
	case "released, busy", "released":
		if name != "released" {
			conn.State = Busy
			w.feed(c.data("b"))
		}
		w.Segment(&event.Segment{Kind: event.KindRelease, Flow: c.flow, Time: c.time})
	}
	return c, srv
}

// TestWhoGoesFirst makes room for one after the other, until only those are left
// that never go.
func TestWhoGoesFirst(t *testing.T) {
	order := []string{"ended", "released", "half open", "half open", "bare", "waiting", "idle", "waiting", "idle"}
	never := []string{"busy", "released, busy", "busy"}
	for turn := range 12 {
		b := budget.New(12, 1<<20)
		w := &crowd{newWorld(t, Config{Budget: b}), map[*Conn]string{}}
		all := slices.Concat(order, never)
		at := map[string][]int{}
		for i := range all {
			name := all[(i+turn)%len(all)]
			at[name] = append(at[name], i)
			w.add(name, uint16(i+1))
			w.intact(t)
		}
		var left []string
		for range order {
			before := w.tracked()
			c, _ := pair(0)
			c.flow.Client.Port, c.time = uint16(100+len(left)), 1000*s
			w.feed(c.data("a"))
			conn := w.flows[key{flow: c.flow}]
			if conn == nil || w.Connections() != 12 {
				t.Fatalf("after %v: refused, or %d tracked", left, w.Connections())
			}
			conn.State = Busy
			w.feed(c.data("b"))
			w.names[conn] = "busy"
			w.intact(t)
			for port, name := range before {
				if w.tracked()[port] == "" {
					left = append(left, name)
				}
			}
		}
		want := slices.Clone(order)
		slices.Sort(want[5:]) // idle and waiting go by time alone
		slices.Sort(left[5:])
		slices.Sort(want[:2]) // both are only remembered
		slices.Sort(left[:2])
		if !slices.Equal(left, want) {
			t.Fatalf("turn %d: went %v, want %v", turn, left, want)
		}
		got := w.Tally().Evictions
		if got[event.EvictHalfOpen] != 2 || got[event.EvictConnections] != 5 {
			t.Fatalf("counted %v", got)
		}
		// Nothing may go any more, and whoever is refused is counted once.
		for range 3 {
			c, srv := pair(0)
			c.flow.Client.Port, srv.flow.Client.Port = 500, 500
			w.feed(c.data("a"), srv.data("b"), c.data("c"))
		}
		if got := w.Tally().Evictions[event.EvictRefused]; got != 1 || w.Connections() != 12 {
			t.Fatalf("%d refused, %d tracked", got, w.Connections())
		}
		w.Close(2000 * s)
		if b.Connections() != 0 {
			t.Fatalf("%d places are taken by nobody", b.Connections())
		}
	}
}

// tracked returns the names of the connections by their client's port.
func (w *crowd) tracked() map[uint16]string {
	all := map[uint16]string{}
	for k, c := range w.flows {
		all[k.flow.Client.Port] = w.names[c]
	}
	return all
}

// TestRejoined says of whom it is known that it was there before.
func TestRejoined(t *testing.T) {
	for name, x := range map[string]struct {
		before func(w *world, c *end)
		again  func(c *end) *event.Segment
		want   bool
	}{
		"given up for another": {func(w *world, c *end) { w.Yield(0) }, func(c *end) *event.Segment { return c.data("b") }, true},
		"given up by time":     {func(w *world, c *end) { w.Expire(1e15) }, func(c *end) *event.Segment { return c.data("b") }, true},
		"given up, a new one":  {func(w *world, c *end) { w.Yield(0) }, func(c *end) *event.Segment { return c.syn(0) }, false},
		"given up, new data":   {func(w *world, c *end) { w.Yield(0) }, func(c *end) *event.Segment { return first(c.data("b")) }, false},
		"killed":               {func(w *world, c *end) { w.current = w.flows[key{flow: c.flow}]; w.KillCurrent() }, func(c *end) *event.Segment { return c.data("b") }, true},
		"refused": {func(w *world, c *end) {
			w.feed(c.rst())
			w.Expire(15 * s)
			o, _ := pair(0)
			o.flow.Client.Port = 9
			w.feed(o.data("a"))
			w.conns[1].conn.State = Busy
			w.feed(o.data("a"), c.data("a"), o.rst())
		}, func(c *end) *event.Segment { return c.data("b") }, false},
	} {
		w := newWorld(t, Config{Budget: budget.New(1, 1<<20)})
		c, _ := pair(0)
		w.feed(c.data("a"))
		x.before(w, c)
		w.feed(x.again(c))
		if r := w.conns[len(w.conns)-1]; len(w.conns) < 2 || r.conn.Flow != c.flow || r.conn.Rejoined != x.want {
			t.Errorf("%s: %d connections, rejoined %v", name, len(w.conns), r.conn.Rejoined)
		}
		w.intact(t)
	}
}

// The memory of what was given up is bounded, and the youngest are in it.
func TestMemoryOfTheGivenUp(t *testing.T) {
	var m memory
	const n = 200_000
	keyAt := func(i int) key {
		return key{flow: event.Flow{Client: event.Endpoint{IP: [16]byte{byte(i), byte(i >> 8), byte(i >> 16)}}}}
	}
	if m.look(keyAt(1)) != unseen || m.sets != nil {
		t.Fatal("there is something in an empty one")
	}
	for i := range n {
		m.note(keyAt(i), past(1+i%2))
	}
	known := 0
	for i := range n {
		switch m.look(keyAt(i)) {
		case past(1 + i%2):
			known++
		case unseen:
		default:
			t.Fatal("taken for another")
		}
	}
	if full := memorySets * memoryWays; known > full || known < full-20 {
		t.Errorf("%d are remembered, want %d", known, full)
	}
	before := known
	for i := n - 20_000; i < n; i++ {
		if m.look(keyAt(i)) == unseen {
			known--
		}
	}
	if lost := before - known; lost > 40 {
		t.Errorf("%d of the last 20,000 are forgotten", lost)
	}
	m.note(keyAt(n-1), counted)
	if m.look(keyAt(n-1)) != counted {
		t.Error(fmt.Sprint("still ", m.look(keyAt(n-1))))
	}
}
