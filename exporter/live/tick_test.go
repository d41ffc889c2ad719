// SPDX-License-Identifier: Apache-2.0

package live

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/modeltap/modeltap/gpu"
	"github.com/modeltap/modeltap/observer/event"
	"github.com/modeltap/modeltap/observer/host"
)

// bucketOf returns the index of the bucket that holds s seconds.
func bucketOf(bounds []float64, s float64) uint32 {
	for i, b := range bounds {
		if s <= b {
			return uint32(i)
		}
	}
	return uint32(len(bounds))
}

func TestATickTellsWhatHappenedSinceTheLast(t *testing.T) {
	r := newRig(t)
	series := event.Series{Server: "vllm:8000", API: "openai_chat", Model: "llama", Waiting: 2, Streaming: 3, Stalled: 1, TokensPerSecond: 12.5}
	series.InterToken.Counts[7] = 10
	second := series // another API of the same model adds to it
	second.API, second.InterToken.Counts[7], second.InterToken.Counts[9] = "openai_completions", 0, 4
	r.set(func(s *event.Snapshot) {
		s.Series = []event.Series{series, second}
		s.Sources = []event.SourceStats{{Source: "cgroup", Packets: [2]uint64{5, 6}, RingFull: [2]uint64{1, 0}}}
		s.Connections = 9
	})
	x := streamed()
	r.Exchange(&x)
	x.Outcome, x.Status, x.Stream = event.HTTPError, 500, false
	r.Exchange(&x)
	got := r.next()

	want := Group{
		Server: "vllm:8000", Model: "llama", Waiting: 4, Streaming: 6, Stalled: 2, Rate: 25,
		Outcomes: []uint32{1, 1, 0, 0, 0, 0}, Input: 140, Output: 22,
		TTFT:       sparse{bucketOf(timeBounds[:], 0.25), 1},
		SocketWait: sparse{bucketOf(timeBounds[:], 0.003), 1}, // not of an error, whose time is another's
		Duration:   sparse{bucketOf(timeBounds[:], 0.8), 2},
		InterToken: sparse{7, 10, 9, 4},
	}
	if len(got.Groups) != 1 || !reflect.DeepEqual(got.Groups[0], want) {
		t.Errorf("got %+v\nwant %+v", got.Groups, want)
	}
	if c := got.Capture; c == nil || *c != (Capture{Source: "cgroup", Packets: 11, Lost: 1, Connections: 9}) {
		t.Errorf("capture %+v", got.Capture)
	}
	if !got.State || len(got.GPUs) != 1 || *got.GPUs[0].Utilization != 0.5 || *got.Host.CPU != 0.25 || *got.Host.MemoryUsed != 60 {
		t.Errorf("machine: %+v", got)
	}

	// Nothing of it comes twice.
	r.set(func(s *event.Snapshot) { s.Series[0].InterToken.Counts[7]++; s.Series[0].Waiting = 0 })
	got = r.next()
	if g := got.Groups[0]; !reflect.DeepEqual(g.InterToken, sparse{7, 1}) || g.Outcomes != nil || g.TTFT != nil || g.Input != 0 || g.Waiting != 2 {
		t.Errorf("the second tick: %+v", g)
	}
	if got.Span != 1 || got.Capture.Packets != 0 || got.Capture.Lost != 0 {
		t.Errorf("the second tick: span %v, capture %+v", got.Span, got.Capture)
	}

	// What has nothing to tell is left out.
	r.set(func(s *event.Snapshot) {
		for i := range s.Series {
			c := s.Series[i].InterToken
			s.Series[i] = event.Series{Server: s.Series[i].Server, Model: s.Series[i].Model, API: s.Series[i].API, InterToken: c}
		}
	})
	if got := r.next(); len(got.Groups) != 0 {
		t.Errorf("an idle model is told of: %+v", got.Groups)
	}
}

func TestACountThatBeganAnewIsCountedFromZero(t *testing.T) {
	var d deltas
	s := []event.Series{{Server: "s", Model: "m"}}
	for i, c := range []struct{ count, want uint64 }{{5, 5}, {9, 4}, {2, 2}, {2, 0}} {
		s[0].InterToken.Counts[0] = c.count
		if got := d.series(s)[key{"s", "m"}].gaps[0]; got != c.want {
			t.Errorf("step %d: %d, want %d", i, got, c.want)
		}
	}
	d.series(nil)
	if len(d.gaps) != 0 {
		t.Error("a series that the observer has forgotten is kept")
	}
}

