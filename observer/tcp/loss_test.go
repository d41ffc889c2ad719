// SPDX-License-Identifier: Apache-2.0

package tcp

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/modeltap/modeltap/observer/budget"
	"github.com/modeltap/modeltap/observer/event"
)

func (r *recorder) stream(t testing.TB, d event.Direction, want string, lost ...int) {
	t.Helper()
	got := strings.ReplaceAll(string(r.bytes[d]), "\x00", "·")
	if got != want || !slices.Equal(r.lost[d], lost) {
		t.Fatalf("%v: %q with gaps %v, want %q with %v", d, got, r.lost[d], want, lost)
	}
}

func TestOrderedHoleIsALossAtOnce(t *testing.T) {
	w := newWorld(t, Config{})
	_, s := pair(5)
	s.flags = event.Ordered
	w.feed(s.data("ab"))
	s.seq += 3
	w.feed(s.data("cd"))
	s.seq -= 6
	w.feed(s.data("···xyz"[2:8])) // the lost bytes, sent again
	w.only(t).stream(t, event.Response, "ab···cd", 3)
}

func TestOrderedHoleBeyondHalfTheSequenceSpace(t *testing.T) {
	w := newWorld(t, Config{})
	_, s := pair(5)
	s.flags = event.Ordered
	w.feed(s.data("ab"))
	s.seq += 5 << 29
	w.feed(s.data("cd"))
	r := w.only(t)
	if want := []int{5 << 29}; !slices.Equal(r.lost[1], want) || !strings.HasSuffix(string(r.bytes[1]), "cd") {
		t.Fatalf("gaps %v, want %v", r.lost[1], want)
	}
}

func TestHoleIsWaitedForByTime(t *testing.T) {
	w := newWorld(t, Config{MaxWait: time.Duration(100 * ms)})
	c, _ := pair(5)
	w.feed(c.data("ab"))
	c.seq += 2
	c.time = 50 * ms
	w.feed(c.data("ef"))
	w.Expire(149 * ms)
	w.only(t).stream(t, event.Request, "ab")
	w.Expire(150 * ms)
	w.only(t).stream(t, event.Request, "ab··ef", 2)
	if got := w.only(t).marks[0][2].Time; got != 50*ms {
		t.Fatalf("held bytes carry time %d, want that of their arrival", got)
	}
	w.intact(t)
}

func TestAcknowledgmentShowsTheLoss(t *testing.T) {
	w := newWorld(t, Config{})
	c, s := pair(5)
	w.feed(c.syn(0), acked(s.syn(event.ACK), c.seq))
	s.cookie, c.cookie = 6, 6
	w.feed(c.data("ab"))
	c.seq += 2
	w.feed(c.data("ef"))
	w.feed(acked(s.data("1"), c.seq-4)) // the server has "ab" only
	w.only(t).stream(t, event.Request, "ab")
	w.feed(acked(s.data("2"), c.seq))
	w.only(t).stream(t, event.Request, "ab··ef", 2)
	c.seq += 5 // lost at the tail: nothing waits behind it
	w.feed(acked(s.data("3"), c.seq))
	w.only(t).stream(t, event.Request, "ab··ef·····", 2, 5)
	w.only(t).stream(t, event.Response, "123")
	w.intact(t)
}

func TestAnAcknowledgedFINIsNoByte(t *testing.T) {
	w := newWorld(t, Config{})
	c, s := pair(5)
	w.feed(c.data("ab"), acked(s.data("1"), c.seq+1))
	w.only(t).stream(t, event.Request, "ab")
	c.flags = event.ACK
	w.feed(c.fin())
	if !w.only(t).fin[0] {
		t.Fatal("no FIN")
	}
}

func TestFINThatALossSwallowedIsFound(t *testing.T) {
	w := newWorld(t, Config{})
	c, s := pair(5)
	w.feed(c.data("ab"))
	c.seq += 3
	lost := c.fin()
	w.feed(acked(s.data("1"), c.seq)) // three bytes and a FIN look like four
	w.only(t).stream(t, event.Request, "ab····", 4)
	w.feed(lost) // sent again
	if !w.only(t).fin[0] {
		t.Fatal("no FIN")
	}
}

func TestHugeHoleOfOneConnection(t *testing.T) {
	w := newWorld(t, Config{})
	c, s := pair(0)
	w.feed(c.data("ab"), acked(s.data("12"), c.seq))
	c.seq += 1 << 29
	c.time = 1
	w.feed(acked(c.data("cd"), s.seq))
	w.Expire(1 + 200*ms)
	if r := w.only(t); !slices.Equal(r.lost[0], []int{1 << 29}) {
		t.Fatalf("gaps %v", r.lost[0])
	}
}

