// SPDX-License-Identifier: Apache-2.0

package tcp

import (
	"bytes"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/modeltap/modeltap/observer/event"
)

// piece is a part of a stream on its way.
type piece struct{ from, to int }

// pieces cuts n bytes at random, repeats and overlaps some parts, and shuffles
// them within a window.
func pieces(rnd *rand.Rand, n, window int) []piece {
	var ps []piece
	for at := 0; at < n; {
		to := min(n, at+1+rnd.IntN(1+rnd.IntN(4000)))
		ps = append(ps, piece{at, to})
		if rnd.IntN(4) == 0 { // a repetition that overlaps both neighbours
			ps = append(ps, piece{max(0, at-rnd.IntN(500)), min(n, to+rnd.IntN(500))})
		}
		at = to
	}
	for i := range ps {
		j := min(len(ps)-1, i+rnd.IntN(1+window))
		ps[i], ps[j] = ps[j], ps[i]
	}
	return ps
}

func TestAnyCutOrderAndDuplicationGivesTheSameBytes(t *testing.T) {
	for seed := range uint64(300) {
		rnd := rand.New(rand.NewPCG(seed, 1))
		want := make([]byte, 1+rnd.IntN(60_000))
		for i := range want {
			want[i] = byte(rnd.Uint32())
		}
		w := newWorld(t, Config{MaxWait: time.Hour})
		isn := rnd.Uint32()
		if seed%3 == 0 {
			isn = -uint32(rnd.IntN(len(want) + 1)) // the wrap lies inside
		}
		w.feed((&end{flow: flow1, seq: isn}).syn(0))
		window := rnd.IntN(12)
		ps := pieces(rnd, len(want), window)
		for i, p := range ps {
			s := (&end{flow: flow1, seq: isn + 1 + uint32(p.from), time: int64(i) - int64(rnd.IntN(3))}).data(string(want[p.from:p.to]))
			if p.to == len(want) {
				s.Flags |= event.FIN
			}
			w.feed(s)
			w.intact(t)
		}
		r := w.only(t)
		if !bytes.Equal(r.bytes[0], want) || len(r.lost[0]) > 0 {
			t.Fatalf("seed %d: %d bytes and gaps %v, want %d bytes", seed, len(r.bytes[0]), r.lost[0], len(want))
		}
		if !r.fin[0] {
			t.Fatalf("seed %d: no FIN", seed)
		}
		if w.Buffered() != 0 {
			t.Fatalf("seed %d: %d bytes still held", seed, w.Buffered())
		}
	}
}

// TestHolesAreExact drops whole cuts and expects each hole with its length and
// everything else in its place.
func TestHolesAreExact(t *testing.T) {
	for seed := range uint64(300) {
		rnd := rand.New(rand.NewPCG(seed, 2))
		n := 2 + rnd.IntN(60_000)
		want := bytes.Repeat([]byte{1}, n)
		isn := uint32(0) - uint32(rnd.IntN(2*n))
		w := newWorld(t, Config{MaxWait: time.Duration(10 * ms)})
		w.feed((&end{flow: flow1, seq: isn}).syn(0))
		var sent []piece
		var holes []int
		ended := -1 // where the last hole ended
		for at := 0; at < n; {
			to := min(n, at+1+rnd.IntN(3000))
			if rnd.IntN(5) != 0 || to == n {
				sent = append(sent, piece{at, to})
			} else {
				clear(want[at:to])
				if ended == at {
					holes[len(holes)-1] += to - at
				} else {
					holes = append(holes, to-at)
				}
				ended = to
			}
			at = to
		}
		ordered := rnd.IntN(2) == 0
		if !ordered {
			for i := range sent {
				j := min(len(sent)-1, i+rnd.IntN(4))
				sent[i], sent[j] = sent[j], sent[i]
			}
		}
		for i, p := range sent {
			e := end{flow: flow1, seq: isn + 1 + uint32(p.from), time: int64(i)}
			if ordered {
				e.flags = event.Ordered
			}
			w.feed(e.data(string(bytes.Repeat([]byte{1}, p.to-p.from))))
		}
		w.Expire(int64(len(sent)) + 10*ms)
		w.intact(t)
		r := w.only(t)
		if !bytes.Equal(r.bytes[0], want) || !slices.Equal(r.lost[0], holes) {
			t.Fatalf("seed %d: gaps %v, want %v; %d bytes of %d", seed, r.lost[0], holes, len(r.bytes[0]), n)
		}
		tally := w.Tally()
		sum := 0
		for _, h := range holes {
			sum += h
		}
		if tally.Gaps != uint64(len(holes)) || tally.GapBytes != uint64(sum) {
			t.Fatalf("seed %d: tally %d gaps of %d bytes, want %d of %d", seed, tally.Gaps, tally.GapBytes, len(holes), sum)
		}
	}
}

func TestFirstCopyWins(t *testing.T) {
	w := newWorld(t, Config{})
	c, _ := pair(0)
	at := func(off uint32, p string) *event.Segment {
		return (&end{flow: flow1, seq: c.seq + off}).data(p)
	}
	w.feed(c.syn(0), at(2, "CD"), at(6, "G"), at(0, "abcdefghi"), at(1, "XXXXXXXXXXXX"))
	if got := string(w.only(t).bytes[0]); got != "abCDefGhiXXXX" {
		t.Fatalf("got %q", got)
	}
}

func TestTimeIsWhenBytesBecameReadable(t *testing.T) {
	w := newWorld(t, Config{})
	c, _ := pair(0)
	w.feed(c.syn(0))
	c.time = 30
	first := c.data("ab")
	c.time = 10
	c.flags = event.Limited
	second := c.data("cd")
	second.RTT = 77
	w.feed(second, first)
	c.time, c.flags = 20, 0
	w.feed(c.data("ef"))
	want := []event.Mark{{Time: 30}, {Time: 30, RTT: 77, Limited: true}, {Time: 30}}
	if got := w.only(t).marks[0]; !slices.Equal(got, want) {
		t.Fatalf("marks %v, want %v", got, want)
	}
}

func TestPositionsBeyond4GiB(t *testing.T) {
	w := newWorld(t, Config{})
	c, _ := pair(7)
	w.feed(c.syn(0))
	c.cookie = 8
	for range 5 {
		s := c.seg(1<<30, event.Skipped)
		c.seq += 1 << 30
		w.feed(s)
	}
	w.feed(c.data("x"), c.data("y"))
	w.Segment(&event.Segment{Kind: event.KindRead, Cookie: 8, Seq: c.seq - 1, Time: 5})
	// The answer tells of a read that was earlier than it.
	w.Segment(&event.Segment{Cookie: 8, Flow: c.flow, Dir: event.Response, Seq: 100, Ack: c.seq, Len: 1, Payload: []byte("a"),
		Flags: event.ACK | event.Ordered | event.Read, Time: 9, ReadAgo: 3})
	r := w.only(t)
	if want := []int64{5, 6}; !slices.Equal(r.readAt, want) {
		t.Fatalf("read at %d, want %d", r.readAt, want)
	}
	if want := []uint64{5<<30 + 1, 5<<30 + 2}; !slices.Equal(r.reads, want) {
		t.Fatalf("read positions %d, want %d", r.reads, want)
	}
	if w.Tally().SkippedBytes != 5<<30 || len(r.lost[0]) != 0 {
		t.Fatalf("skipped %d, gaps %v", w.Tally().SkippedBytes, r.lost[0])
	}
}
