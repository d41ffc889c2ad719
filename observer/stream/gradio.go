// SPDX-License-Identifier: Apache-2.0

package stream

import (
	"github.com/modeltap/modeltap/observer/budget"
	"github.com/modeltap/modeltap/observer/event"
	"github.com/modeltap/modeltap/observer/llm"
	"github.com/modeltap/modeltap/observer/message"
)

// gradio takes a GET request for a stream of Gradio's queue, and tells whether
// it is one.
func (k *call) gradio(h *message.Head) bool {
	kind, id := llm.GradioStreamOf(h.Target)
	switch kind {
	case llm.GradioSession:
	case llm.GradioEvent:
		if k.queued(id) == nil {
			return false
		}
		k.event = string(id)
	case llm.GradioJoin:
		if len(id) == 0 {
			return false // until 4.0 the queue is a WebSocket
		}
		k.ex = k.conn.shard.LLM.Begin(k.claim, k.conn.server.Label(), llm.GradioQueue(), k.began, false)
		k.known = true
	default:
		return false
	}
	k.fed = true
	k.conn.shard.Budget.Force(feedSize, budget.Running)
	k.feed = &llm.Feed{
		Find: func(id []byte) *llm.Exchange {
			n := k.queued(id)
			if n == nil {
				return nil
			}
			k.tells(n)
			return n.ex
		},
		Finish: k.finish,
		Broken: func(t int64) {
			k.unqueue(func(e *llm.Exchange) { e.Fail(t) })
		},
	}
	return true
}

// queued returns the request of that event in the queue of the server; nil for
// none.
func (k *call) queued(id []byte) *queued {
	if q := k.conn.shard.queues[k.conn.server]; q != nil {
		return q.byID[string(id)]
	}
	return nil
}

// tells notes that the answer of k tells of n, and no other from now on.
func (k *call) tells(n *queued) {
	if n.stream != nil && n.stream != k {
		n.stream.unfeed(n.ex)
	}
	n.stream = k
}

// finish ends an exchange whose output has ended.
func (k *call) finish(e *llm.Exchange, t int64) {
	server := k.conn.server
	if k.ex == e {
		k.ex = nil
		k.unfeed(e)
		if !proven(server, e) {
			e.Discard()
			return
		}
		e.ResponseEnd(t, false)
		return
	}
	q := k.conn.shard.queues[server]
	for n := q.oldest; n != nil; n = n.next {
		if n.ex == e {
			k.conn.shard.end(q, n, func(e *llm.Exchange) { e.ResponseEnd(t, false) })
			return
		}
	}
}

// unfeed makes the stream that k reads forget an exchange that ends.
func (k *call) unfeed(e *llm.Exchange) {
	if k.feed != nil {
		k.feed.Forget(e)
	}
}

// unqueue ends every queued exchange that the answer of k has told of.
func (k *call) unqueue(done func(*llm.Exchange)) {
	q := k.conn.shard.queues[k.conn.server]
	if q == nil {
		return
	}
	for n := q.oldest; n != nil; {
		next := n.next
		if n.stream == k {
			k.conn.shard.end(q, n, done)
		}
		n = next
	}
}

// openFeed begins the stream that h begins; its first byte came at t.
func (k *call) openFeed(t int64, h *message.Head) {
	shard := k.conn.shard
	model := h.Status < 300 && llm.Streams(h.Status, h.ContentType, h.Streamed)
	if len(h.ContentEncoding) > 0 && model {
		shard.Tally.Unobserved[event.UnobservedCompressed]++
		model = false
	}
	if !model {
		k.feed = nil
		if k.ex == nil {
			k.other = k.conn.server.Confirmed()
		}
		return
	}
	only := k.ex
	if k.event != "" {
		if n := k.queued([]byte(k.event)); n != nil {
			k.tells(n)
			only = n.ex
		}
	}
	if only != nil && only == k.ex {
		only.ResponseHead(t, h.Status, h.ContentType, nil, h.Streamed)
		only.Queue()
	}
	k.feed.Open(shard.LLM, only, k.event != "")
}

// missed notes a loss in the stream that k reads.
func (k *call) missed(m event.Mark) {
	k.feed.Gap(m)
	if k.ex != nil {
		k.ex.Missed()
	}
	if q := k.conn.shard.queues[k.conn.server]; q != nil {
		for n := q.oldest; n != nil; n = n.next {
			if n.stream == k {
				n.ex.Missed()
			}
		}
	}
}

// closeFeed ends the stream that k reads, at t; what it has not told the end of
// ends as o says.
func (k *call) closeFeed(t int64, o event.Outcome, complete bool) {
	k.feed.Close(complete)
	k.feed = nil
	if e := k.ex; e != nil {
		k.ex = nil
		if !proven(k.conn.server, e) {
			e.Discard()
		} else {
			e.Abort(t, o)
		}
	}
	k.unqueue(func(e *llm.Exchange) { e.Abort(t, o) })
}
