// SPDX-License-Identifier: Apache-2.0

package tcp

import "github.com/modeltap/modeltap/observer/event"

// run is a stretch of one direction: n bytes from seq on, of which the first
// len(p) are there and the rest was skipped or lost.
type run struct {
	seq, n  uint32
	p       []byte
	m       event.Mark
	skipped bool
}

// after returns r without its first k bytes.
func (r run) after(k uint32) run {
	k = min(k, r.n)
	r.seq += k
	r.n -= k
	r.p = r.p[min(int(k), len(r.p)):]
	return r
}

// upto returns the first k bytes of r.
func (r run) upto(k uint32) run {
	r.n = min(k, r.n)
	r.p = r.p[:min(int(r.n), len(r.p))]
	return r
}

func mark(s *event.Segment) event.Mark {
	return event.Mark{Time: s.Time, RTT: s.RTT, Limited: s.Flags&event.Limited != 0}
}

// deliver hands r over, which begins at the position of its direction.
func deliver(a *Assembler, c *Conn, dir event.Direction, r run) {
	d := &c.dirs[dir]
	r.m.Time = max(r.m.Time, d.time)
	d.time = r.m.Time
	if !c.leaving {
		c.since = 0
	}
	d.next += r.n
	d.pos += uint64(r.n)
	p := r.p[:min(len(r.p), int(r.n))]
	rest := int(r.n) - len(p)
	if len(p) > 0 {
		c.handler.Data(dir, r.m, p)
	}
	switch {
	case rest == 0:
	case r.skipped:
		a.tally.SkippedBytes += uint64(rest)
		c.handler.Skip(dir, r.m, rest)
	default:
		a.tally.Gaps++
		a.tally.GapBytes += uint64(rest)
		c.handler.Gap(dir, r.m, rest)
	}
	if c.State != c.listed {
		a.put(c, c.home(), r.m.Time)
	}
}

// gapTo gives up what is missing up to seq, and hands over what follows it.
func (a *Assembler) gapTo(c *Conn, dir event.Direction, seq uint32, m event.Mark) {
	d := &c.dirs[dir]
	for n := seq - d.next; n != 0; n = seq - d.next {
		if d.head != nil {
			n = min(n, d.head.seq-d.next)
		}
		if n != 0 {
			deliver(a, c, dir, run{d.next, n, nil, m, false})
		}
		a.drain(c, dir)
		if int32(seq-d.next) <= 0 {
			return
		}
	}
}

// drain hands over the held blocks that are in order now.
func (a *Assembler) drain(c *Conn, dir event.Direction) {
	d := &c.dirs[dir]
	for d.head != nil && d.head.seq == d.next {
		b := a.unhold(c, dir)
		deliver(a, c, dir, run{b.seq, b.n, b.data[:b.used],
			event.Mark{Time: b.time, RTT: b.rtt, Limited: b.limited}, b.skipped})
		a.freeBlock(b)
	}
}

// skipHole gives up the first hole of a direction that waits.
func (a *Assembler) skipHole(c *Conn, dir event.Direction) {
	d := &c.dirs[dir]
	if b := d.head; b != nil {
		a.gapTo(c, dir, b.seq, event.Mark{Time: b.time, RTT: b.rtt})
	} else {
		a.gapTo(c, dir, d.fin, event.Mark{Time: d.since})
	}
}

// unusual takes everything but the next data in order.
func (a *Assembler) unusual(c *Conn, s *event.Segment) {
	d := &c.dirs[s.Dir]
	if s.Flags&event.RST != 0 {
		why := ResetByClient
		if s.Dir == event.Response {
			why = ResetByServer
		}
		a.end(c, s.Time, why)
		a.retire(c, s.Time)
		return
	}
	r := run{s.Seq, s.Len, s.Payload, mark(s), s.Flags&event.Skipped != 0}
	if s.Flags&event.SYN != 0 {
		r.seq++
		a.synchronize(c, s)
	}
	if !d.open {
		if s.Len == 0 && s.Flags&(event.FIN|event.First) == 0 {
			return
		}
		d.open, d.next = true, r.seq
	}
	if d.finDone {
		return
	}
	ordered := s.Flags&event.Ordered != 0
	if !ordered && !c.plausible(s) {
		a.tally.ParseErrors[event.ProtoTCP][event.ReasonMalformed]++
		return
	}
	if s.Flags&event.FIN != 0 && !d.finSeen {
		a.sawFIN(d, r, s.Time)
	}
	if ordered {
		// Only the sender's own order counts here: what lies further back
		// than any window is ahead by more than half the sequence space.
		if ahead := r.seq - d.next; ahead < 1<<32-maxJump {
			a.gapTo(c, s.Dir, r.seq, r.m)
		}
	}
	a.place(c, s.Dir, r)
	a.settle(c, s.Dir, r.m, ordered)
}

// synchronize notes the start of the stream that a SYN or SYN-ACK states.
func (a *Assembler) synchronize(c *Conn, s *event.Segment) {
	d, o := &c.dirs[s.Dir], &c.dirs[1-s.Dir]
	if !d.open {
		d.open, d.next = true, s.Seq+1
	}
	if s.Flags&event.ACK != 0 && !o.open {
		o.open, o.next = true, s.Ack
	}
}

// sawFIN notes where a direction ends. One place below the position is taken
// for it, because an acknowledgment that covers an unseen FIN looks as if it
// covered a byte more.
func (a *Assembler) sawFIN(d *direction, r run, t int64) {
	fin := r.seq + r.n
	switch ahead := int32(fin - d.next); {
	case ahead < -1:
		return
	case ahead < 0:
		fin = d.next
	case d.tail != nil && int32(d.tail.seq+d.tail.n-fin) > 0:
		return
	}
	d.fin, d.finSeen = fin, true
	if d.head == nil {
		d.since = t
	}
}

// settle ends what can be ended after r was placed: the direction, or the
// wait for a hole.
func (a *Assembler) settle(c *Conn, dir event.Direction, m event.Mark, lost bool) {
	d := &c.dirs[dir]
	for d.waiting() {
		if d.finSeen && d.next == d.fin {
			a.finish(c, dir, m)
			break
		}
		if d.head != nil {
			d.since = d.head.time
		}
		if !lost && m.Time-d.since < int64(a.cfg.MaxWait) {
			a.listHolding(c, d)
			return
		}
		a.skipHole(c, dir)
	}
	a.unlistHolding(c)
}

// finish ends a direction in order.
func (a *Assembler) finish(c *Conn, dir event.Direction, m event.Mark) {
	d := &c.dirs[dir]
	for d.head != nil { // bytes beyond the FIN
		a.freeBlock(a.unhold(c, dir))
	}
	d.finDone = true
	m.Time = max(m.Time, d.time)
	d.time = m.Time
	c.handler.FIN(dir, m)
	if c.State != c.listed {
		a.put(c, c.home(), m.Time)
	}
	if c.dirs[1-dir].finDone {
		a.end(c, m.Time, Finished)
	}
	if c.ended || dir == event.Response {
		a.retire(c, m.Time)
	}
}
