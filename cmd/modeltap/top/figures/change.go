// SPDX-License-Identifier: Apache-2.0

package figures

import (
	"math"
	"time"
)

// pair is two scrapes of the same daemon; from is nil while there is one.
type pair struct{ from, to *Scrape }

// change is what became of a series.
type change struct {
	Labels
	now   float64
	delta float64   // of a counter; NaN where it cannot be told
	hist  Histogram // of a histogram, what came in between; empty where that cannot be told
	known bool      // hist can be told
}

func (p pair) seconds() float64 {
	if p.from == nil {
		return 0
	}
	return p.to.At.Sub(p.from.At).Seconds()
}

func (p pair) over() time.Duration {
	if p.from == nil {
		return 0
	}
	return p.to.At.Sub(p.from.At)
}

// changes returns what became of each series of a family. A daemon that was
// started again in between, or a counter that went down, has no change that can
// be told; a series that is new in the same process came from 0.
func (p pair) changes(name string) []change {
	var out []change
	for key, s := range p.to.families[name] {
		c := change{Labels: s.labels, now: s.value, delta: math.NaN()}
		same, again := p.process(s.labels["instance"])
		var old series
		found := false
		if p.from != nil && !again {
			old, found = p.from.families[name][key]
			if !found && same {
				old, found = series{hist: Histogram{Bounds: s.hist.Bounds, Counts: make([]float64, len(s.hist.Counts))}}, true
			}
		}
		if found {
			if s.hist.Counts != nil {
				c.hist, c.known = s.hist.Less(old.hist)
			} else if s.value >= old.value {
				c.delta = s.value - old.value
			}
		}
		out = append(out, c)
	}
	return out
}

// process tells whether an instance is known to be the same process as before,
// and whether it is known to be another.
func (p pair) process(instance string) (same, again bool) {
	if p.from == nil {
		return false, false
	}
	before, ok := p.from.started(instance)
	now, ok2 := p.to.started(instance)
	return ok && ok2 && before == now, ok && ok2 && before != now
}

// started returns when the process behind an instance began.
func (s *Scrape) started(instance string) (float64, bool) {
	for _, x := range s.families["process_start_time_seconds"] {
		if x.labels["instance"] == instance {
			return x.value, true
		}
	}
	return 0, false
}

// Restarted reports whether any daemon behind the scrapes is another process
// than before.
func Restarted(from, to *Scrape) bool {
	for _, x := range to.families["process_start_time_seconds"] {
		if _, again := (pair{from, to}).process(x.labels["instance"]); again {
			return true
		}
	}
	return false
}

// value returns the first series of a family that fits, NaN where there is
// none.
func (s *Scrape) value(name string, where Labels) float64 {
	for _, x := range s.families[name] {
		if x.labels.fit(where) {
			return x.value
		}
	}
	return math.NaN()
}

func (l Labels) fit(where Labels) bool {
	for k, v := range where {
		if l[k] != v {
			return false
		}
	}
	return true
}
