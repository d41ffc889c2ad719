// SPDX-License-Identifier: Apache-2.0

package observer

import (
	"fmt"
	"math/rand/v2"
	"reflect"
	"runtime"
	"strings"
	"testing"

	"github.com/modeltap/modeltap/observer/event"
)

// conversations has n connections to each port say a streamed chat in turns.
func (w *wire) conversations(n int, ports ...uint16) {
	var all []*peer
	for _, port := range ports {
		for range n {
			all = append(all, w.dial(port))
		}
	}
	for _, say := range []func(p *peer, model string){
		func(p *peer, model string) { p.ask(chat(model)) },
		func(p *peer, model string) { p.answer(sseHead) },
		func(p *peer, model string) { p.answer(event1(model)) },
		func(p *peer, model string) { p.answer(event1(model)) },
		func(p *peer, model string) { p.answer(event1(model) + done) },
		func(p *peer, model string) { p.ask(chat(model)) },
		func(p *peer, model string) { p.answer(whole(model)) },
	} {
		for i, p := range all {
			say(p, fmt.Sprint("m", i%4))
		}
	}
}

func TestDuplicatesAndReorderingChangeNothing(t *testing.T) {
	var want, got ledger
	a := newWire(t, &want, 8000)
	a.conversations(8, 8000)
	a.flush()
	b := newWire(t, &got, 8000)
	b.conversations(8, 8000)
	r := rand.New(rand.NewPCG(1, 2))
	var shuffled []event.Segment
	for i, s := range b.batch {
		shuffled = append(shuffled, s)
		if r.IntN(3) == 0 && i > 0 {
			// Sent again later, as a retransmission is.
			again := b.batch[r.IntN(i)]
			again.Time = s.Time
			if again.Flags&event.SYN == 0 {
				shuffled = append(shuffled, again)
			}
		}
	}
	b.batch = shuffled
	b.flush()
	if len(want.exchanges) != 16 || !reflect.DeepEqual(got.sorted(), want.sorted()) {
		t.Errorf("%d exchanges\n got %s\nwant %s", len(got.exchanges), strings.Join(got.sorted(), "\n"), strings.Join(want.sorted(), "\n"))
	}
	if snap := b.pipe.snapshot(b.now); snap.Tally.Gaps != 0 {
		t.Errorf("%d gaps, but nothing was lost", snap.Tally.Gaps)
	}
}

func TestReordering(t *testing.T) {
	var sink ledger
	w := newWire(t, &sink, 8000)
	p := w.dial(8000)
	p.ask(chat("m"))
	p.answer(sseHead)
	at := len(w.batch)
	for range 6 {
		p.answer(event1("m"))
	}
	p.answer(done)
	for i, j := at, len(w.batch)-1; i < j; i, j = i+1, j-1 {
		w.batch[i].Seq, w.batch[j].Seq = w.batch[j].Seq, w.batch[i].Seq
		w.batch[i].Payload, w.batch[j].Payload = w.batch[j].Payload, w.batch[i].Payload
		w.batch[i].Len, w.batch[j].Len = w.batch[j].Len, w.batch[i].Len
	}
	w.flush()
	if len(sink.exchanges) != 1 {
		t.Fatalf("%d exchanges", len(sink.exchanges))
	}
	e := sink.exchanges[0]
	// The first event came last, and all is readable only then.
	if e.Outcome != event.OK || e.FirstToken != w.now || e.End != w.now || e.Tokens[event.Output].N != 6 {
		t.Errorf("got %+v, want the first token at %d", e, w.now)
	}
}

func TestLostSegments(t *testing.T) {
	var sink ledger
	w := newWire(t, &sink, 8000)
	lossy, whole := w.dial(8000), w.dial(8000)
	for _, p := range []*peer{lossy, whole} {
		p.ask(chat("m"))
		p.answer(sseHead)
		p.answer(event1("m"))
		if p == lossy {
			p.seq[event.Response] += uint32(len(event1("m"))) // never captured
		}
		p.answer(event1("m"))
		p.answer(event1("m") + done)
	}
	w.flush()
	w.now += 1e10
	w.flush()
	if got := sink.outcomes(); got["incomplete"] != 1 || got["ok"] != 1 {
		t.Errorf("outcomes %v, want one incomplete and one ok", got)
	}
	snap := w.pipe.snapshot(w.now)
	if snap.Tally.Gaps != 1 || snap.Tally.GapBytes != uint64(len(event1("m"))) || snap.Tally.Resyncs != 1 {
		t.Errorf("gaps %d of %d bytes, %d resyncs; want 1 of %d, 1", snap.Tally.Gaps, snap.Tally.GapBytes, snap.Tally.Resyncs, len(event1("m")))
	}
	lossy.ask(chat("again"))
	lossy.answer(event1("stray")) // bytes of the old answer
	w.flush()
	if n := len(sink.exchanges); n != 2 {
		t.Errorf("%d exchanges, want no more than the 2", n)
	}
}

