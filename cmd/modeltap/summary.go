// SPDX-License-Identifier: Apache-2.0

package main

import (
	"cmp"
	"maps"
	"math"
	"slices"
	"sync"

	"github.com/modeltap/modeltap/observer/event"
)

// summary is a sink that keeps what replay and demo print. It may be used
// from any goroutine.
type summary struct {
	// last bounds the samples kept of each latency to the latest ones; 0
	// keeps all of them.
	last int

	mu     sync.Mutex
	groups map[groupKey]*group
	other  map[string]int // server to requests that are no model requests
}

type groupKey struct{ Server, API, Model string }

// group is everything about one server, API and model.
type group struct {
	groupKey
	Outcomes       [event.Outcomes]int
	Tokens         [event.TokenTypes][event.TokenSources]int64
	TTFT, Duration samples // seconds
}

// samples are values in the order they came, the latest replacing the oldest
// once there are as many as may be kept.
type samples struct {
	values []float64
	seen   int
}

func newSummary(last int) *summary {
	return &summary{last: last, groups: map[groupKey]*group{}, other: map[string]int{}}
}

// Exchange implements event.Sink.
func (s *summary) Exchange(x *event.Exchange) {
	s.mu.Lock()
	defer s.mu.Unlock()
	k := groupKey{x.Server, x.API, x.Model}
	g := s.groups[k]
	if g == nil {
		g = &group{groupKey: k}
		s.groups[k] = g
	}
	g.Outcomes[x.Outcome]++
	for t, c := range x.Tokens {
		if c.Known {
			g.Tokens[t][c.Source] += c.N
		}
	}
	if x.Outcome == event.Incomplete || x.Start == 0 {
		return
	}
	if x.Stream && x.FirstToken > 0 {
		g.TTFT.add(float64(x.FirstToken-x.Start)/1e9, s.last)
	}
	// An aborted request has no end of its own making.
	if x.End > 0 && x.Outcome <= event.StreamError {
		g.Duration.add(float64(x.End-x.Start)/1e9, s.last)
	}
}

// OtherRequest implements event.Sink.
func (s *summary) OtherRequest(server string, _ int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.other[server]++
}

// all returns a copy of the groups in the order of their names.
func (s *summary) all() []group {
	s.mu.Lock()
	defer s.mu.Unlock()
	var out []group
	for _, g := range s.groups {
		c := *g
		c.TTFT.values = slices.Clone(g.TTFT.values)
		c.Duration.values = slices.Clone(g.Duration.values)
		out = append(out, c)
	}
	slices.SortFunc(out, func(a, b group) int {
		return cmp.Or(cmp.Compare(a.Server, b.Server), cmp.Compare(a.API, b.API), cmp.Compare(a.Model, b.Model))
	})
	return out
}

func (s *summary) others() map[string]int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return maps.Clone(s.other)
}

func (s *samples) add(v float64, last int) {
	if last == 0 || len(s.values) < last {
		s.values = append(s.values, v)
	} else {
		s.values[s.seen%last] = v
	}
	s.seen++
}

// quantile returns the smallest sample that at least the share q of them does
// not exceed, NaN without samples.
func (s *samples) quantile(q float64) float64 {
	if len(s.values) == 0 {
		return math.NaN()
	}
	sorted := slices.Sorted(slices.Values(s.values))
	return sorted[max(int(math.Ceil(q*float64(len(sorted))))-1, 0)]
}

// total returns the number of requests of every outcome.
func (g *group) total() int {
	n := 0
	for _, c := range g.Outcomes {
		n += c
	}
	return n
}

// mean returns the mean of h in seconds, NaN when it is empty.
func mean(h *event.Histogram) float64 {
	n := uint64(0)
	for _, c := range h.Counts {
		n += c
	}
	if n == 0 {
		return math.NaN()
	}
	return h.Sum / float64(n)
}

// atMost returns the bound, in seconds, of the bucket that holds the quantile
// q of h: the value is not above it. NaN when h is empty.
func atMost(h *event.Histogram, q float64) float64 {
	n := uint64(0)
	for _, c := range h.Counts {
		n += c
	}
	if n == 0 {
		return math.NaN()
	}
	rank, below := uint64(math.Ceil(q*float64(n))), uint64(0)
	for i, c := range h.Counts[:len(event.GapBuckets)] {
		if below += c; below >= rank {
			return event.GapBuckets[i]
		}
	}
	return math.Inf(1)
}
