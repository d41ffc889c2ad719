// SPDX-License-Identifier: Apache-2.0

package observer

import (
	"testing"

	"github.com/modeltap/modeltap/observer/event"
	"github.com/modeltap/modeltap/observer/servers"
	"github.com/modeltap/modeltap/observer/tcp"
)

// fuse is a sink that blows at one model.
type fuse struct {
	ledger
	model string
}

func (f *fuse) Exchange(e *event.Exchange) {
	if e.Model == f.model {
		panic("blown")
	}
	f.ledger.Exchange(e)
}

func TestPanicEndsOneConnection(t *testing.T) {
	for name, blow := range map[string]func(w *wire, p *peer){
		"at the answer's end": func(w *wire, p *peer) { p.answer(whole("bad")) },
		"at the connection's": func(w *wire, p *peer) {
			p.answer(sseHead + event1("bad"))
			p.reset(event.Response)
		},
		"while a timer runs": func(w *wire, p *peer) {
			p.answer(sseHead + event1("bad"))
			w.flush()
			w.now += int64(idleAfter) - 1e7
			for _, q := range w.peers[1:] {
				q.answer(event1("good"))
			}
			w.flush()
			w.now += 5e9
			w.flush()
		},
	} {
		t.Run(name, func(t *testing.T) {
			sink := &fuse{model: "bad"}
			w := newWire(t, sink, 8000)
			bad, good := w.dial(8000), w.dial(8000)
			good.ask(chat("good"))
			good.answer(sseHead)
			bad.ask(chat("bad"))
			blow(w, bad)
			good.answer(event1("good") + done)
			next := w.dial(8000)
			next.ask(chat("good"))
			next.answer(whole("good"))
			w.flush()
			snap := w.pipe.snapshot(w.now)
			if snap.Tally.Panics != 1 {
				t.Errorf("%d panics, want 1", snap.Tally.Panics)
			}
			if got := sink.outcomes(); got["ok"] != 2 || len(sink.exchanges) != 2 {
				t.Errorf("outcomes %v, want the two of the other connections", got)
			}
			for _, s := range snap.Series {
				if s.Receiving+s.Waiting+s.Streaming != 0 {
					t.Errorf("still in flight: %+v", s)
				}
			}
		})
	}
}

// Closing the pipeline while each of its exchanges makes the sink panic must
// come to an end.
func TestPanicWhileClosing(t *testing.T) {
	w := newWire(t, &fuse{model: unknown}, 8000)
	for range 3 {
		w.dial(8000).ask(chat("m"))
	}
	w.flush()
	w.pipe.close()
	snap := w.pipe.snapshot(w.now)
	if snap.Tally.Panics != 3 || snap.Connections != 0 {
		t.Errorf("%d panics, %d connections; want 3 and 0", snap.Tally.Panics, snap.Connections)
	}
}

// A panic before any connection is reached touches none of them.
func TestPanicInTheResolver(t *testing.T) {
	var sink ledger
	w := newWire(t, &sink, 8000)
	good := w.dial(8000)
	good.ask(chat("m"))
	w.flush()
	w.resolve = func(*tcp.Conn, *event.Segment) *servers.Server { panic("blown") }
	w.dial(8000)
	good.answer(whole("m"))
	w.flush()
	if snap := w.pipe.snapshot(w.now); snap.Tally.Panics == 0 {
		t.Error("nothing blew")
	}
	if got := sink.outcomes(); got["ok"] != 1 {
		t.Errorf("outcomes %v, want the good one", got)
	}
}