func TestShardsAgree(t *testing.T) {
	ports := []uint16{8000, 8001, 8002, 8003, 8004, 8005, 8006, 8007}
	run := func(procs int) ([]string, event.Snapshot) {
		defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(procs))
		var sink ledger
		w := newWire(t, &sink, ports...)
		if want := max(procs/2, 1); len(w.pipe.shards) != want {
			t.Fatalf("%d shards with GOMAXPROCS=%d, want %d", len(w.pipe.shards), procs, want)
		}
		w.conversations(5, ports...)
		for len(w.batch) > 0 {
			rest := w.batch[min(64, len(w.batch)):]
			w.batch = w.batch[:len(w.batch)-len(rest)]
			w.flush()
			w.batch = rest
		}
		snap := w.pipe.snapshot(w.now)
		snap.Series = nil
		return sink.sorted(), snap
	}
	one, snapOne := run(1)
	four, snapFour := run(8)
	if len(one) != 80 || !reflect.DeepEqual(one, four) {
		t.Errorf("%d exchanges in one shard and %d in four differ", len(one), len(four))
	}
	if !reflect.DeepEqual(snapOne, snapFour) {
		t.Errorf("snapshots\n one %+v\nfour %+v", snapOne, snapFour)
	}
}

// A line of 100 MB flows through in bounded memory, in each format.
func TestHugeLines(t *testing.T) {
	const size = 100 << 20
	for name, begin := range map[string]string{
		"event":    "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\ndata: {\"choices\":[{\"delta\":{\"content\":\"",
		"comment":  "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\n: ",
		"line":     "HTTP/1.1 200 OK\r\nContent-Type: application/x-ndjson\r\n\r\n{\"x\":\"",
		"document": "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n\r\n{\"model\":\"",
	} {
		t.Run(name, func(t *testing.T) {
			var sink ledger
			w := newWire(t, &sink, 8000)
			p := w.dial(8000)
			p.ask(chat("m"))
			p.answer(begin)
			w.flush()
			piece := strings.Repeat("word ", 1<<16/5)
			segment := make([]event.Segment, 0, 1)
			var before, after runtime.MemStats
			runtime.GC()
			runtime.ReadMemStats(&before)
			sent := 0
			for sent < size {
				w.batch = segment
				p.answer(piece)
				w.flush()
				sent += len(piece)
			}
			runtime.GC()
			runtime.ReadMemStats(&after)
			if grown := int64(after.HeapAlloc) - int64(before.HeapAlloc); grown > 1<<20 {
				t.Errorf("%d bytes are held after %d", grown, sent)
			}
			if held := w.pipe.snapshot(w.now).BufferBytes; held > 1<<20 {
				t.Errorf("%d bytes are buffered", held)
			}
			w.pipe.close()
			if len(sink.exchanges) != 1 || sink.exchanges[0].ResponseBytes < size {
				t.Errorf("%+v", sink.exchanges)
			}
		})
	}
}

func TestConnectionsLeaveNothing(t *testing.T) {
	var sink ledger
	w := newWire(t, &sink, 8000)
	for i := range 5000 {
		p := w.dial(8000)
		switch i % 5 {
		case 1:
			p.ask("POST /v1/chat/compl")
		case 2:
			p.ask(chat("m"))
		case 3:
			p.ask(chat("m"))
			p.answer(sseHead + event1("m"))
		case 4:
			p.ask("\x16\x03\x01\x02")
		}
		p.reset(event.Direction(i & 1))
		if len(w.batch) > 500 {
			w.flush()
		}
	}
	w.flush()
	w.now += 15e9
	w.flush()
	snap := w.pipe.snapshot(w.now)
	if snap.Connections != 0 || snap.BufferBytes != 0 || snap.Tally.Panics != 0 {
		t.Errorf("%d connections and %d bytes are left 15 s after the last close", snap.Connections, snap.BufferBytes)
	}
	for _, s := range w.pipe.shards {
		if n := s.llm.InFlight(); n != 0 {
			t.Errorf("%d exchanges are in flight", n)
		}
	}
	if n := len(sink.exchanges) + sink.others; n != 2000 {
		t.Errorf("%d requests were reported, want 2000", n)
	}
}
