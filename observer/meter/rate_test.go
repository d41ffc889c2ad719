// SPDX-License-Identifier: Apache-2.0

package meter

import (
	"math"
	"math/rand/v2"
	"testing"
)

// stroke is n tokens at a time in ns.
type stroke struct {
	at int64
	n  float64
}

// window counts the tokens of (now-10 s, now] one by one, and those of the
// second in which the window begins, which is as fine as a rate resolves.
func window(all []stroke, now int64) (sum, edge float64) {
	begin := now - rateSeconds*second
	for _, s := range all {
		if s.at > begin && s.at <= now {
			sum += s.n
		}
		if s.at/second == begin/second {
			edge += s.n
		}
	}
	return sum, edge
}

// TestRateAgainstTheWindow holds a rate to the plain list of its tokens, at
// random times, with pauses shorter and longer than the window.
func TestRateAgainstTheWindow(t *testing.T) {
	for seed := range uint64(40) {
		rnd := rand.New(rand.NewPCG(seed, 1))
		var r rate
		var all []stroke
		now := rnd.Int64N(100 * second)
		for range 500 {
			switch rnd.IntN(12) {
			case 0:
				now += rnd.Int64N(25 * second)
			case 1: // the very beginning of a second
				now = (now/second + 1) * second
			default:
				now += rnd.Int64N(second / 3)
			}
			if rnd.IntN(3) > 0 {
				n := float64(1 + rnd.IntN(9))
				r.add(now, n)
				all = append(all, stroke{now, n})
			}
			want, edge := window(all, now)
			if got := r.perSecond(now) * rateSeconds; math.Abs(got-want) > edge+1e-6 {
				t.Fatalf("seed %d at %d ns: %v tokens in the window, want %v within %v", seed, now, got, want, edge)
			}
		}
	}
}

// TestRateOnlyFallsInSilence looks at one burst ever later, however often.
func TestRateOnlyFallsInSilence(t *testing.T) {
	rnd := rand.New(rand.NewPCG(3, 1))
	for range 50 {
		var often rate
		now := rnd.Int64N(1000 * second)
		for range 20 {
			now += rnd.Int64N(second)
			often.add(now, 10*rnd.Float64())
		}
		rarely, last, end := often, math.Inf(1), now+(rateSeconds+1)*second
		for now < end {
			got := often.perSecond(now)
			if got > last+1e-9 || got < 0 {
				t.Fatalf("%v tokens/s after %v, and nothing came", got, last)
			}
			once := rarely
			if want := once.perSecond(now); math.Abs(got-want) > 1e-9 {
				t.Fatalf("%v tokens/s when read often, %v when read once", got, want)
			}
			last = got
			now += rnd.Int64N(second / 2)
		}
		if got := often.perSecond(end); got > 1e-9 {
			t.Fatalf("%v tokens/s from %d s ago", got, rateSeconds+1)
		}
	}
}

// TestRateKeepsItsTotal corrects requests upwards: wherever a request lay
// within the window, the tokens it lacked are in the window afterwards, once.
func TestRateKeepsItsTotal(t *testing.T) {
	rnd := rand.New(rand.NewPCG(5, 1))
	const now = 1000*second + second - 1 // the oldest bin has left
	for range 500 {
		var r rate
		total := 0.0
		for range rnd.IntN(30) {
			n := float64(rnd.IntN(20))
			r.add(now-rnd.Int64N(5*second), n) // late ones count as of now
			total += n
		}
		start := now - rnd.Int64N(9*second)
		end := start + rnd.Int64N(now-start+1)
		extra := float64(rnd.IntN(500))
		r.spread(start, end, extra)
		if got, want := r.perSecond(now)*rateSeconds, total+extra; math.Abs(got-want) > 0.01*want+0.01 {
			t.Fatalf("%v tokens after a correction from %d to %d, want %v", got, start, end, want)
		}
		r.spread(start, end, -extra)
		if got := r.perSecond(now) * rateSeconds; math.Abs(got-total) > 0.01*total+0.01 {
			t.Fatalf("%v tokens after it was taken back, want %v", got, total)
		}
	}
}

// TestRateIsNeverNegative takes back at random what was never counted.
func TestRateIsNeverNegative(t *testing.T) {
	rnd := rand.New(rand.NewPCG(6, 1))
	var r rate
	now := int64(0) // a capture may begin at 0, so that requests began before
	for range 5000 {
		now += rnd.Int64N(3 * second)
		start := now - rnd.Int64N(40*second)
		switch rnd.IntN(3) {
		case 0:
			r.add(now, rnd.Float64())
		case 1:
			r.spread(start, now-rnd.Int64N(20*second), 50-100*rnd.Float64())
		}
		if got := r.perSecond(now); got < 0 || math.IsNaN(got) || math.IsInf(got, 0) {
			t.Fatalf("%v tokens/s at %d", got, now)
		}
	}
}

func TestRateAllocatesNothing(t *testing.T) {
	var r rate
	now := int64(0)
	if n := testing.AllocsPerRun(100, func() {
		now += second / 3
		r.add(now, 1)
		r.spread(now-second, now, 1)
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

func BenchmarkRate(b *testing.B) {
	var r rate
	b.ReportAllocs()
	for i := range b.N {
		r.add(int64(i)*1e6, 1)
	}
}

// TestSpreadReachesTheWholeWindow corrects a request that began before the
// window: each second of it gets its share, the oldest too.
func TestSpreadReachesTheWholeWindow(t *testing.T) {
	const now = 1000 * second // the oldest second counts in full
	var r rate
	r.spread(now-20*second, now, 21)
	if got := r.perSecond(now) * rateSeconds; math.Abs(got-(rateSeconds+1)) > 1e-9 {
		t.Errorf("%v tokens, want one for each of %d seconds", got, rateSeconds+1)
	}
}
