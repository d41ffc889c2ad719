// SPDX-License-Identifier: Apache-2.0

package tcp

import "github.com/modeltap/modeltap/observer/event"

// key is a connection's identity. The namespace is split so that the struct
// has no padding and is hashed in one go.
type key struct {
	flow   event.Flow
	ns, hi uint32
}

func keyOf(s *event.Segment) key {
	return key{s.Flow, uint32(s.NetNS), uint32(s.NetNS >> 32)}
}

// maxFree bounds the free list of connections, to about 1 MiB.
const maxFree = 4096

type relation uint8

const (
	stranger  relation = iota // a namesake in another network namespace
	same                      // a segment of this connection
	successor                 // the first of a later connection
)

// resolve finds or makes the connection of s by its flow; nil when there is
// none and s starts none.
func (a *Assembler) resolve(s *event.Segment) *Conn {
	k := keyOf(s)
	for c := a.flows[k]; c != nil; c = c.chain {
		switch c.relation(s) {
		case same:
			a.learn(c, s)
			return c
		case successor:
			a.end(c, s.Time, Replaced)
			a.remove(c)
			return a.create(k, s)
		}
	}
	if s.Flags&event.RST != 0 || s.Flags&event.SYN == 0 && s.Len == 0 {
		return nil
	}
	return a.create(k, s)
}

// relation tells what s, of the same flow and namespace number, is to c.
func (c *Conn) relation(s *event.Segment) relation {
	fits := c.plausible(s)
	known := s.Cookie != 0 && c.Cookie|c.listener != 0
	switch {
	case s.Flags&event.RST != 0:
		// No cookie counts: a control socket may have sent it.
		return pick(fits, same, stranger)
	case s.Flags&event.SYN != 0 && s.Dir == event.Request:
		switch {
		case known && s.Cookie == c.Cookie:
			// An established socket drops it.
			return pick(c.unsure(), successor, same)
		case known && s.Cookie != c.listener && s.NetNS == 0:
			return stranger
		}
		d := &c.dirs[event.Request]
		return pick(c.Whole && d.open && d.start() == s.Seq+1, same, successor)
	case s.Flags&event.SYN == 0 && s.Len == 0:
		return pick(fits, same, stranger)
	case !known || s.Cookie == c.listener:
		return pick(fits, same, successor)
	case s.Cookie == c.Cookie:
		return same
	case fits && (c.Cookie == 0 || c.unsure()):
		return same
	case s.NetNS != 0:
		return successor
	}
	return stranger
}

// unsure says that c.Cookie may be the listener's. Response data, which always
// carries the connection's own, would have corrected it.
func (c *Conn) unsure() bool {
	return c.provisional && c.dirs[event.Response].pos == 0
}

func pick(cond bool, yes, no relation) relation {
	if cond {
		return yes
	}
	return no
}

// learn notes what the cookie of s, a segment of c, says.
func (a *Assembler) learn(c *Conn, s *event.Segment) {
	if c.Group == 0 {
		c.Group = s.Group
	}
	switch {
	case s.Cookie == 0 || s.Flags&event.RST != 0 || s.Cookie == c.listener || s.Cookie == c.Cookie:
		return
	case s.Flags&event.SYN != 0:
		c.listener = s.Cookie
		return
	case c.Cookie == 0:
		c.provisional = c.listener == 0 && s.Dir == event.Request
	case c.unsure():
		a.forget(c)
		c.listener, c.provisional = c.Cookie, false
	default:
		return
	}
	c.Cookie = s.Cookie
	a.cookies[s.Cookie] = c
}

func (a *Assembler) forget(c *Conn) {
	if a.cookies[c.Cookie] == c {
		delete(a.cookies, c.Cookie)
	}
}

func (a *Assembler) create(k key, s *event.Segment) *Conn {
	if a.count >= a.cfg.MaxConnections {
		a.evict(s.Time)
	}
	c := a.free
	if c != nil {
		a.free, c.chain = c.chain, nil
		a.frees--
	} else {
		c = new(Conn)
	}
	c.Flow, c.NetNS, c.Group = s.Flow, s.NetNS, s.Group
	c.Whole = s.Flags&event.SYN != 0
	c.stamp = s.Time
	c.chain = a.flows[k]
	a.flows[k] = c
	a.active.push(c)
	a.count++
	a.learn(c, s)
	a.current = c
	c.handler = a.cfg.New(c, s)
	return c
}

// evict makes room for one connection.
func (a *Assembler) evict(t int64) {
	c := a.closing.head
	if c == nil {
		c = a.active.head
	}
	if c.handler != nil {
		a.tally.Evictions[event.EvictConnections]++
	}
	a.end(c, t, Evicted)
	a.remove(c)
}

// remove takes c out of everything; its Handler is not called.
func (a *Assembler) remove(c *Conn) {
	for i := range c.dirs {
		for d := &c.dirs[i]; d.head != nil; {
			a.freeBlock(a.unhold(d))
		}
		c.dirs[i] = direction{}
	}
	a.unlistHolding(c)
	if c.closing {
		a.closing.remove(c)
	} else {
		a.active.remove(c)
	}
	a.forget(c)
	k := key{c.Flow, uint32(c.NetNS), uint32(c.NetNS >> 32)}
	switch head := a.flows[k]; {
	case head != c:
		for head.chain != c {
			head = head.chain
		}
		head.chain = c.chain
	case c.chain != nil:
		a.flows[k] = c.chain
	default:
		delete(a.flows, k)
	}
	a.count--
	if a.current == c {
		a.current = nil
	}
	*c = Conn{}
	if a.frees < maxFree {
		c.chain, a.free = a.free, c
		a.frees++
	}
}
