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

func (c *Conn) key() key {
	return key{c.Flow, uint32(c.NetNS), uint32(c.NetNS >> 32)}
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
			why := Replaced
			if !c.leaving && c.since != 0 {
				why = ResetByClient
			}
			a.end(c, s.Time, why)
			a.remove(c)
			return a.create(k, s)
		}
	}
	if s.Flags&event.RST != 0 || s.Flags&(event.SYN|event.First) == 0 && s.Len == 0 {
		return nil
	}
	return a.create(k, s)
}

// relation tells what s, of the same flow and namespace number, is to c. The
// first row that applies decides:
//
//	segment       cookie                      numbers             it is
//	RST           (a control socket's)        believed            same
//	                                          else                stranger
//	SYN           none counts                 its own SYN again   same
//	                                          c lives on          same (*)
//	                                          else                successor
//	SYN-ACK       none counts                 to its own SYN      same
//	                                          else                successor
//	no payload    any                         fit                 same
//	                                          else                stranger
//	payload       one is unknown, or both     fit                 same
//	              are the listener's          else                successor
//	              equal                       any                 same
//	              c's may be the listener's   fit                 same
//	              differ                      any                 successor; stranger where
//	                                                              nothing tells the namespace
//
// (*) Whoever knows the addresses can send one, and a live socket does not take
// it (RFC 5961 section 4). If a new connection really begins, the SYN-ACK tells.
func (c *Conn) relation(s *event.Segment) relation {
	d, o := &c.dirs[s.Dir], &c.dirs[1-s.Dir]
	fits := c.plausible(s)
	switch {
	case s.Flags&event.RST != 0:
		return pick(c.believes(s), same, stranger)
	case s.Flags&event.SYN != 0 && s.Dir == event.Request:
		lives := c.place != halfOpen && !c.leaving && !c.ended
		return pick(lives || c.Whole && d.open && d.start() == s.Seq+1, same, successor)
	case s.Flags&event.SYN != 0 && d.open:
		return pick(c.Whole && d.start() == s.Seq+1, same, successor)
	case s.Flags&event.SYN != 0:
		return pick(c.Whole && o.open && o.start() == s.Ack, same, successor)
	case s.Len == 0:
		return pick(fits, same, stranger)
	case s.Cookie == 0 || c.Cookie == 0 || s.Cookie == c.Cookie && c.unsure():
		return pick(fits, same, successor)
	case s.Cookie == c.Cookie || c.unsure() && fits:
		return same
	case s.NetNS != 0:
		return successor
	}
	return stranger
}

// unsure says that c.Cookie may be the listener's. Response data, which always
// carries the connection's own, would have corrected it.
func (c *Conn) unsure() bool { return c.door && c.dirs[event.Response].pos == 0 }

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
	case s.Cookie == 0 || s.Flags&(event.SYN|event.RST) != 0 || s.Cookie == c.Cookie:
		return
	case c.Cookie != 0 && !c.unsure():
		return
	}
	a.forget(c)
	c.door = c.Cookie == 0 && s.Dir == event.Request
	c.Cookie = s.Cookie
	a.cookies[s.Cookie] = c
}

func (a *Assembler) forget(c *Conn) {
	if a.cookies[c.Cookie] == c {
		delete(a.cookies, c.Cookie)
	}
}

// create makes the connection of s; nil when there is no room for it.
func (a *Assembler) create(k key, s *event.Segment) *Conn {
	half := s.Flags&event.SYN != 0 && s.Len == 0
	whole := s.Flags&(event.SYN|event.First) != 0
	before := a.givenUp.look(k)
	if !a.admit(s.Time) {
		if before != refused {
			a.tally.Evictions[event.EvictRefused]++
			a.givenUp.note(k, refused)
		}
		return nil
	}
	c := a.free
	if c != nil {
		a.free, c.chain = c.chain, nil
		a.frees--
	} else {
		c = new(Conn)
	}
	c.Flow, c.NetNS, c.Group = s.Flow, s.NetNS, s.Group
	c.Whole, c.Rejoined = whole, before == counted && !whole
	c.stamp = unlisted
	c.chain = a.flows[k]
	a.flows[k] = c
	if half {
		a.put(c, halfOpen, s.Time)
	} else {
		a.put(c, bare, s.Time)
	}
	a.count++
	a.learn(c, s)
	a.current = c
	if c.handler = a.cfg.New(c, s); c.handler != nil && !half {
		a.put(c, c.home(), s.Time)
	}
	return c
}

// remove takes c out of everything; its Handler is not called.
func (a *Assembler) remove(c *Conn) {
	for dir := event.Request; dir <= event.Response; dir++ {
		for d := &c.dirs[dir]; d.head != nil; {
			a.freeBlock(a.unhold(c, dir))
		}
		c.dirs[dir] = direction{}
	}
	a.unlistHolding(c)
	a.lists[c.place].remove(c)
	a.forget(c)
	k := c.key()
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
	a.budget.Disconnect()
	if a.current == c {
		a.current = nil
	}
	*c = Conn{}
	if a.frees < maxFree {
		c.chain, a.free = a.free, c
		a.frees++
	}
}
