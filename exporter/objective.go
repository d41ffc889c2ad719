// SPDX-License-Identifier: Apache-2.0

package exporter

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/modeltap/modeltap/observer/event"
)

// Objective is what requests to a server and model should take at most. An
// empty name stands for every one, a time of 0 for none.
type Objective struct {
	Server, Model string
	TTFT          time.Duration // request start to first token
	TPOT          time.Duration // time per output token
	Duration      time.Duration // request start to response end
}

// objective names one time of an Objective.
type objective uint8

const (
	objectiveTTFT objective = iota
	objectiveTPOT
	objectiveDuration
	objectives
)

// String returns the value of the "objective" label.
func (o objective) String() string { return [...]string{"ttft", "tpot", "duration"}[o] }

func (o *Objective) limits() [objectives]float64 {
	return [...]float64{o.TTFT.Seconds(), o.TPOT.Seconds(), o.Duration.Seconds()}
}

// SetObjectives replaces the objectives; of those that fit a request the first
// counts.
func (e *Exporter) SetObjectives(list []Objective) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.objectives = list
	for _, c := range e.children {
		c.goal = e.goalOf(c.key)
	}
}

// goalOf returns the objective of an identity, nil for none. e.mu is held.
func (e *Exporter) goalOf(k key) *Objective {
	for i := range e.objectives {
		o := &e.objectives[i]
		if (o.Server == "" || event.Label(o.Server) == k.server) && (o.Model == "" || event.Label(o.Model) == k.model) {
			return o
		}
	}
	return nil
}

// verdict tells whether a request met a limit, and whether it counts at all: a
// request that the server failed meets none, one that the client made
// impossible or that was not measured counts for none.
func verdict(x *event.Exchange, measured, limit float64) (met, counts bool) {
	switch x.Outcome {
	case event.OK:
		return measured <= limit, measured >= 0
	case event.HTTPError:
		return false, x.Status >= 500 || x.Status == 429
	case event.StreamError, event.ServerAbort:
		return false, true
	case event.ClientAbort:
		if measured >= 0 {
			return measured <= limit, true
		}
	}
	return false, false
}

// judge counts whether x met what it should.
func (c *child) judge(v *prometheus.CounterVec, x *event.Exchange, f *figures) {
	if c.goal == nil {
		return
	}
	measured := [objectives]float64{f.firstToken, f.perToken, f.duration}
	if x.Outcome == event.ClientAbort {
		// It waited at least so long, and left: that it would have met a
		// shorter limit nobody knows.
		if waited := between(x.Start, x.End); waited > c.goal.Duration.Seconds() {
			measured[objectiveDuration] = waited
		}
	}
	for o, limit := range c.goal.limits() {
		if limit == 0 {
			continue
		}
		met, counts := verdict(x, measured[o], limit)
		if !counts {
			continue
		}
		if c.met[o][0] == nil {
			for i, label := range [...]string{"false", "true"} {
				c.met[o][i] = v.WithLabelValues(c.with(objective(o).String(), label)...)
			}
		}
		i := 0
		if met {
			i = 1
		}
		c.met[o][i].Inc()
	}
}
