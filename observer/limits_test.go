// SPDX-License-Identifier: Apache-2.0

package observer

import (
	"fmt"
	"maps"
	"runtime"
	"strings"
	"testing"

	"github.com/modeltap/modeltap/observer/event"
)

// processors runs a test with as many processors as a laptop and a node have:
// no limit may depend on them.
func processors(t *testing.T, f func(t *testing.T)) {
	for _, n := range []int{2, 16} {
		t.Run(fmt.Sprint("GOMAXPROCS=", n), func(t *testing.T) {
			defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(n))
			f(t)
		})
	}
}

// rounds has all say one after the other, in windows as a ring hands over.
func (w *wire) rounds(all []*peer, says ...string) {
	for _, s := range says {
		for _, p := range all {
			if strings.HasPrefix(s, "POST") {
				p.ask(s)
			} else {
				p.answer(s)
			}
			if len(w.batch) >= 1000 {
				w.flush()
			}
		}
	}
	w.flush()
}

func (w *wire) dials(n int, port uint16) []*peer {
	all := make([]*peer, n)
	for i := range all {
		all[i] = w.dial(port)
	}
	w.flush()
	return all
}

func (w *wire) evictions() map[string]uint64 {
	got := map[string]uint64{}
	for r, n := range w.pipe.snapshot(w.now).Tally.Evictions {
		if n > 0 {
			got[event.Eviction(r).String()] = n
		}
	}
	return got
}

// Many streams of one server run at once, and none is given up for another.
func TestManyStreams(t *testing.T) {
	for _, n := range []int{10_000, 50_000} {
		t.Run(fmt.Sprint(n), func(t *testing.T) {
			processors(t, func(t *testing.T) {
				var sink counting
				w := newWire(t, &sink, 8000)
				w.step = 20_000
				all := w.dials(n, 8000)
				w.rounds(all, chat("m"), sseHead, event1("m"), event1("m"))
				if snap := w.pipe.snapshot(w.now); snap.Connections != n || snap.BufferBytes < int64(n)*1024 || snap.BufferBytes > 128<<20 {
					t.Errorf("%d connections, %d bytes", snap.Connections, snap.BufferBytes)
				}
				w.rounds(all, event1("m")+done)
				if got := w.evictions(); sink.outcomes[event.OK] != n || sink.total() != n || len(got) != 0 {
					t.Errorf("outcomes %v, evictions %v", sink.outcomes, got)
				}
			})
		})
	}
}

// A flood of SYNs, answered as a server does, beside streams.
func TestSYNFlood(t *testing.T) {
	processors(t, func(t *testing.T) {
		for name, cfg := range map[string]Config{"default": {}, "few places": {MaxConnections: 200}} {
			t.Run(name, func(t *testing.T) {
				var sink counting
				w := newWireOf(t, cfg, &sink, 8000)
				w.step = 1e3
				all := w.dials(20, 8000)
				w.rounds(all, chat("m"), sseHead)
				for range 20 {
					w.rounds(all, event1("m"))
					w.now += 50e6 // a token each 50 ms, 3,500 SYNs in between
					w.dials(3500, 8000)
				}
				for _, p := range w.dials(10, 8000) { // who comes meanwhile
					all = append(all, p)
					p.ask(chat("m"))
					p.answer(sseHead)
				}
				w.rounds(all, event1("m")+done)
				got := w.evictions()
				if sink.outcomes[event.OK] != 30 || sink.total() != 30 || got["half_open"] == 0 || len(got) != 1 {
					t.Errorf("outcomes %v, evictions %v", sink.outcomes, got)
				}
				w.now += 65e9
				w.flush()
				if n := w.pipe.snapshot(w.now).Connections; n != 30 {
					t.Errorf("%d connections are left when all handshakes have been given up", n)
				}
			})
		}
	})
}

