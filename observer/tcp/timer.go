// SPDX-License-Identifier: Apache-2.0

package tcp

import (
	"math"
	"time"

	"github.com/modeltap/modeltap/observer/event"
)

// Expire runs the timers up to now: holes that were waited for long enough,
// ended connections, idle ones. It is cheap when nothing is due.
func (a *Assembler) Expire(now int64) {
	if now >= a.due {
		a.expireHoles(now)
	}
	for c := a.lists[lingering].head; c != nil && now-c.stamp >= int64(a.cfg.Linger); c = a.lists[lingering].head {
		if last := max(c.dirs[0].time, c.dirs[1].time); !c.ended && now-last < int64(a.cfg.Linger) {
			a.put(c, lingering, now)
			continue
		}
		a.conclude(c, now)
	}
	for c := a.lists[closing].head; c != nil && now-c.stamp >= int64(a.cfg.Linger); c = a.lists[closing].head {
		wait := a.cfg.Orphan
		if c.dirs[event.Response].finDone {
			wait = a.cfg.Linger
		}
		if last := max(c.since, c.dirs[0].time, c.dirs[1].time); now-last < int64(wait) {
			a.put(c, closing, now)
			continue
		}
		a.conclude(c, now)
	}
	a.expireIdle(halfOpen, min(handshake, a.cfg.Idle), now)
	a.expireIdle(bare, min(handshake, a.cfg.Idle), now)
	a.expireIdle(waiting, a.cfg.Idle, now)
	a.expireIdle(idle, a.cfg.Idle, now)
	a.expireIdle(busy, a.cfg.Idle, now)
}

// conclude ends a connection that lingered.
func (a *Assembler) conclude(c *Conn, now int64) {
	why := Released
	if c.dirs[event.Response].finDone {
		why = Finished
	}
	a.end(c, now, why)
	a.remove(c)
}

// expireIdle gives up the connections of a list that were silent for limit.
func (a *Assembler) expireIdle(p place, limit time.Duration, now int64) {
	for c := a.lists[p].head; c != nil && now-c.stamp >= int64(limit); c = a.lists[p].head {
		if c.handler != nil && p != halfOpen {
			a.tally.Evictions[event.EvictIdle]++
			a.givenUp.note(c.key(), counted)
		}
		a.end(c, now, Idle)
		a.remove(c)
	}
}

func (a *Assembler) expireHoles(now int64) {
	a.due = math.MaxInt64
	for i := len(a.holding) - 1; i >= 0; i-- {
		c := a.holding[i]
		a.current = c
		for dir := event.Request; dir <= event.Response && c.handler != nil; dir++ {
			if c.dirs[dir].waiting() {
				a.settle(c, dir, event.Mark{Time: now}, false)
			}
		}
	}
}

// listHolding notes that d, a direction of c, waits for a hole.
func (a *Assembler) listHolding(c *Conn, d *direction) {
	a.due = min(a.due, d.since+int64(a.cfg.MaxWait))
	if c.holding == 0 {
		a.holding = append(a.holding, c)
		c.holding = int32(len(a.holding))
	}
}

// unlistHolding undoes listHolding unless a direction of c still waits.
func (a *Assembler) unlistHolding(c *Conn) {
	if c.holding == 0 || c.dirs[0].waiting() || c.dirs[1].waiting() {
		return
	}
	last := len(a.holding) - 1
	moved := a.holding[last]
	a.holding[c.holding-1] = moved
	moved.holding = c.holding
	a.holding[last] = nil
	a.holding = a.holding[:last]
	c.holding = 0
}

// end calls the Handler for the last time, after all that waits.
func (a *Assembler) end(c *Conn, t int64, why CloseReason) {
	if c.handler != nil {
		a.current = c
		for dir := event.Request; dir <= event.Response; dir++ {
			for c.dirs[dir].head != nil {
				a.skipHole(c, dir)
			}
		}
		h := c.handler
		c.handler = nil
		h.Close(max(t, c.dirs[0].time, c.dirs[1].time), why)
	}
	c.ended = true
	for i := range c.dirs {
		c.dirs[i].finSeen = c.dirs[i].finDone
	}
	a.unlistHolding(c)
}

// retire starts the linger of c.
func (a *Assembler) retire(c *Conn, t int64) {
	if !c.leaving {
		c.leaving, c.since = true, t
		a.put(c, c.home(), t)
	} else if c.ended && c.place != lingering {
		a.put(c, lingering, t)
	}
}

// released takes the news that the application has closed the socket.
func (a *Assembler) released(c *Conn, s *event.Segment) {
	switch {
	case s.Flags&event.RST != 0:
		a.end(c, s.Time, ResetByServer)
	case !c.leaving && c.since != 0:
		a.end(c, c.since, ResetByClient)
	}
	a.retire(c, s.Time)
}
