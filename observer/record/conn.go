// SPDX-License-Identifier: Apache-2.0

package record

import (
	"github.com/modeltap/modeltap/observer/event"
	"github.com/modeltap/modeltap/observer/http1"
	"github.com/modeltap/modeltap/observer/llm"
)

// connLimit bounds the connections whose place in a message is known. Beyond
// it any one is forgotten, as if it had been joined in the middle.
const connLimit = 16384

type connKey struct {
	flow  event.Flow
	netns uint64
}

// conn is what masking must know of a connection.
type conn struct {
	half [2]half
	fin  [2]bool
	// owed are the requests not yet answered, oldest first.
	owed  []asked
	trees *trees
	// ahead says that the client asks on before it is answered. Once something
	// was lost on such a connection, nobody knows which answer is whose.
	ahead, lost bool
	// Since the last request: an answer may have been lost, a request may have
	// been, an answer to none that was seen has come.
	missed, hole, orphan bool
}

// owedLimit bounds the requests of a connection that wait for their answers.
const owedLimit = 64

// asked is what an answer must know of its request.
type asked struct {
	dialect *llm.Dialect
	feed    bool // the answer tells of the events of Gradio's queue
	head    bool // it has no body, for the method was HEAD
}

// half masks one direction. It implements http1.Handler.
type half struct {
	parser  http1.Parser
	head    headMask
	body    bodyMask
	conn    *conn
	next    uint32 // sequence number of the next byte in order
	ack     uint32 // what the present segment acknowledges of the other direction
	dir     event.Direction
	known   bool // next is valid
	headed  bool // it has had a head
	skipped bool // bytes of this message were skipped
	keep    bool // bodies pass as they are
}

func newConn(pool *http1.Pool, trees *trees, keepText, joined bool) *conn {
	c := &conn{trees: trees, lost: joined}
	for d := range c.half {
		h := &c.half[d]
		h.conn, h.dir, h.keep = c, event.Direction(d), keepText
		h.parser.Init(pool, h.dir, h, joined)
	}
	return c
}

func (c *conn) release() {
	for d := range c.half {
		c.half[d].parser.Release()
	}
}

// mask masks p, a copy of the payload of s, in place. Bytes beyond
// len(s.Payload) stand for skipped ones.
func (h *half) mask(s *event.Segment, p []byte) {
	if s.Len == 0 && len(p) == 0 {
		return
	}
	h.ack = s.Ack
	if !h.known {
		h.next, h.known = s.Seq, true
	}
	ahead := int32(s.Seq - h.next)
	if ahead > 0 {
		h.parser.Gap(int(ahead))
		h.next = s.Seq
	}
	old := min(len(p), int(max(-ahead, 0)))
	for i := range p[:old] {
		p[i] = 'x'
	}
	if int32(s.Seq+s.Len-h.next) <= 0 {
		return
	}
	h.next = s.Seq + s.Len
	n := min(len(s.Payload), len(p))
	if old < n {
		h.parser.Walk(p[old:n], h.run)
	}
	for i := n; i < len(p); i++ {
		p[i] = 'x'
	}
	if missing := int(s.Len) - max(n, old); missing > 0 && s.Flags&event.Skipped != 0 {
		h.parser.Skip(missing)
	} else {
		h.parser.Gap(missing)
	}
}

// run masks bytes whose purpose is known.
func (h *half) run(r http1.Region, p []byte) {
	switch r {
	case http1.RegionHead, http1.RegionTrailer:
		for i, c := range p {
			p[i] = h.head.next(c)
		}
	case http1.RegionBody:
		if h.keep {
			return
		}
		for i, c := range p {
			p[i] = h.body.next(c)
		}
	case http1.RegionFraming:
	case http1.RegionExtension:
		for i, c := range p {
			if c != '\r' && c != '\n' {
				p[i] = 'x'
			}
		}
	default:
		for i := range p {
			p[i] = 'x'
		}
	}
}

// Begin implements http1.Handler.
func (h *half) Begin() { h.head.begin(h.dir) }

// Head implements http1.Handler.
func (h *half) Head(m *http1.Head) http1.Framing {
	h.skipped, h.headed = false, true
	if h.dir == event.Request {
		h.body.reset(kindOf(m), h.conn.ask(m))
		return http1.AsFramed
	}
	of, a := asked{}, h.conn.unknown()
	if m.Status >= 200 {
		of, a = h.conn.answer(m.Status)
	}
	h.body.reset(kindOf(m), a)
	if of.head {
		return http1.NoBody
	}
	return http1.AsFramed
}

// Body implements http1.Handler.
func (h *half) Body([]byte) {}

// BodySkip implements http1.Handler.
func (h *half) BodySkip(int) {
	h.skipped = true
	h.body.lose()
}

// BodyGap implements http1.Handler.
func (h *half) BodyGap(int) { h.body.lose() }

// ChunkEnd implements http1.Handler.
func (h *half) ChunkEnd() {}

// End implements http1.Handler. An answer ends a request whose own end was
// skipped.
func (h *half) End(bool) {
	if request := &h.conn.half[event.Request]; h.dir == event.Response && request.skipped {
		request.skipped = false
		request.parser.Giveup()
	} else if h.dir == event.Request {
		h.skipped = false
	}
}

// Lost implements http1.Handler.
func (h *half) Lost(event.ParseReason) {
	c := h.conn
	c.lost = true
	c.missed = c.missed || h.dir == event.Response
	c.hole = c.hole || h.dir == event.Request
}

// unseen tells whether the other side has had bytes of h, by the present
// segment of its own, that were not seen, or not understood.
func (h *half) unseen() bool {
	end := h.next
	if h.conn.fin[h.dir] {
		end++ // FIN takes a number (RFC 9293 section 3.4)
	}
	return h.known && (!h.headed && h.conn.lost || int32(h.conn.half[1-h.dir].ack-end) > 0)
}