// One client opens many connections and pipelines far more than it may on each.
func TestPipelineBomb(t *testing.T) {
	const conns, each, honest = 8000, 255, 100
	processors(t, func(t *testing.T) {
		var sink counting
		w := newWire(t, &sink, 8000)
		w.step = 1e3
		runtime.GC()
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		talk := w.dials(honest, 8000)
		w.rounds(talk, chat("honest"), sseHead, event1("honest"))
		flood := strings.Repeat("POST /v1/completions HTTP/1.1\r\nContent-Length: 2\r\n\r\n{}", each)
		for range conns {
			w.dial(8000).ask(flood)
			w.flush()
		}
		late := w.dials(honest, 8000)
		w.rounds(late, chat("honest"), sseHead, event1("honest"))
		snap := w.pipe.snapshot(w.now)
		runtime.GC()
		runtime.ReadMemStats(&after)
		grown := int64(after.HeapAlloc) - int64(before.HeapAlloc)
		if snap.BufferBytes > 128<<20 || grown > snap.BufferBytes+snap.BufferBytes/4+int64(conns+2*honest)*1500 {
			t.Errorf("%d bytes of memory, %d in the budget", grown, snap.BufferBytes)
		}
		if got := w.evictions(); got["exchanges"] < conns*(each-17) || len(got) != 1 {
			t.Errorf("evictions %v", got)
		}
		w.rounds(append(talk, late...), event1("honest")+done)
		if sink.outcomes[event.OK] != 2*honest || sink.outcomes[event.OK]+sink.outcomes[event.Incomplete] != sink.total() {
			t.Errorf("outcomes %v, want %d ok", sink.outcomes, 2*honest)
		}
		w.pipe.close()
		if left := w.pipe.snapshot(w.now).BufferBytes; left != 0 {
			t.Errorf("%d bytes are charged to nothing", left)
		}
	})
}

// Who sends heads that never end costs himself, not those whose heads come in
// two pieces.
func TestSlowHeads(t *testing.T) {
	processors(t, func(t *testing.T) {
		var sink counting
		w := newWireOf(t, Config{MaxBuffer: 16 << 20}, &sink, 8000)
		slow := w.dials(600, 8000)
		junk := "POST /v1/chat/completions HTTP/1.1\r\nX: " + strings.Repeat("a", 1300)
		for range 40 {
			w.rounds(slow, junk)
			junk = "POST" + strings.Repeat("a", 1300)
		}
		all := w.dials(50, 8000)
		w.rounds(all, chat("m")[:60])
		rest := chat("m")[60:]
		for _, p := range all {
			p.ask(rest)
		}
		w.rounds(all, sseHead, event1("m")+done)
		if got := w.evictions(); sink.outcomes[event.OK] != 50 || got["buffer"] == 0 {
			t.Errorf("outcomes %v, evictions %v", sink.outcomes, got)
		}
		if n := w.pipe.snapshot(w.now).BufferBytes; n > 4<<20 {
			t.Errorf("%d bytes, more than a quarter", n)
		}
	})
}

// At the limit a newcomer on any port takes the place of an idle connection of
// any port; where all have a request open it is refused, and counted once.
func TestPlacesAreSharedByAllShards(t *testing.T) {
	ports := []uint16{8000, 8001, 8002, 8003, 8004, 8005, 8006, 8007}
	processors(t, func(t *testing.T) {
		for _, at := range ports[1:] {
			var sink counting
			w := newWireOf(t, Config{MaxConnections: 100}, &sink, ports...)
			resting := w.dials(60, 8000)
			w.rounds(resting, chat("m"), whole("m"))
			running := w.dials(40, 8000)
			w.rounds(running, chat("m"), sseHead, event1("m"))
			// All places are taken, by ports of one shard.
			fresh := w.firsts(60, at)
			w.rounds(fresh, chat("m"), sseHead)
			if got := w.evictions(); got["connections"] != 60 || len(got) != 1 {
				t.Fatalf("port %d: evictions %v, want the 60 idle ones", at, got)
			}
			more := w.firsts(30, at)
			w.rounds(more, chat("m"), sseHead, event1("m"), event1("m"))
			if got := w.evictions(); got["refused"] != 30 || got["connections"] != 60 || len(got) != 2 {
				t.Fatalf("port %d: evictions %v, want 30 refused", at, got)
			}
			if n := w.pipe.snapshot(w.now).Connections; n != 100 {
				t.Fatalf("%d connections are tracked", n)
			}
			w.rounds(append(running, fresh...), event1("m")+done)
			want := map[event.Outcome]int{event.OK: 160}
			if !maps.Equal(sink.outcomes, want) {
				t.Fatalf("port %d: outcomes %v, want %v", at, sink.outcomes, want)
			}
			// There is room again: those who were refused are joined in their
			// middle, and each is told of once.
			w.rounds(more, event1("m"), event1("m"), event1("m")+done)
			if want[event.Incomplete] = 30; !maps.Equal(sink.outcomes, want) {
				t.Fatalf("port %d: outcomes %v, want %v", at, sink.outcomes, want)
			}
		}
	})
}

