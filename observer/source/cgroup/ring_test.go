// SPDX-License-Identifier: Apache-2.0

//go:build linux

package cgroup

import (
	"context"
	"encoding/binary"
	"errors"
	"sync/atomic"
	"testing"
	"time"
	"unsafe"

	"github.com/modeltap/modeltap/bpf"
	"github.com/modeltap/modeltap/observer/event"
	"github.com/modeltap/modeltap/observer/source/turn"
)

func TestNap(t *testing.T) {
	const size = 8 << 20
	for _, c := range []struct {
		n       uint64
		elapsed time.Duration
		want    time.Duration
	}{
		{0, time.Second, maxNap},
		{size / 4, 20 * time.Millisecond, 20 * time.Millisecond},
		{size / 8, 20 * time.Millisecond, 40 * time.Millisecond},
		{size, time.Millisecond, minNap},
		{1, time.Second, maxNap},
		{size, 0, minNap},
	} {
		if got := nap(c.n, c.elapsed, size); got != c.want {
			t.Errorf("%d bytes in %v: %v, want %v", c.n, c.elapsed, got, c.want)
		}
	}
}

// memoryRing is a ring in plain memory, data twice in a row as the kernel maps
// it, with records of n payload bytes until it is full.
func memoryRing(size, n int) (*ring, int) {
	data := make([]uint64, 2*size/8)
	var positions [2]atomic.Uint64
	r := &ring{consumer: &positions[0], producer: &positions[1], data: unsafe.Pointer(&data[0]), size: uint64(size)}
	record := (headerSize + bpf.RecordSize + n + 7) &^ 7
	count := 0
	for at := 0; at+record <= size; at += record {
		b := unsafe.Slice((*byte)(unsafe.Add(r.data, at)), record)
		binary.NativeEndian.PutUint32(b, uint32(bpf.RecordSize+n))
		head := (*bpf.Record)(unsafe.Pointer(&b[headerSize]))
		head.Seq, head.Len, head.Captured = uint32(count), uint32(n), uint16(n)
		r.producer.Store(uint64(at + record))
		count++
	}
	return r, count
}

func TestDrain(t *testing.T) {
	r, count := memoryRing(1<<18, 250)
	s := &Source{ring: r, batch: make([]event.Segment, 0, maxBatch)}
	// The third record is given up by its writer, the tenth is being written.
	at := func(i int) *uint32 {
		return (*uint32)(unsafe.Add(r.data, i*(headerSize+bpf.RecordSize+256)))
	}
	if got := (headerSize + bpf.RecordSize + 250 + 7) &^ 7; got != headerSize+bpf.RecordSize+256 {
		t.Skipf("records of %d bytes", got)
	}
	*at(3) |= discarded
	*at(10) |= busy
	var seen []uint32
	emit := func(batch []event.Segment, _ int64) {
		if r.consumer.Load() > r.next {
			t.Error("the ring was freed beyond what was taken")
		}
		for _, g := range batch {
			seen = append(seen, g.Seq)
			if len(g.Payload) != 250 || g.Len != 250 {
				t.Errorf("record %d: %d bytes, len %d", g.Seq, len(g.Payload), g.Len)
			}
		}
	}
	s.drain(emit)
	if want := []uint32{0, 1, 2, 4, 5, 6, 7, 8, 9}; len(seen) != len(want) || seen[3] != 4 || seen[8] != 9 {
		t.Fatalf("before the record that is being written: %v, want %v", seen, want)
	}
	if r.consumer.Load() != r.next {
		t.Error("what was handed over was not given back")
	}
	*at(10) &^= busy
	s.drain(emit)
	if len(seen) != count-1 || r.fill() != 0 || r.consumer.Load() != r.producer.Load() {
		t.Errorf("%d of %d records, %d bytes left", len(seen), count-1, r.fill())
	}
	if n := testing.AllocsPerRun(20, func() {
		r.next, r.freed = 0, 0
		s.drain(func([]event.Segment, int64) {})
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

// TestIdle: while nothing comes, the consumer's timers still run, and a Sync
// does not wait for the end of a nap.
func TestIdle(t *testing.T) {
	needRoot(t)
	tap, err := bpf.Load(bpf.Options{RingSize: 1 << 16})
	if err != nil {
		t.Fatal(err)
	}
	defer tap.Close()
	s, err := New(tap, Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	ctx, cancel := context.WithCancel(context.Background())
	ticks := make(chan int64, 100)
	ended := make(chan error, 1)
	go func() {
		ended <- s.Run(ctx, func(_ []event.Segment, now int64) {
			select {
			case ticks <- now:
			default: // more than the test wants to see
			}
		}, nil)
	}()
	first, second := <-ticks, <-ticks
	if second <= first {
		t.Errorf("the clock went from %d to %d", first, second)
	}
	for range 50 {
		ran := false
		if err := s.Sync(context.Background(), func() { ran = true }); err != nil || !ran {
			t.Fatalf("Sync: %v, ran %v", err, ran)
		}
	}
	cancel()
	if err := <-ended; err != nil {
		t.Error(err)
	}
	if err := s.Sync(context.Background(), func() { t.Error("ran after the end") }); !errors.Is(err, turn.ErrEnded) {
		t.Error(err)
	}
}

func BenchmarkDrain(b *testing.B) {
	r, count := memoryRing(8<<20, 250)
	s := &Source{ring: r, batch: make([]event.Segment, 0, maxBatch)}
	sum := 0
	emit := func(batch []event.Segment, _ int64) {
		for i := range batch {
			sum += int(batch[i].Payload[0])
		}
	}
	b.ReportAllocs()
	for b.Loop() {
		r.next, r.freed = 0, 0
		s.drain(emit)
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(count), "ns/record")
}