func TestRunningRequests(t *testing.T) {
	r := newRig(t)
	r.set(func(s *event.Snapshot) {
		s.Now = 5000 * ms
		for i := range 2 * maxRunning {
			x := event.Exchange{Server: "s", Model: "m", API: "openai_chat", Start: int64(4000-i) * ms, SocketWait: -1}
			s.Open = append(s.Open, x)
		}
		s.Open[3].Start, s.Open[3].Complete, s.Open[3].FirstToken = 1000*ms, 1001*ms, 1500*ms
	})
	r.next()
	got := r.snapshot().Running
	if len(got) != maxRunning {
		t.Fatalf("%d are told of, want the oldest %d", len(got), maxRunning)
	}
	if x := got[0]; x.Outcome != "running" || *x.End != 4 || *x.FirstToken != .5 || !x.Stream || x.Number != 0 || x.SocketWait != nil {
		t.Errorf("the oldest: %+v", x)
	}
	r.mu.Lock()
	r.fail = errors.New("stuck")
	r.mu.Unlock()
	if r.next(); len(r.snapshot().Running) != 0 {
		t.Error("requests are said to run though nobody knows")
	}
}

func TestWithoutAStateNothingIsClaimed(t *testing.T) {
	r := newRig(t)
	r.fail = errors.New("not attached")
	x := streamed()
	r.Exchange(&x)
	got := r.next()
	if got.State || got.Capture != nil {
		t.Errorf("a state that nobody read: %+v", got)
	}
	if len(got.Groups) != 1 || got.Groups[0].Outcomes[event.OK] != 1 {
		t.Errorf("the request is missing: %+v", got.Groups)
	}
	row := r.view().Servers[0]
	if row.Waiting != none || row.TokensPerSecond != none {
		t.Errorf("the page claims a state: %+v", row)
	}
}

// An observer that hangs, and ignores its context, delays one tick and is not
// asked again until it has answered.
func TestAHangingObserverDoesNotStopTheTicks(t *testing.T) {
	release, calls := make(chan struct{}), make(chan struct{}, 10)
	r := newRig(t, func(o *Options) {
		o.Snapshot = func(context.Context) (event.Snapshot, error) {
			calls <- struct{}{}
			<-release
			return event.Snapshot{Connections: 7}, nil
		}
	})
	if got := r.next(); got.State {
		t.Error("a state that nobody read")
	}
	began := time.Now()
	if got := r.next(); got.State || time.Since(began) > snapshotTimeout/2 {
		t.Errorf("the second tick took %v", time.Since(began))
	}
	if n := len(calls); n != 1 {
		t.Errorf("asked %d times while it hung", n)
	}
	close(release)
	for end := time.Now().Add(10 * time.Second); !r.next().State; {
		if time.Now().After(end) {
			t.Fatal("it did not recover")
		}
		time.Sleep(time.Millisecond)
	}
}

func TestGroupsAreBounded(t *testing.T) {
	r := newRig(t)
	x := streamed()
	for i := range 3 * maxGroups {
		x.Model = fmt.Sprintf("m%d", i)
		r.Exchange(&x)
	}
	if n := len(r.groups); n != maxGroups+1 {
		t.Errorf("%d groups, want %d and other", n, maxGroups)
	}
	got := r.next()
	total := uint32(0)
	for _, g := range got.Groups {
		total += g.Outcomes[event.OK]
	}
	if total != 3*maxGroups {
		t.Errorf("%d requests, want %d: what is beyond the bound is other's", total, 3*maxGroups)
	}
	r.pass(Window)
	if r.next(); len(r.groups) != 0 {
		t.Errorf("%d groups are left after %v without traffic", len(r.groups), Window)
	}
}

func TestHistoryIsBounded(t *testing.T) {
	var h history
	for s := range int64(2000) {
		h.put(kept{s, make([]byte, 100)})
	}
	if n := len(h.ticks); n != 900 || h.ticks[0].second != 1100 || h.bytes != 90_000 {
		t.Errorf("%d ticks from %d, %d bytes", n, h.ticks[0].second, h.bytes)
	}
	if got := h.since(1997); len(got) != 2 || got[0].second != 1998 {
		t.Errorf("since: %d ticks", len(got))
	}
	for s := range int64(100) {
		h.put(kept{2000 + s, make([]byte, 1<<20)})
	}
	if h.bytes > maxHistory || len(h.ticks) != maxHistory>>20 {
		t.Errorf("large ticks: %d of them, %d bytes", len(h.ticks), h.bytes)
	}
	h.put(kept{5000, make([]byte, 2*maxHistory)})
	if len(h.ticks) != 1 {
		t.Error("the newest tick is always kept")
	}
	h.put(kept{10, nil})
	if len(h.ticks) != 1 || h.ticks[0].second != 10 {
		t.Error("after a step back of the clock the old ticks are of the future")
	}
}