// A connection that was given up where an answer ran that nobody had asked for
// comes again, and again: it is one that was not seen whole.
func TestGivenUpIsToldOfOnce(t *testing.T) {
	processors(t, func(t *testing.T) {
		var sink counting
		w := newWireOf(t, Config{MaxConnections: 10}, &sink, 8000)
		joined := w.firsts(20, 8000)
		w.rounds(joined, event1("m"), event1("m"), event1("m"), event1("m"))
		if got := sink.outcomes[event.Incomplete]; got != 20 || sink.total() != 20 {
			t.Errorf("outcomes %v of 20 connections", sink.outcomes)
		}
		if got := w.evictions(); got["connections"] != 70 {
			t.Errorf("evictions %v, want 70", got)
		}
	})
}

// Of more than 16 requests that wait on a connection the oldest end, and the
// answers that come are those of their own requests all the same, whatever was
// being answered by then.
func TestPipelined(t *testing.T) {
	for begun := range 3 { // pieces of the first answer that came before
		for _, extra := range []int{0, 1, 5, 40} {
			var sink ledger
			w := newWire(t, &sink, 8000)
			p := w.dial(8000)
			answers := func(i int) []string {
				m := fmt.Sprint("m", i)
				return []string{sseHead, event1(m), event1(m) + done}
			}
			p.ask(chat("m0"))
			for _, s := range answers(0)[:begun] {
				p.answer(s)
			}
			n := 16 + extra
			for i := 1; i < n; i++ {
				p.ask(chat(fmt.Sprint("m", i)))
			}
			for i := range n {
				for j, s := range answers(i) {
					if i > 0 || j >= begun {
						p.answer(s)
					}
				}
			}
			p.ask(chat("last"))
			p.answer(whole("last"))
			w.flush()
			want := map[string]int{"ok": 17}
			if extra > 0 {
				want["incomplete"] = extra
			}
			if got := sink.outcomes(); !maps.Equal(got, want) {
				t.Fatalf("%d begun, %d extra: outcomes %v, want %v", begun, extra, got, want)
			}
			for i, e := range sink.exchanges[extra : 16+extra] {
				if model := fmt.Sprint("m", i+extra); e.Model != model || e.Outcome != event.OK || e.Tokens[event.Output].N != 2 {
					t.Fatalf("%d begun, %d extra: exchange %d is of %s, %v", begun, extra, i, e.Model, e.Outcome)
				}
			}
			if got := w.evictions()["exchanges"]; got != uint64(extra) {
				t.Fatalf("%d counted, want %d", got, extra)
			}
			if snap := w.pipe.snapshot(w.now); snap.BufferBytes != 0 {
				t.Fatalf("%d bytes are charged to nothing", snap.BufferBytes)
			}
		}
	}
}

// Requests that the budget refuses are passed over, and those after them are
// measured once they have been answered.
func TestRefusedRequestsArePassedOver(t *testing.T) {
	var sink ledger
	w := newWireOf(t, Config{MaxBuffer: 1 << 20}, &sink, 8000)
	hog := w.dials(300, 8000)
	for range 2 { // the second takes what there is for pipelines
		w.rounds(hog, chat("hog"))
	}
	p := w.dial(8000)
	p.ask(chat("a"))
	for range 3 {
		p.ask(chat("b"))
	}
	p.answer(whole("a"))
	for range 3 {
		p.answer(whole("b"))
	}
	w.flush()
	before := w.evictions()["exchanges"]
	if got := sink.outcomes(); got["ok"] != 1 || len(sink.exchanges) != 1 || before < 3 {
		t.Fatalf("outcomes %v, %d counted", got, before)
	}
	for range 2 {
		p.ask(chat("c"))
		p.answer(whole("c"))
	}
	w.flush()
	if got := sink.outcomes(); got["ok"] != 3 || w.evictions()["exchanges"] != before {
		t.Fatalf("outcomes %v", got)
	}
	w.pipe.close()
	if snap := w.pipe.snapshot(w.now); snap.BufferBytes != 0 {
		t.Fatalf("%d bytes are charged to nothing", snap.BufferBytes)
	}
}
