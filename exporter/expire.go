// SPDX-License-Identifier: Apache-2.0

package exporter

import (
	"time"

	"github.com/modeltap/modeltap/observer/event"
)

// sweep deletes what the observer no longer knows and what had no exchange for
// SeriesTTL. What is in s stays, so that no counter of a live series goes down.
func (e *Exporter) sweep(s *event.Snapshot) {
	live := make(map[key]bool, len(s.Series))
	servers := make(map[string]bool, len(s.Servers))
	for i := range s.Series {
		r := &s.Series[i]
		k := keyOf(r.Server, r.Model, r.API)
		live[k] = true
		servers[k.server] = true
	}
	for i := range s.Servers {
		servers[event.Label(s.Servers[i].Name)] = true
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	e.swept = e.opts.Now()
	e.remove(e.swept,
		func(k key) bool { return live[k] },
		func(k otherKey) bool { return servers[k.server] })
}

// sweepUnscraped bounds memory where nobody scrapes: when a series is new and
// the last sweep is older than SeriesTTL, everything without an exchange for
// that long goes, since nobody has read it. e.mu is held.
func (e *Exporter) sweepUnscraped(now time.Time) {
	if now.Sub(e.swept) < e.opts.SeriesTTL {
		return
	}
	e.swept = now
	e.remove(now, func(key) bool { return false }, func(otherKey) bool { return false })
}

// activity tells how long something has been unused, without a look at the
// clock at each use: its last use counts from the sweep that finds it.
type activity struct {
	used bool
	last time.Time
}

// idle returns the time since the last use.
func (a *activity) idle(now time.Time) time.Duration {
	if a.used {
		a.used, a.last = false, now
	}
	return now.Sub(a.last)
}

func (e *Exporter) remove(now time.Time, live func(key) bool, liveOther func(otherKey) bool) {
	for k, c := range e.children {
		if c.idle(now) >= e.opts.SeriesTTL && !live(k) {
			delete(e.children, k)
			e.requests.remove(k)
		}
	}
	for k, c := range e.others {
		if c.idle(now) >= e.opts.SeriesTTL && !liveOther(k) {
			delete(e.others, k)
			e.requests.other.DeleteLabelValues(k.server, code(k.status))
		}
	}
}
