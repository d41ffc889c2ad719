// SPDX-License-Identifier: Apache-2.0

package stream

import (
	"github.com/modeltap/modeltap/observer/event"
	"github.com/modeltap/modeltap/observer/http1"
	"github.com/modeltap/modeltap/observer/llm"
)

// requests implements http1.Handler for the request direction.
type requests http1Conn

func (r *requests) Begin() { r.began = r.mark[event.Request].Time }

func (r *requests) Head(h *http1.Head) http1.Framing {
	x := (*http1Conn)(r)
	x.found = true
	k := x.admit()
	if k == nil {
		return http1.AsFramed
	}
	k.untaken = x.conn.gone[event.Response]
	k.request(&h.Head)
	x.push(k)
	x.chunked, x.unframed = h.Streamed, false
	return http1.AsFramed
}

func (r *requests) Body(p []byte) {
	if k := (*http1Conn)(r).current(); k != nil {
		k.requestBody(p)
	}
}

func (r *requests) BodySkip(n int) {
	r.BodyGap(n)
	if r.receiving && r.chunked {
		r.unframed = true
	}
}

func (r *requests) BodyGap(n int) {
	if k := (*http1Conn)(r).current(); k != nil {
		k.requestMissing(n)
	}
}

func (r *requests) ChunkEnd() {}

func (r *requests) End(complete bool) {
	k := (*http1Conn)(r).current()
	if k == nil {
		return
	}
	r.receiving, r.unframed = false, false
	if complete {
		// Not beyond the end of the segment; a pipelined request may begin there.
		k.requestEnd(r.mark[event.Request].Time, r.conn.position)
	}
}

// Lost ends what cannot be paired any more. A request whose head was too large
// or broken was still a request.
func (r *requests) Lost(why event.ParseReason) {
	x := (*http1Conn)(r)
	c := x.conn
	t := x.mark[event.Request].Time
	c.shard.Tally.ParseErrors[event.ProtoHTTP1][why]++
	c.shard.Tally.Resyncs++
	if x.oldest != nil {
		x.abortAll(t, event.Incomplete)
	} else if why == event.ReasonTooLarge && c.server.Explicit {
		c.shard.LLM.Open(c.server.Label(), llm.Generic(), x.began, false).Abort(t, event.Incomplete)
	}
}
