// SPDX-License-Identifier: Apache-2.0

//go:build linux

package cgroup

import (
	"cmp"
	"io"
	"net"
	"slices"
	"sync"
	"testing"

	"github.com/modeltap/modeltap/bpf"
	"github.com/modeltap/modeltap/observer/event"
)

// TestUpload sends 50 MB over five connections through a ring of 4 MiB.
// Payload beyond the limit is left out and accounted for to the byte; nothing
// is lost, and an answer lifts the limit for the request that follows.
func TestUpload(t *testing.T) {
	const (
		limit = 256 << 10
		size  = 10 << 20
		next  = 1000
	)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	r := record(t, bpf.Options{RingSize: 4 << 20, MaxRequestBytes: limit}, []uint16{port(l.Addr())})
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go func() {
				defer c.Close()
				_, _ = io.CopyN(io.Discard, c, size)
				_, _ = c.Write([]byte("answer"))
				_, _ = io.CopyN(io.Discard, c, next)
				_, _ = c.Write([]byte("answer"))
			}()
		}
	}()
	var clients []uint16
	var all sync.WaitGroup
	for range 5 {
		c, err := net.Dial("tcp", l.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		clients = append(clients, port(c.LocalAddr()))
		all.Go(func() {
			defer c.Close()
			for _, n := range []int{size, next} {
				_, _ = c.Write(pattern(n))
				_, _ = io.ReadFull(c, make([]byte, len("answer")))
			}
		})
	}
	all.Wait()
	segments := r.all(t)
	for _, client := range clients {
		var captured, skipped, both []span
		start := begins(segments, client, event.Request)
		for _, s := range segments {
			if s.Kind != event.KindData || s.Dir != event.Request || s.Flow.Client.Port != client {
				continue
			}
			at := span{int(s.Seq - start), int(s.Seq - start + s.Len)}
			both = append(both, at)
			if s.Flags&event.Skipped == 0 {
				captured = append(captured, at)
				continue
			}
			skipped = append(skipped, at)
			if len(s.Payload) != 0 {
				t.Errorf("skipped, but %d bytes came along", len(s.Payload))
			}
		}
		if n := covered(both); n != size+next {
			t.Errorf("%d bytes accounted for of %d", n, size+next)
		}
		if n := covered(skipped); n < size-limit {
			t.Errorf("%d bytes skipped", n)
		}
		// The segment that exceeds the limit is the first that is left out.
		if n := covered(captured); n < limit-(64<<10) || n > limit+next {
			t.Errorf("captured %d bytes, the limit is %d", n, limit)
		}
	}
	c, err := r.tap.Counters()
	if err != nil || c.RingFull != [2]uint64{} || c.EventsLost != 0 || c.SkippedBytes[0] < 5*(size-limit) {
		t.Errorf("counted %+v, %v", c, err)
	}
}

type span struct{ from, to int }

// covered returns the number of bytes in at least one of the spans:
// retransmissions overlap, and not segment by segment.
func covered(spans []span) (n int) {
	slices.SortFunc(spans, func(a, b span) int { return cmp.Compare(a.from, b.from) })
	to := 0
	for _, s := range spans {
		if s.to > to {
			n += s.to - max(s.from, to)
			to = s.to
		}
	}
	return n
}
