// SPDX-License-Identifier: Apache-2.0

//go:build linux

// Package cgroup reads the ring that the capture programs of package bpf fill.
package cgroup

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"sync/atomic"
	"time"

	"golang.org/x/sys/unix"

	"github.com/modeltap/modeltap/bpf"
	"github.com/modeltap/modeltap/observer/event"
	"github.com/modeltap/modeltap/observer/source/turn"
)

const (
	maxBatch = 256 // segments handed over at once: they stay in the cache
	minNap   = 2 * time.Millisecond
	maxNap   = 100 * time.Millisecond
	idleWait = time.Second
	settle   = minNap // more than a processor's stores take to be seen by others
)

// Options are what New needs besides the tap.
type Options struct {
	// Events receives each record that is no segment (bpf.KindListenerClosed
	// and up), on Run's goroutine. raw is valid during the call. May be nil.
	Events func(kind uint8, raw []byte)
}

// Source yields the segments of a Tap.
type Source struct {
	tap      *bpf.Tap
	other    func(kind uint8, raw []byte)
	ring     *ring
	alarm    *alarm
	batch    []event.Segment
	turns    *turn.Queue
	waiting  atomic.Int32 // Syncs that have not had their turn
	attached atomic.Pointer[string]
}

// New maps the ring of tap, which must have one Source at most at a time and
// outlive it.
func New(tap *bpf.Tap, o Options) (*Source, error) {
	r, err := mapRing(tap.Records().FD(), tap.RingSize())
	if err != nil {
		return nil, fmt.Errorf("capture source: %w", err)
	}
	a, err := newAlarm(tap.Records().FD(), tap.Reader().FD())
	if err != nil {
		return nil, errors.Join(fmt.Errorf("capture source: %w", err), r.close())
	}
	return &Source{
		tap:   tap,
		other: o.Events,
		ring:  r,
		alarm: a,
		batch: make([]event.Segment, 0, maxBatch),
		turns: turn.New(),
	}, nil
}

// Run reads the ring until ctx ends, hands over what is left and returns nil.
// It calls emit with batches in the order of the ring, never concurrently; a
// batch and the memory that it points to are valid until emit returns. now is
// CLOCK_MONOTONIC in ns. While nothing arrives, emit gets an empty batch at
// least every second. Last, unless nil, is the last turn: no emit and no Sync
// comes after it.
func (s *Source) Run(ctx context.Context, emit func(batch []event.Segment, now int64), last func()) error {
	defer s.turns.Close(last)
	defer prefer()()
	stop := context.AfterFunc(ctx, s.alarm.ring)
	defer stop()
	drain := func() { s.drain(emit) }
	drained := monotonic()
	heard := drained
	for {
		ended := ctx.Err() != nil // before the drain: what was captured by then is handed over
		n := s.drain(emit)
		now := monotonic()
		elapsed := time.Duration(now - drained)
		drained = now
		switch {
		case n > 0:
			heard = now
		default:
			emit(nil, now)
		}
		s.turns.Serve(drain)
		if ended {
			return nil
		}
		if err := s.rest(ctx, drain, n, elapsed, time.Duration(now-heard)); err != nil {
			return fmt.Errorf("wait for the ring: %w", err)
		}
	}
}

// rest waits after n bytes came in the time elapsed, silence after the last; or
// serves those that Sync, which drain first.
func (s *Source) rest(ctx context.Context, drain func(), n uint64, elapsed, silence time.Duration) error {
	defer s.alarm.awake()
	// A record that is being written was promised no wake-up.
	if silence < maxNap || s.ring.fill() > 0 {
		return s.pause(ctx, drain, bpf.ReaderNaps, nap(n, elapsed, s.ring.size), s.ring.size/2)
	}
	// No barrier stands between the kernel's store of a record's position and
	// its look at the state, so that in the moment in which the state is set
	// the two sides can miss one another. A second look finds what was missed.
	err := s.pause(ctx, drain, bpf.ReaderSleeps, settle, 1)
	if err == nil && s.ring.fill() == 0 {
		err = s.pause(ctx, drain, bpf.ReaderSleeps, idleWait, 1)
	}
	return err
}

// pause waits for d in the given state, or until the ring holds enough bytes
// and the kernel says so; or serves those that Sync.
func (s *Source) pause(ctx context.Context, drain func(), state uint32, d time.Duration, enough uint64) error {
	if err := s.alarm.set(d); err != nil {
		return err
	}
	// After set, so that neither can be missed.
	if ctx.Err() != nil {
		return nil
	}
	if s.waiting.Load() > 0 {
		for s.waiting.Load() > 0 && ctx.Err() == nil {
			s.turns.Serve(drain)
			runtime.Gosched() // to the one that is about to ask
		}
		return nil
	}
	return s.alarm.wait(state, func() bool { return s.ring.fill() >= enough })
}

// nap returns the time in which a quarter of the ring fills at the rate of n
// bytes in the time elapsed, within bounds.
func nap(n uint64, elapsed time.Duration, size uint64) time.Duration {
	if n == 0 {
		return maxNap
	}
	d := float64(size/4) / float64(n) * float64(elapsed)
	return time.Duration(min(max(d, float64(minNap)), float64(maxNap)))
}

// drain hands over everything that was complete when it was called, and
// returns the number of bytes that it took in the ring.
func (s *Source) drain(emit func([]event.Segment, int64)) uint64 {
	from, produced := s.ring.next, s.ring.producer.Load()
	for raw := s.ring.take(produced); raw != nil; raw = s.ring.take(produced) {
		s.accept(raw)
		if len(s.batch) == maxBatch || s.ring.next-s.ring.freed > s.ring.size/8 {
			s.flush(emit)
		}
	}
	s.flush(emit)
	return s.ring.next - from
}

// flush hands the batch over and then gives its memory back.
func (s *Source) flush(emit func([]event.Segment, int64)) {
	if len(s.batch) > 0 {
		emit(s.batch, monotonic())
		s.batch = s.batch[:0]
	}
	s.ring.free()
}

// Sync hands over what the ring holds and runs fn on Run's goroutine. fn is not
// run when ctx or Run (turn.ErrEnded) ends first.
func (s *Source) Sync(ctx context.Context, fn func()) error {
	s.waiting.Add(1)
	defer s.waiting.Add(-1)
	s.alarm.ring()
	return s.turns.Do(ctx, fn)
}

// Close unmaps the ring; after Run has returned, and before the tap is closed.
func (s *Source) Close() error { return errors.Join(s.alarm.close(), s.ring.close()) }

func monotonic() int64 {
	var t unix.Timespec
	_ = unix.ClockGettime(unix.CLOCK_MONOTONIC, &t) // cannot fail for this clock
	return t.Nano()
}
