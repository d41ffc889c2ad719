// SPDX-License-Identifier: Apache-2.0

package tcp

import (
	"runtime"
	"testing"
	"unsafe"

	"github.com/modeltap/modeltap/observer/event"
)

// null is a Handler that does nothing.
type null struct{ n int }

func (h *null) Data(_ event.Direction, _ event.Mark, p []byte) { h.n += len(p) }
func (*null) Skip(event.Direction, event.Mark, int)            {}
func (*null) Gap(event.Direction, event.Mark, int)             {}
func (*null) FIN(event.Direction, event.Mark)                  {}
func (*null) Read(int64, uint64)                               {}
func (*null) Close(int64, CloseReason)                         {}

// traffic is n connections with one segment each to be sent again and again.
func traffic(n int, cookies bool) (*Assembler, []event.Segment) {
	h := new(null)
	a := New(Config{New: func(*Conn, *event.Segment) Handler { return h }})
	segs := make([]event.Segment, n)
	payload := make([]byte, 250)
	for i := range segs {
		e := end{dir: event.Response, flow: flow1, seq: uint32(i) * 7919, flags: event.Ordered | event.ACK}
		e.flow.Client.Port, e.flow.Client.IP[15] = uint16(i), byte(i>>16)
		if cookies {
			e.cookie, e.netns = uint64(1000+i), 1
		}
		s := e.seg(len(payload), 0)
		s.Payload = payload
		a.Segment(s)
		request := *s
		request.Dir, request.Seq, request.Payload, request.Len = event.Request, 55, payload[:1], 1
		request.Ack = s.Seq + s.Len
		a.Segment(&request)
		segs[i] = *s
		segs[i].Ack = 56
	}
	return a, segs
}

// next moves a segment on to follow itself.
func next(s *event.Segment) {
	s.Seq += s.Len
	s.Time += 10 * ms
}

func benchmarkInOrder(b *testing.B, cookies bool) {
	a, segs := traffic(10_000, cookies)
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		s := &segs[i%len(segs)]
		next(s)
		a.Segment(s)
	}
	if a.Tally().Gaps != 0 {
		b.Fatal("not in order")
	}
}

func BenchmarkInOrderByCookie(b *testing.B) { benchmarkInOrder(b, true) }
func BenchmarkInOrderByFlow(b *testing.B)   { benchmarkInOrder(b, false) }

// BenchmarkConnection opens one connection and reports what it keeps of memory,
// maps included.
func BenchmarkConnection(b *testing.B) {
	const conns = 10_000
	var before, after runtime.MemStats
	for b.Loop() {
		runtime.GC()
		runtime.ReadMemStats(&before)
		a, segs := traffic(conns, true)
		clear(segs)
		runtime.GC()
		runtime.ReadMemStats(&after)
		runtime.KeepAlive(a)
	}
	b.ReportMetric(float64(after.HeapAlloc-before.HeapAlloc)/conns, "B/conn")
}

func BenchmarkReordered(b *testing.B) {
	a, segs := traffic(1, true)
	segs[0].Flags &^= event.Ordered
	b.ReportAllocs()
	var late event.Segment
	for b.Loop() {
		next(&segs[0])
		late = segs[0]
		next(&segs[0])
		a.Segment(&segs[0])
		a.Segment(&late)
	}
	if a.Tally().Gaps != 0 || a.Buffered() != 0 {
		b.Fatal("lost")
	}
}

func BenchmarkOpenAndClose(b *testing.B) {
	a, segs := traffic(1, true)
	b.ReportAllocs()
	now := int64(0)
	var s event.Segment
	for i := 0; b.Loop(); i++ {
		s = segs[0]
		s.Cookie = uint64(i + 5000)
		s.Flow.Client.Port = uint16(i)
		s.Flow.Client.IP[1] = byte(i >> 16)
		now += ms
		s.Time = now
		a.Segment(&s)
		s.Kind = event.KindRelease
		a.Segment(&s)
		a.Expire(now)
	}
}

func BenchmarkExpireNothingDue(b *testing.B) {
	a, _ := traffic(10_000, true)
	for b.Loop() {
		a.Expire(ms)
	}
}

func TestNoAllocations(t *testing.T) {
	const conns = 100
	for name, cookies := range map[string]bool{"cookie": true, "flow": false} {
		a, segs := traffic(conns, cookies)
		i := 0
		if n := testing.AllocsPerRun(10_000, func() {
			s := &segs[i%conns]
			i++
			next(s)
			a.Segment(s)
			a.Expire(s.Time)
		}); n != 0 {
			t.Errorf("%s: %v allocations for each segment in order", name, n)
		}
	}
	a, segs := traffic(1, true)
	segs[0].Flags &^= event.Ordered
	var late, s event.Segment
	if n := testing.AllocsPerRun(1000, func() {
		next(&segs[0])
		late = segs[0]
		next(&segs[0])
		a.Segment(&segs[0])
		a.Segment(&late)
	}); n != 0 || a.Tally().Gaps != 0 {
		t.Errorf("%v allocations for each reordered pair, %d gaps", n, a.Tally().Gaps)
	}
	now := segs[0].Time
	if n := testing.AllocsPerRun(1000, func() {
		s = segs[0]
		now += 20_000 * ms
		s.Time, s.Cookie, s.Flow.Client.Port = now, uint64(now), uint16(now>>20)
		a.Segment(&s)
		s.Kind = event.KindRelease
		a.Segment(&s)
		a.Expire(now)
		a.Expire(now + 7000*ms)
	}); n != 0 || a.Connections() > 2 {
		t.Errorf("%v allocations for each connection, %d tracked", n, a.Connections())
	}
}

func TestSizes(t *testing.T) {
	if n := unsafe.Sizeof(Conn{}); n > 320 {
		t.Errorf("a connection takes %d bytes", n)
	}
	if n := unsafe.Sizeof(block{}); n != blockSize {
		t.Errorf("a block takes %d bytes, not the %d of its size class", n, blockSize)
	}
}