func TestReadShowsTheLoss(t *testing.T) {
	w := newWorld(t, Config{})
	c, _ := pair(5)
	w.feed(c.syn(0))
	c.cookie = 6
	w.feed(c.data("ab"))
	c.seq += 2
	w.feed(c.data("ef"))
	read := event.Segment{Kind: event.KindRead, Cookie: 6, Seq: c.seq - 1}
	w.Segment(&read)
	w.only(t).stream(t, event.Request, "ab··ef", 2)
	read.Seq = 1001
	w.Segment(&read)
	read.Seq = 900 // before the begin of the stream
	w.Segment(&read)
	if want := []uint64{5, 0}; !slices.Equal(w.only(t).reads, want) {
		t.Fatalf("read %v, want %v", w.only(t).reads, want)
	}
}

func TestSkippedIsNotLostAndCutOffIs(t *testing.T) {
	w := newWorld(t, Config{})
	c, _ := pair(5)
	w.feed(c.syn(0))
	c.seq += 100
	late := []*event.Segment{c.seg(50, event.Skipped)}
	c.seq += 50
	cut := c.data("abcd")
	cut.Len = 10
	c.seq += 6
	late = append(late, cut, c.data("z"))
	w.feed(late...)
	w.feed((&end{flow: flow1, cookie: 5, seq: 1001}).seg(100, event.Skipped))
	r := w.only(t)
	if !slices.Equal(r.skipped[0], []int{100, 50}) || !slices.Equal(r.lost[0], []int{6}) {
		t.Fatalf("skipped %v, lost %v", r.skipped[0], r.lost[0])
	}
	if tally := w.Tally(); tally.SkippedBytes != 150 || tally.GapBytes != 6 || len(r.bytes[0]) != 161 {
		t.Fatalf("skipped %d, lost %d, in all %d bytes", tally.SkippedBytes, tally.GapBytes, len(r.bytes[0]))
	}
}

func TestDirectionLimit(t *testing.T) {
	const limit = 64 << 10
	w := newWorld(t, Config{MaxDirection: limit, MaxWait: time.Hour})
	c, _ := pair(5)
	w.feed(c.syn(0))
	c.seq++ // one byte is missing
	n := 1
	for range 100 {
		w.feed(c.data(strings.Repeat("x", 1900)))
		n += 1900
		c.seq++
		n++
		if w.Buffered() > limit {
			t.Fatalf("%d bytes held", w.Buffered())
		}
		w.intact(t)
	}
	w.Close(0)
	r := w.only(t)
	if len(r.bytes[0]) != n-1 || len(r.lost[0]) != 100 {
		t.Fatalf("%d bytes with %d gaps, want %d with 100", len(r.bytes[0]), len(r.lost[0]), n-1)
	}
	if w.Tally().Evictions[event.EvictBuffer] != 0 {
		t.Fatal("counted as a global eviction")
	}
}

func TestGlobalLimit(t *testing.T) {
	const limit = 256 << 10
	w := newWorld(t, Config{Budget: budget.New(1000, 4*limit), MaxWait: time.Hour})
	for i := range 100 {
		c, _ := pair(uint64(i + 1))
		c.flow.Client.Port = uint16(i)
		w.feed(c.syn(0))
		c.seq++
		w.feed(c.data(strings.Repeat("x", 9000)))
		if w.Buffered() > limit {
			t.Fatalf("%d bytes held", w.Buffered())
		}
	}
	w.intact(t)
	if w.Tally().Evictions[event.EvictBuffer] == 0 {
		t.Fatal("nothing was given up")
	}
	w.Close(0)
	for _, r := range w.conns {
		if len(r.bytes[0]) != 9001 || !slices.Equal(r.lost[0], []int{1}) {
			t.Fatalf("%d bytes, gaps %v", len(r.bytes[0]), r.lost[0])
		}
	}
}

func TestImpossibleSegmentIsDroppedAndCounted(t *testing.T) {
	w := newWorld(t, Config{})
	c, _ := pair(5)
	w.feed(c.syn(0))
	c.cookie = 6
	w.feed(c.data("ab"))
	far := *c
	far.seq += 1 << 29
	w.feed(far.data("zz"), far.rst(), c.data("cd"))
	w.only(t).stream(t, event.Request, "abcd")
	if got := w.Tally().ParseErrors[event.ProtoTCP][event.ReasonMalformed]; got != 1 {
		t.Fatalf("%d counted, want 1", got)
	}
}
