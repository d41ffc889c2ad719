// SPDX-License-Identifier: Apache-2.0

package tcp

import (
	"net/netip"
	"testing"
	"time"

	"github.com/modeltap/modeltap/observer/event"
)

const ms = int64(time.Millisecond)

// recorder keeps all that a Handler is told. Lost and skipped bytes are kept
// as zeros, so that positions stay right.
type recorder struct {
	t       testing.TB
	conn    *Conn
	bytes   [2][]byte
	lost    [2][]int
	skipped [2][]int
	marks   [2][]event.Mark
	fin     [2]bool
	reads   []uint64
	readAt  []int64
	why     []CloseReason
}

func (r *recorder) run(d event.Direction, m event.Mark) {
	if len(r.why) > 0 {
		r.t.Fatalf("call after Close(%v)", r.why[0])
	}
	if r.fin[d] {
		r.t.Fatalf("%v: bytes after FIN", d)
	}
	if k := len(r.marks[d]); k > 0 && m.Time < r.marks[d][k-1].Time {
		r.t.Fatalf("%v: time went back from %d to %d", d, r.marks[d][k-1].Time, m.Time)
	}
	r.marks[d] = append(r.marks[d], m)
}

func (r *recorder) Data(d event.Direction, m event.Mark, p []byte) {
	r.run(d, m)
	r.bytes[d] = append(r.bytes[d], p...)
}

func (r *recorder) Skip(d event.Direction, m event.Mark, n int) {
	r.run(d, m)
	r.bytes[d] = append(r.bytes[d], make([]byte, min(n, 1<<20))...)
	r.skipped[d] = append(r.skipped[d], n)
}

func (r *recorder) Gap(d event.Direction, m event.Mark, n int) {
	r.run(d, m)
	if n <= 0 {
		r.t.Fatalf("%v: gap of %d bytes", d, n)
	}
	r.bytes[d] = append(r.bytes[d], make([]byte, min(n, 1<<20))...)
	r.lost[d] = append(r.lost[d], n)
}

func (r *recorder) FIN(d event.Direction, m event.Mark) {
	r.run(d, m)
	r.fin[d] = true
}

func (r *recorder) Read(t int64, pos uint64) {
	r.reads, r.readAt = append(r.reads, pos), append(r.readAt, t)
}

func (r *recorder) Close(_ int64, why CloseReason) { r.why = append(r.why, why) }

// world is an Assembler that records all its connections.
type world struct {
	*Assembler
	conns []*recorder
}

func newWorld(t testing.TB, cfg Config) *world {
	w := &world{}
	cfg.New = func(c *Conn, _ *event.Segment) Handler {
		r := &recorder{t: t, conn: c}
		w.conns = append(w.conns, r)
		return r
	}
	w.Assembler = New(cfg)
	return w
}

// only returns the single connection that there must have been.
func (w *world) only(t testing.TB) *recorder {
	t.Helper()
	if len(w.conns) != 1 {
		t.Fatalf("%d connections, want 1", len(w.conns))
	}
	return w.conns[0]
}

func (r *recorder) closed(t testing.TB, want CloseReason) {
	t.Helper()
	if len(r.why) != 1 || r.why[0] != want {
		t.Fatalf("closed %v, want once %v", r.why, want)
	}
}

// intact checks the accounts that every state of an Assembler must satisfy.
func (w *world) intact(t testing.TB) {
	t.Helper()
	listed, held, memory := 0, 0, int64(0)
	for p := range places {
		n := 0
		for c := w.lists[p].head; c != nil; c = c.next {
			listed++
			n++
			if c.place != p || !c.ended && p != halfOpen && c.home() != p {
				t.Fatalf("connection in list %d, says %d, belongs to %d", p, c.place, c.home())
			}
			if c.holding != 0 {
				held++
				if w.holding[c.holding-1] != c {
					t.Fatal("holding index is wrong")
				}
			}
			for i := range c.dirs {
				memory += c.dirs[i].check(t)
			}
		}
		if n != w.lists[p].n {
			t.Fatalf("%d in list %d, which says %d", n, p, w.lists[p].n)
		}
	}
	if n := w.budget.Connections(); n != listed {
		t.Fatalf("%d places taken for %d connections", n, listed)
	}
	if w.budget.Bytes() != memory {
		t.Fatalf("%d bytes charged for %d", w.budget.Bytes(), memory)
	}
	chained := 0
	for k, c := range w.flows {
		for ; c != nil; c = c.chain {
			chained++
			if c.Flow != k.flow {
				t.Fatal("connection under a foreign key")
			}
		}
	}
	if listed != w.count || chained != w.count || held != len(w.holding) || memory != w.buffered {
		t.Fatalf("listed %d, chained %d, count %d; holding %d of %d; memory %d of %d",
			listed, chained, w.count, held, len(w.holding), memory, w.buffered)
	}
	for cookie, c := range w.cookies {
		if c.Cookie != cookie {
			t.Fatal("stale cookie")
		}
	}
}

// check returns the memory of what d holds.
func (d *direction) check(t testing.TB) (memory int64) {
	at := d.next
	for b := d.head; b != nil; b = b.next {
		if ahead := int32(b.seq - at); ahead < 0 || b == d.head && ahead == 0 {
			t.Fatalf("held block at %d, expected beyond %d", b.seq, at)
		}
		at = b.seq + b.n
		memory += blockSize
		if b.next == nil && b != d.tail {
			t.Fatal("tail is not the last block")
		}
	}
	if memory != int64(d.bytes) {
		t.Fatalf("direction holds %d bytes and says %d", memory, d.bytes)
	}
	return memory
}

func endpoint(s string) event.Endpoint { return event.EndpointOf(netip.MustParseAddrPort(s)) }

var flow1 = event.Flow{Server: endpoint("10.0.0.1:8000"), Client: endpoint("10.0.0.2:40000")}

// end makes the segments that one side of a connection sends.
type end struct {
	dir    event.Direction
	flow   event.Flow
	cookie uint64
	netns  uint64
	seq    uint32
	time   int64
	flags  event.Flags
}

func (e *end) seg(n int, flags event.Flags) *event.Segment {
	return &event.Segment{Time: e.time, Cookie: e.cookie, NetNS: e.netns, Flow: e.flow,
		Dir: e.dir, Seq: e.seq, Len: uint32(n), Flags: flags | e.flags}
}

func (e *end) syn(flags event.Flags) *event.Segment {
	s := e.seg(0, event.SYN|flags)
	e.seq++
	return s
}

func (e *end) data(p string) *event.Segment {
	s := e.seg(len(p), 0)
	s.Payload = []byte(p)
	e.seq += uint32(len(p))
	return s
}

func (e *end) fin() *event.Segment {
	s := e.seg(0, event.FIN)
	e.seq++
	return s
}

func (e *end) rst() *event.Segment { return e.seg(0, event.RST) }

func acked(s *event.Segment, ack uint32) *event.Segment {
	s.Ack = ack
	s.Flags |= event.ACK
	return s
}

func pair(cookie uint64) (client, server *end) {
	return &end{dir: event.Request, flow: flow1, cookie: cookie, seq: 1000},
		&end{dir: event.Response, flow: flow1, cookie: cookie, seq: 900000}
}

func (w *world) feed(segs ...*event.Segment) {
	for _, s := range segs {
		w.Segment(s)
	}
}
