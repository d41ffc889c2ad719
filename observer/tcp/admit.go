// SPDX-License-Identifier: Apache-2.0

package tcp

import (
	"math"

	"github.com/modeltap/modeltap/observer/event"
)

// admit finds room for one more connection. Without a free place it takes that
// of one of which less would be lost: one that is only remembered, one half
// open or without a Handler, one without an open request; never that of one
// with a request. Where other shards have such connections it borrows a place,
// and Yield settles the debt when the shards are at rest.
func (a *Assembler) admit(now int64) bool {
	switch {
	case a.budget.Connect():
	case a.yieldLesser(now):
		a.budget.Reconnect()
	case a.budget.Borrow():
	case a.yieldIdle(now):
		a.budget.Reconnect()
	default:
		return false
	}
	return true
}

// Spare returns the number of connections that Yield can give up.
func (a *Assembler) Spare() int {
	n := 0
	for p := range busy {
		n += a.lists[p].n
	}
	return n
}

// Lesser returns how many of Spare are not idle but less than that.
func (a *Assembler) Lesser() int {
	return a.lists[lingering].n + a.lists[halfOpen].n + a.lists[bare].n
}

// IdleSince returns when the connection that was idle for longest became so;
// the end of time when none is.
func (a *Assembler) IdleSince() int64 {
	since := int64(math.MaxInt64)
	for _, p := range [...]place{waiting, idle} {
		if c := a.lists[p].head; c != nil {
			since = min(since, c.stamp)
		}
	}
	return since
}

// Yield gives up the connection of which least is lost, none with an open
// request; false when there is none.
func (a *Assembler) Yield(now int64) bool {
	return a.yieldLesser(now) || a.yieldIdle(now)
}

func (a *Assembler) yieldLesser(now int64) bool {
	return a.yieldFrom(lingering, now) || a.yieldFrom(halfOpen, now) || a.yieldFrom(bare, now)
}

func (a *Assembler) yieldIdle(now int64) bool {
	if c := a.lists[waiting].head; c != nil && c.stamp == a.IdleSince() {
		return a.yieldFrom(waiting, now)
	}
	return a.yieldFrom(idle, now)
}

// yieldFrom gives up the oldest connection of a list. Of one that lingers
// nothing is lost.
func (a *Assembler) yieldFrom(p place, now int64) bool {
	c := a.lists[p].head
	if c == nil {
		return false
	}
	switch p {
	case lingering:
		a.givenUp.note(c.key(), counted)
		a.conclude(c, now)
		return true
	case halfOpen:
		a.tally.Evictions[event.EvictHalfOpen]++
	default:
		a.tally.Evictions[event.EvictConnections]++
		a.givenUp.note(c.key(), counted)
	}
	a.end(c, now, Evicted)
	a.remove(c)
	return true
}

// Thin gives up connections that hold memory while they wait for more, such as
// unfinished heads, those first that have waited for longest, until the budget
// has room for other such memory.
func (a *Assembler) Thin(now int64) {
	for a.lists[waiting].head != nil && a.budget.Crowded() {
		c := a.lists[waiting].head
		a.tally.Evictions[event.EvictBuffer]++
		a.givenUp.note(c.key(), counted)
		a.end(c, now, Evicted)
		a.remove(c)
	}
}
