// SPDX-License-Identifier: Apache-2.0

package stream

import (
	"github.com/modeltap/modeltap/observer/event"
	"github.com/modeltap/modeltap/observer/http1"
	"github.com/modeltap/modeltap/observer/llm"
)

// gradio takes a GET request for a stream of Gradio's queue, and tells whether
// it is one.
func (c *Conn) gradio(s *slot, h *http1.Head) bool {
	kind, id := llm.GradioStreamOf(h.Target)
	switch kind {
	case llm.GradioSession:
		s.feed = c.feed()
	case llm.GradioEvent:
		q := c.shard.queues[c.server]
		if q == nil || q.byID[string(id)] == nil {
			return false
		}
		s.feed = c.feed()
		s.event = string(id)
	case llm.GradioJoin:
		if len(id) == 0 {
			return false // until 4.0 the queue is a WebSocket
		}
		s.ex = c.shard.LLM.Open(c.server.Label(), llm.GradioQueue(), c.began, false)
		s.known = true
		s.feed = c.feed()
	default:
		return false
	}
	return true
}

func (c *Conn) feed() *llm.Feed {
	return &llm.Feed{
		Find: func(id []byte) *llm.Exchange {
			q := c.shard.queues[c.server]
			if q == nil || q.byID[string(id)] == nil {
				return nil
			}
			n := q.byID[string(id)]
			n.stream = c
			return n.ex
		},
		Finish: c.finish,
		Broken: func(t int64) {
			c.unqueue(func(e *llm.Exchange) { e.Fail(t) })
		},
	}
}

// finish ends an exchange whose output has ended.
func (c *Conn) finish(e *llm.Exchange, t int64) {
	if s := c.oldest(); s != nil && s.ex == e {
		s.ex = nil
		c.unfeed(e)
		if !c.server.Explicit && e.Recognised() {
			c.server.Confirm()
		}
		if !c.server.Explicit && !c.server.Confirmed() {
			e.Discard()
			return
		}
		e.ResponseEnd(t, false)
		return
	}
	q := c.shard.queues[c.server]
	for n := q.oldest; n != nil; n = n.next {
		if n.ex == e {
			c.unfeed(e)
			c.shard.end(q, n, func(e *llm.Exchange) { e.ResponseEnd(t, false) })
			return
		}
	}
}

// unfeed makes the stream of c forget an exchange that ends.
func (c *Conn) unfeed(e *llm.Exchange) {
	for i := range c.slots {
		if f := c.slots[i].feed; f != nil {
			f.Forget(e)
		}
	}
}

// unqueue ends every queued exchange that the stream of c has told of.
func (c *Conn) unqueue(done func(*llm.Exchange)) {
	q := c.shard.queues[c.server]
	if q == nil {
		return
	}
	for n := q.oldest; n != nil; {
		next := n.next
		if n.stream == c {
			c.unfeed(n.ex)
			c.shard.end(q, n, done)
		}
		n = next
	}
}

// openFeed begins the stream of s, whose answer h begins.
func (c *Conn) openFeed(s *slot, h *http1.Head) {
	model := h.Status < 300 && llm.Streams(h.Status, h.ContentType, h.Chunked)
	if len(h.ContentEncoding) > 0 && model {
		c.shard.Tally.Unobserved[event.UnobservedCompressed]++
		model = false
	}
	if !model {
		s.feed = nil
		if s.ex == nil {
			s.other = c.server.Confirmed()
		}
		return
	}
	only := s.ex
	if s.event != "" {
		if q := c.shard.queues[c.server]; q != nil && q.byID[s.event] != nil {
			n := q.byID[s.event]
			n.stream = c
			only = n.ex
		}
	}
	if only != nil && only == s.ex {
		only.ResponseHead(c.answerBegan, h.Status, h.ContentType, nil, h.Chunked)
		only.Queue()
	}
	s.feed.Open(c.shard.LLM, only, s.event != "")
}

// missed notes a loss in the stream of s.
func (c *Conn) missed(s *slot) {
	s.feed.Gap(c.mark[event.Response])
	if s.ex != nil {
		s.ex.Missed()
	}
	if q := c.shard.queues[c.server]; q != nil {
		for n := q.oldest; n != nil; n = n.next {
			if n.stream == c {
				n.ex.Missed()
			}
		}
	}
}

// closeFeed ends the stream of s at t; what it has not told the end of ends as
// o says.
func (c *Conn) closeFeed(s *slot, t int64, o event.Outcome, complete bool) {
	s.feed.Close(complete)
	s.feed = nil
	if s.ex != nil {
		e := s.ex
		s.ex = nil
		if !c.server.Explicit && !c.server.Confirmed() {
			e.Discard()
		} else {
			e.Abort(t, o)
		}
	}
	c.unqueue(func(e *llm.Exchange) { e.Abort(t, o) })
}