func TestQuantile(t *testing.T) {
	bounds := []float64{1, 2, 4}
	for _, c := range []struct {
		q      float64
		counts []uint64
		want   float64
	}{
		{.5, []uint64{0, 0, 0, 0}, -1},
		{.5, []uint64{2, 0, 0, 0}, .5},
		{.5, []uint64{0, 4, 0, 0}, 1.5},
		{.75, []uint64{0, 2, 2, 0}, 3},
		{.99, []uint64{0, 0, 0, 5}, 4},
		{1, []uint64{0, 1, 0, 0}, 2},
	} {
		if got := quantile(c.q, c.counts, bounds); got != c.want {
			t.Errorf("%v of %v: %v, want %v", c.q, c.counts, got, c.want)
		}
	}
}

func TestBoundsRise(t *testing.T) {
	for i := 1; i < len(timeBounds); i++ {
		if timeBounds[i] <= timeBounds[i-1] {
			t.Fatalf("bound %d: %v after %v", i, timeBounds[i], timeBounds[i-1])
		}
	}
	if timeBounds[0] != 1e-5 || timeBounds[len(timeBounds)-1] != 1000 {
		t.Errorf("from %v to %v", timeBounds[0], timeBounds[len(timeBounds)-1])
	}
}

func TestAnExchangeDoesNotAllocate(t *testing.T) {
	r := newRig(t)
	x := streamed()
	for range maxRecent {
		r.Exchange(&x)
	}
	if n := testing.AllocsPerRun(100, func() { r.Exchange(&x) }); n != 0 {
		t.Errorf("%v allocations for each request", n)
	}
}

func BenchmarkExchange(b *testing.B) {
	r := newRig(b)
	x := streamed()
	b.ReportAllocs()
	for b.Loop() {
		r.Exchange(&x)
	}
}

// BenchmarkTick is the cost of a second with 20 servers at work, for all
// viewers together.
func BenchmarkTick(b *testing.B) {
	r := newRig(b)
	for i := range 20 {
		r.state.Series = append(r.state.Series, event.Series{Server: fmt.Sprintf("server-%d", i), Model: strings.Repeat("m", 30), API: "openai_chat", Streaming: 3})
	}
	x := streamed()
	b.ReportAllocs()
	for b.Loop() {
		for i := range r.state.Series {
			s := &r.state.Series[i]
			s.InterToken.Counts[i%gapBuckets] += 40
			x.Server, x.Model = s.Server, s.Model
			r.Exchange(&x)
		}
		r.now = r.now.Add(time.Second)
		r.tick(b.Context())
	}
	b.ReportMetric(float64(len(r.history.ticks[len(r.history.ticks)-1].json)), "bytes/tick")
}

// Whatever a tick calls may fail: that costs the tick, and the next one comes.
func TestAPanicCostsATick(t *testing.T) {
	blow := func() { panic("boom") }
	for name, change := range map[string]func(*Options){
		"snapshot": func(o *Options) {
			o.Snapshot = func(context.Context) (event.Snapshot, error) { blow(); return event.Snapshot{}, nil }
		},
		"GPUs": func(o *Options) { o.GPUs = func() gpu.Snapshot { blow(); return gpu.Snapshot{} } },
		"host": func(o *Options) { o.Host = func() host.Load { blow(); return host.Load{} } },
	} {
		t.Run(name, func(t *testing.T) {
			told := make(chan any, 100)
			ctx, stop := context.WithCancel(t.Context())
			var second atomic.Int64 // each look at the clock finds a new one
			r := newRig(t, change, func(o *Options) {
				o.Panicked = func(_ string, p any) { told <- p }
				o.Now = func() time.Time { return time.Unix(second.Add(1), 0) }
			})
			ended := make(chan error, 1)
			go func() { ended <- r.Run(ctx) }()
			for range 2 {
				go r.fresh(ctx) // has a tick made
				if p := <-told; p != "boom" {
					t.Error(p)
				}
			}
			stop()
			if err := <-ended; err != nil {
				t.Error(err)
			}
		})
	}
}
