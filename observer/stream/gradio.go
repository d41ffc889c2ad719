// SPDX-License-Identifier: Apache-2.0

package stream

import (
	"github.com/modeltap/modeltap/observer/event"
	"github.com/modeltap/modeltap/observer/http1"
	"github.com/modeltap/modeltap/observer/llm"
	"github.com/modeltap/modeltap/observer/target"
)

const (
	// maxQueued bounds the requests of one server that wait in its queue, as
	// far as they are followed.
	maxQueued = 1024
	// maxUnasked (ns) is how long a queued request is followed while no stream
	// has told of it.
	maxUnasked = 300e9
)

// queue holds the requests to one server's queue (Gradio) whose output comes
// over another connection.
type queue struct {
	server *target.Server
	byID   map[string]*queued
	oldest *queued
	newest *queued
}

// queued is a request that waits for its output.
type queued struct {
	ex          *llm.Exchange
	id, session string
	since       int64
	stream      *Conn // that has told of it; nil for none yet
	prev, next  *queued
}

// enqueue follows the request of s, which was answered with a ticket.
func (c *Conn) enqueue(s *slot, t int64) bool {
	id, session, queues := s.ex.Ticket()
	if !queues {
		return false
	}
	if id == nil {
		// It was taken, and what became of it cannot be known.
		c.endUnknown(s, t)
		return true
	}
	q := c.shard.queues[c.server]
	if q == nil {
		q = &queue{server: c.server, byID: map[string]*queued{}}
		if c.shard.queues == nil {
			c.shard.queues = map[*target.Server]*queue{}
		}
		c.shard.queues[c.server] = q
	}
	if old := q.byID[string(id)]; old != nil {
		c.shard.giveUp(q, old, t, event.UnpairedMany)
	}
	if len(q.byID) >= maxQueued {
		c.shard.giveUp(q, q.oldest, t, event.UnpairedMany)
	}
	n := &queued{ex: s.ex, id: string(id), session: string(session), since: t, prev: q.newest}
	if q.newest != nil {
		q.newest.next = n
	} else {
		q.oldest = n
	}
	q.newest = n
	q.byID[n.id] = n
	s.ex.Queue()
	s.ex = nil
	return true
}

func (c *Conn) endUnknown(s *slot, t int64) {
	if !c.counts(s) {
		s.ex.Discard()
	} else {
		s.ex.Abort(t, event.Incomplete)
	}
	s.ex = nil
}

func (q *queue) remove(n *queued) {
	delete(q.byID, n.id)
	if n.prev != nil {
		n.prev.next = n.next
	} else {
		q.oldest = n.next
	}
	if n.next != nil {
		n.next.prev = n.prev
	} else {
		q.newest = n.prev
	}
}

// end ends a queued exchange by done, if the server is one of models.
func (s *Shard) end(q *queue, n *queued, done func(*llm.Exchange)) {
	q.remove(n)
	if !q.server.Explicit && n.ex.Recognised() {
		q.server.Confirm()
	}
	if !q.server.Explicit && !q.server.Confirmed() {
		done = (*llm.Exchange).Discard
	}
	done(n.ex)
}

// giveUp stops to follow a queued request.
func (s *Shard) giveUp(q *queue, n *queued, t int64, why event.Unpaired) {
	if n.stream != nil {
		n.stream.unfeed(n.ex)
	}
	s.Tally.Unpaired[why]++
	s.end(q, n, func(e *llm.Exchange) { e.Abort(t, event.Incomplete) })
}

// Expire gives up the queued requests of which no stream tells, at time now.
func (s *Shard) Expire(now int64) {
	for server, q := range s.queues {
		for n := q.oldest; n != nil && now-n.since >= maxUnasked; {
			next := n.next
			if n.stream == nil {
				s.giveUp(q, n, now, event.UnpairedWaited)
			}
			n = next
		}
		if len(q.byID) == 0 {
			delete(s.queues, server)
		}
	}
}

// Close ends the queued requests, at time now: nothing more will come.
func (s *Shard) Close(now int64) {
	for _, q := range s.queues {
		for q.oldest != nil {
			s.end(q, q.oldest, func(e *llm.Exchange) { e.Abort(now, event.Incomplete) })
		}
	}
	clear(s.queues)
}

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
		s.ex = c.shard.LLM.Open(c.server.Name, llm.GradioQueue(), c.began, false)
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
