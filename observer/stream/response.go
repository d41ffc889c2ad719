// SPDX-License-Identifier: Apache-2.0

package stream

import (
	"github.com/modeltap/modeltap/observer/event"
	"github.com/modeltap/modeltap/observer/http1"
	"github.com/modeltap/modeltap/observer/llm"
)

// responses implements http1.Handler for the response direction.
type responses Conn

func (r *responses) Begin() { r.answerBegan = r.mark[event.Response].Time }

func (r *responses) Head(h *http1.Head) http1.Framing {
	c := (*Conn)(r)
	if h.Status/100 == 1 && h.Status != 101 {
		return http1.AsFramed
	}
	s := c.oldest()
	if s == nil {
		c.orphanHead(h)
		return http1.AsFramed
	}
	c.answering = true
	s.status = h.Status
	if c.unframed && len(c.slots) == 1 {
		// Part of a chunked upload was not captured: its answer ends it.
		c.request.Giveup()
		(*requests)(c).End(true)
	}
	if h.Status == 101 || s.connect && h.Status/100 == 2 {
		c.tunnel(s)
		return http1.Tunnel
	}
	c.decide(s, h)
	if s.head {
		return http1.NoBody
	}
	return http1.AsFramed
}

// decide settles by its answer whether s is a model request.
func (c *Conn) decide(s *slot, h *http1.Head) {
	if s.suspect.is {
		c.unmask(s, h)
	}
	if s.feed != nil {
		c.openFeed(s, h)
		if s.feed != nil {
			return
		}
	}
	if s.ex == nil {
		return
	}
	model := s.ex.ResponseHead(c.answerBegan, h.Status, h.ContentType, h.ContentEncoding, h.Chunked)
	refused := h.Status == 304 || (!s.known || s.ex.Shared()) && (h.Status == 404 || h.Status == 405)
	if refused || !model && !s.known {
		s.ex.Discard()
		s.ex, s.other = nil, c.server.Confirmed()
	}
}

// unmask settles by its answer whether a suspect is a model request.
func (c *Conn) unmask(s *slot, h *http1.Head) {
	is := s.suspect
	s.suspect.is = false
	if !llm.Streams(h.Status, h.ContentType, h.Chunked) {
		s.other = c.server.Confirmed()
		return
	}
	s.ex = c.shard.LLM.Open(c.server.Label(), llm.Generic(), s.began, true)
	if is.traced {
		s.ex.Trace(is.parent)
	}
	if is.complete != 0 {
		s.ex.RequestEnd(is.complete)
	}
	if is.read != 0 {
		s.ex.SocketRead(is.read)
	}
}

// orphanHead meets an answer whose request was not seen. Of an event stream it
// is certain that it answered a model request.
func (c *Conn) orphanHead(h *http1.Head) {
	if c.orphan || c.whole || !c.server.Explicit {
		return
	}
	e := c.shard.LLM.Open(c.server.Label(), llm.Generic(), c.answerBegan, true)
	if !e.ResponseHead(c.answerBegan, h.Status, h.ContentType, h.ContentEncoding, h.Chunked) {
		e.Discard()
		return
	}
	c.orphan = true
	e.Abort(c.answerBegan, event.Incomplete)
}

// tunnel gives the connection up to another protocol.
func (c *Conn) tunnel(s *slot) {
	s.feed = nil
	if s.ex != nil {
		s.ex.Discard()
		s.ex = nil
	}
	s.other = c.server.Confirmed()
	c.refuse(event.UnobservedUnknown)
	c.abortAll(c.answerBegan, event.Incomplete)
}

// told returns the slot whose answer tells of a queue, if that is being read.
func (c *Conn) told() *slot {
	if !c.answering || c.slots[0].feed == nil {
		return nil
	}
	return &c.slots[0]
}

func (c *Conn) exchange() *llm.Exchange {
	if !c.answering {
		return nil
	}
	return c.slots[0].ex
}

func (r *responses) Body(p []byte) {
	if s := (*Conn)(r).told(); s != nil {
		s.feed.Write(r.mark[event.Response], p)
		return
	}
	if e := (*Conn)(r).exchange(); e != nil {
		e.ResponseBody(r.mark[event.Response], p)
	}
}

func (r *responses) BodySkip(n int) { r.BodyGap(n) }

func (r *responses) BodyGap(n int) {
	if s := (*Conn)(r).told(); s != nil {
		(*Conn)(r).missed(s)
		return
	}
	if e := (*Conn)(r).exchange(); e != nil {
		e.ResponseMissing(r.mark[event.Response], n)
	}
}

func (r *responses) ChunkEnd() {
	if e := (*Conn)(r).exchange(); e != nil {
		e.ChunkEnd(r.mark[event.Response])
	}
}

func (r *responses) End(complete bool) {
	c := (*Conn)(r)
	if !c.answering {
		return
	}
	s := &c.slots[0]
	if !complete {
		// Lost or the end of the stream follows and ends the exchange.
		return
	}
	t := c.mark[event.Response].Time
	if s.ex != nil && s.feed == nil {
		s.ex.EndBody()
	}
	switch {
	case s.feed != nil:
		c.closeFeed(s, t, event.ServerAbort, true)
	case s.ex == nil:
		if s.other {
			c.shard.Sink.OtherRequest(c.server.Label(), s.status)
		}
	case c.enqueue(s, t):
	case !c.counts(s):
		c.forgo(s)
	default:
		s.ex.ResponseEnd(t, c.clientGone)
	}
	c.answered = true
	c.pop()
}

func (r *responses) Lost(why event.ParseReason) {
	c := (*Conn)(r)
	c.shard.Tally.ParseErrors[event.ProtoHTTP1][why]++
	c.shard.Tally.Resyncs++
	c.abortAll(c.mark[event.Response].Time, event.Incomplete)
}
