// SPDX-License-Identifier: Apache-2.0

package tcp

import "github.com/modeltap/modeltap/observer/event"

// place is the list that a connection is in, by what would be lost with it:
// the first are the first to go when there is no room.
type place uint8

const (
	lingering place = iota // ended, or about to end with nothing open: remembered only
	halfOpen               // its client has shown nothing but a SYN
	bare                   // without a Handler
	waiting                // no request is open, but memory is held for one that may be
	idle                   // no request is open
	busy                   // a request is open
	closing                // the socket or the server's side is closed, and a request is open
	places
)

// home returns the place where c belongs, whose handshake is over.
func (c *Conn) home() place {
	switch {
	case c.ended || c.leaving && c.State != Busy:
		return lingering
	case c.leaving:
		return closing
	case c.handler == nil:
		return bare
	case c.State == Busy:
		return busy
	case c.State == Waiting:
		return waiting
	}
	return idle
}

// put moves c to the end of list p, at time t.
func (a *Assembler) put(c *Conn, p place, t int64) {
	if c.stamp != unlisted {
		a.lists[c.place].remove(c)
	}
	c.place, c.stamp, c.listed = p, t, c.State
	a.lists[p].push(c)
}

// touch notes that s shows c to be active.
func (a *Assembler) touch(c *Conn, s *event.Segment) {
	if c.place == halfOpen {
		if (s.Dir == event.Request || s.Len > 0) && s.Flags&(event.SYN|event.RST) == 0 {
			a.put(c, c.home(), s.Time)
		}
		return
	}
	if !c.leaving && !c.ended && s.Time-c.stamp > a.grain {
		a.put(c, c.place, s.Time)
	}
}

// list is an intrusive list of connections, oldest stamp first.
type list struct {
	head, tail *Conn
	n          int
}

func (l *list) push(c *Conn) {
	c.prev, c.next = l.tail, nil
	if l.tail != nil {
		l.tail.next = c
	} else {
		l.head = c
	}
	l.tail = c
	l.n++
}

func (l *list) remove(c *Conn) {
	if c.prev != nil {
		c.prev.next = c.next
	} else {
		l.head = c.next
	}
	if c.next != nil {
		c.next.prev = c.prev
	} else {
		l.tail = c.prev
	}
	c.prev, c.next = nil, nil
	l.n--
}
