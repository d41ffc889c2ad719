// SPDX-License-Identifier: Apache-2.0

package stream

import (
	"github.com/modeltap/modeltap/observer/event"
	"github.com/modeltap/modeltap/observer/llm"
)

// maxPipelined bounds the requests of one connection that wait for an answer.
const maxPipelined = 256

// slot is a request whose answer has not ended.
type slot struct {
	ex      *llm.Exchange // nil when it is no model request
	began   int64         // time of its first byte
	end     uint64        // position after its last byte, 0 while it is being read
	other   bool          // counts in modeltap_other_requests_total
	read    bool          // the application has read it
	head    bool          // HEAD: the answer has no body
	connect bool
	late    bool // it came after the server had closed its side
	unread  bool // the server closed its side without having read it
	chunked bool // its body is
	known   bool // its route belongs to a known API
	status  int
	suspect suspect
	feed    *llm.Feed // reads the answer, which tells of a queue; nil for none
	event   string    // the only event it tells of
}

// suspect is what is remembered of a request that only its answer can make one
// of a model: one without a body on a route of no known API. Nearly none is, so
// that no exchange is opened before.
type suspect struct {
	is             bool
	complete, read int64 // 0 while unknown
	parent         event.Parent
	traced         bool
}

func (c *Conn) youngest() *slot {
	if !c.receiving || len(c.slots) == 0 {
		return nil
	}
	return &c.slots[len(c.slots)-1]
}

func (c *Conn) oldest() *slot {
	if len(c.slots) == 0 {
		return nil
	}
	return &c.slots[0]
}

// pop forgets the oldest slot, whose exchange has been ended.
func (c *Conn) pop() {
	if len(c.slots) == 1 {
		c.receiving = false
	}
	n := copy(c.slots, c.slots[1:])
	c.slots[n] = slot{}
	c.slots = c.slots[:n]
	c.answering = false
}

// abortAll ends every open exchange.
func (c *Conn) abortAll(t int64, o event.Outcome) {
	for i := range c.slots {
		s := &c.slots[i]
		c.abort(s, t, o)
		*s = slot{}
	}
	c.slots = c.slots[:0]
	c.receiving, c.answering = false, false
}

func (c *Conn) abort(s *slot, t int64, o event.Outcome) {
	switch {
	case s.feed != nil && c.answering && s == &c.slots[0]:
		c.closeFeed(s, t, o, false)
	case s.ex == nil:
		if s.other {
			c.shard.Sink.OtherRequest(c.server.Label(), s.status)
		}
	case !c.counts(s) || s.ex.Provisional() && !s.known:
		c.forgo(s)
	case s.late || s.unread:
		// The request crossed the server's close of an idle connection: the
		// client sends it again elsewhere, the server has refused nothing.
		s.ex.Discard()
		c.shard.Sink.OtherRequest(c.server.Label(), 0)
	default:
		s.ex.Abort(t, o)
	}
	s.ex = nil
}

// forgo ends an exchange that is not to be counted. On a server of models it is
// another request if nothing said that its route was a model's.
func (c *Conn) forgo(s *slot) {
	if s.ex.Shared() && c.server.Confirmed() {
		c.shard.Sink.OtherRequest(c.server.Label(), s.status)
	}
	s.ex.Discard()
}

// counts tells whether the exchange of s is to be counted: always on explicit
// targets, on discovered ones once an LLM API exchange was really seen.
func (c *Conn) counts(s *slot) bool {
	if c.server.Explicit {
		return true
	}
	if s.ex.Shared() {
		return false
	}
	if s.known && s.ex.Recognised() {
		c.server.Confirm()
	}
	return s.known && c.server.Confirmed()
}
