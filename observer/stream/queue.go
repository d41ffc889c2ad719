// SPDX-License-Identifier: Apache-2.0

package stream

import (
	"github.com/modeltap/modeltap/observer/event"
	"github.com/modeltap/modeltap/observer/llm"
	"github.com/modeltap/modeltap/observer/servers"
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
	server *servers.Server
	byID   map[string]*queued
	oldest *queued
	newest *queued
}

// queued is a request that waits for its output.
type queued struct {
	ex          *llm.Exchange
	id, session string
	since       int64
	stream      *call // whose answer has told of it; nil for none yet
	prev, next  *queued
}

// enqueue follows the request of k, which was answered with a ticket.
func (k *call) enqueue(t int64) bool {
	c := k.conn
	id, session, queues := k.ex.Ticket()
	if !queues {
		return false
	}
	if id == nil {
		// It was taken, and what became of it cannot be known.
		k.endUnknown(t)
		return true
	}
	q := c.shard.queues[c.server]
	if q == nil {
		q = &queue{server: c.server, byID: map[string]*queued{}}
		if c.shard.queues == nil {
			c.shard.queues = map[*servers.Server]*queue{}
		}
		c.shard.queues[c.server] = q
	}
	if old := q.byID[string(id)]; old != nil {
		c.shard.giveUp(q, old, t, event.UnpairedMany)
	}
	if len(q.byID) >= maxQueued {
		c.shard.giveUp(q, q.oldest, t, event.UnpairedMany)
	}
	n := &queued{ex: k.ex, id: string(id), session: string(session), since: t, prev: q.newest}
	if q.newest != nil {
		q.newest.next = n
	} else {
		q.oldest = n
	}
	q.newest = n
	q.byID[n.id] = n
	k.ex.Queue()
	return true
}

func (k *call) endUnknown(t int64) {
	if !k.counts() {
		k.ex.Discard()
	} else {
		k.ex.Abort(t, event.Incomplete)
	}
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
	if n.stream != nil {
		n.stream.unfeed(n.ex)
	}
	if !proven(q.server, n.ex) {
		done = (*llm.Exchange).Discard
	}
	done(n.ex)
}

// giveUp stops to follow a queued request.
func (s *Shard) giveUp(q *queue, n *queued, t int64, why event.Unpaired) {
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

// Queued says whether there are queued requests.
func (s *Shard) Queued() bool {
	for _, q := range s.queues {
		if q.oldest != nil {
			return true
		}
	}
	return false
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
