// SPDX-License-Identifier: Apache-2.0

package tcp

import "github.com/modeltap/modeltap/observer/event"

// place hands over what of r is in order and new, and holds what is ahead.
func (a *Assembler) place(c *Conn, dir event.Direction, r run) {
	d := &c.dirs[dir]
	if d.finSeen {
		left := int32(d.fin - r.seq)
		r = r.upto(uint32(max(left, 0)))
	}
	for r.n > 0 {
		switch ahead := int32(r.seq - d.next); {
		case ahead < 0:
			r = r.after(uint32(-ahead))
		case ahead > 0:
			if a.room(c, dir, r) {
				a.hold(c, dir, r)
				return
			}
		default:
			now := r
			if d.head != nil {
				now = r.upto(d.head.seq - r.seq)
			}
			deliver(a, c, dir, now)
			r = r.after(now.n)
			a.drain(c, dir)
		}
	}
}

// cost is the memory that holding r takes when nothing of it is there yet.
func (r run) cost() int {
	return max(1, (len(r.p)+blockData-1)/blockData) * blockSize
}

// room makes space to hold r by giving up holes. It returns false when r has
// become the next data in the course of that.
func (a *Assembler) room(c *Conn, dir event.Direction, r run) bool {
	d := &c.dirs[dir]
	cost := r.cost()
	full := !a.fits(dir, cost)
	if full {
		a.tally.Evictions[event.EvictBuffer]++
	}
	for full || int(d.bytes)+cost > a.cfg.MaxDirection {
		if d.head == nil || int32(d.head.seq-r.seq) > 0 {
			a.gapTo(c, dir, r.seq, r.m)
			return false
		}
		a.skipHole(c, dir)
		if int32(r.seq-d.next) <= 0 {
			return false
		}
		full = !a.fits(dir, cost)
	}
	return true
}

// fits says whether the budget has cost bytes for data of dir.
func (a *Assembler) fits(dir event.Direction, cost int) bool {
	if !a.budget.Take(cost, claim[dir]) {
		return false
	}
	a.budget.Give(cost, claim[dir])
	return true
}

// hold keeps what of r is not held yet. When overlaps cut it into more blocks
// than the limit allows, the rest is as good as not seen.
func (a *Assembler) hold(c *Conn, dir event.Direction, r run) {
	d := &c.dirs[dir]
	at := &d.head
	if d.tail != nil && int32(r.seq-d.tail.seq-d.tail.n) >= 0 {
		at = &d.tail.next
	}
	for r.n > 0 {
		b := *at
		piece := r
		if b != nil {
			if ahead := int32(b.seq - r.seq); ahead <= 0 {
				if over := int32(b.seq + b.n - r.seq); over > 0 {
					r = r.after(uint32(over))
				}
				at = &b.next
				continue
			} else {
				piece = r.upto(uint32(ahead))
			}
		}
		if len(piece.p) > blockData {
			piece = piece.upto(blockData)
		}
		if int(d.bytes)+blockSize > a.cfg.MaxDirection || !a.budget.Take(blockSize, claim[dir]) {
			return
		}
		a.insert(d, at, piece)
		at = &(*at).next
		r = r.after(piece.n)
	}
}

func (a *Assembler) insert(d *direction, at **block, r run) {
	b := a.newBlock()
	d.bytes += blockSize
	b.seq, b.n, b.used = r.seq, r.n, uint32(copy(b.data[:], r.p))
	b.time, b.rtt, b.limited, b.skipped = r.m.Time, r.m.RTT, r.m.Limited, r.skipped
	b.next, *at = *at, b
	if b.next == nil {
		d.tail = b
	}
}

// acknowledged uses the acknowledgment number of s as news about the other
// direction.
func (a *Assembler) acknowledged(c *Conn, s *event.Segment) {
	dir := 1 - s.Dir
	d := &c.dirs[dir]
	if !d.open {
		if c.Whole && s.Flags&(event.SYN|event.RST) == 0 && s.Len > 0 {
			d.open, d.next = true, s.Ack
		}
		return
	}
	// A client can acknowledge what it likes; the observed server's own
	// numbers are its TCP's.
	if ahead := int32(s.Ack - d.next); s.Dir == event.Request && ahead > int32(a.cfg.MaxDirection) || !c.plausible(s) {
		return
	}
	a.has(c, dir, s.Ack, s.Time)
}

// has says that the receiver of dir has everything below seq: what is missing
// there is a loss of capture.
func (a *Assembler) has(c *Conn, dir event.Direction, seq uint32, t int64) {
	d := &c.dirs[dir]
	if d.finSeen && int32(seq-d.fin) > 0 {
		seq = d.fin
	}
	ahead := int32(seq - d.next)
	if d.finDone || ahead <= 0 || ahead > maxJump || ahead == 1 && !d.waiting() {
		return // one place ahead with nothing waiting: a FIN that was not seen
	}
	m := event.Mark{Time: t}
	if b := d.head; b != nil && int32(b.seq-seq) <= 0 {
		m.Time = b.time
	}
	a.gapTo(c, dir, seq, m)
	a.settle(c, dir, event.Mark{Time: t}, false)
}
