// SPDX-License-Identifier: Apache-2.0

package stream

import (
	"bytes"

	"github.com/modeltap/modeltap/observer/event"
	"github.com/modeltap/modeltap/observer/http1"
	"github.com/modeltap/modeltap/observer/llm"
	"github.com/modeltap/modeltap/observer/message"
)

// responses implements http1.Handler for the response direction.
type responses http1Conn

func (r *responses) Begin() { r.answerBegan = r.mark[event.Response].Time }

func (r *responses) Head(h *http1.Head) http1.Framing {
	x := (*http1Conn)(r)
	x.found = true
	if h.Status/100 == 1 && h.Status != 101 {
		return http1.AsFramed
	}
	if x.passed > 0 {
		x.passing = true
		return http1.AsFramed
	}
	k := x.oldest
	if k == nil {
		x.orphanHead(&h.Head)
		return http1.AsFramed
	}
	x.answering = true
	if x.unframed && x.n == 1 {
		// Part of a chunked upload was not captured: its answer ends it.
		x.request.Giveup()
		(*requests)(x).End(true)
	}
	if h.Status == 101 || k.connect && h.Status/100 == 2 {
		k.upgrade(h.Status)
		x.pop()
		x.abortAll(x.answerBegan, event.Incomplete)
		x.upgraded, x.upgrade = true, upgradeOf(h)
		return http1.Tunnel
	}
	k.answer(x.answerBegan, &h.Head)
	if k.head {
		return http1.NoBody
	}
	return http1.AsFramed
}

// upgradeOf tells what is spoken after h, which ends HTTP/1 on a connection.
func upgradeOf(h *http1.Head) event.Unobserved {
	to, _ := h.Field("upgrade")
	_, accepted := h.Field("sec-websocket-accept") // RFC 6455 section 4.2.2
	switch {
	case h.Status != 101:
	case bytes.EqualFold(to, []byte("websocket")), accepted:
		return event.UnobservedWebSocket
	case bytes.EqualFold(to, []byte("h2c")): // RFC 7540 section 3.2
		return event.UnobservedHTTP2
	case len(to) > 4 && bytes.EqualFold(to[:4], []byte("TLS/")): // RFC 2817
		return event.UnobservedTLS
	}
	return event.UnobservedUnknown
}

// orphanHead meets an answer whose request was not seen. Of an event stream it
// is certain that it answered a model request.
func (x *http1Conn) orphanHead(h *message.Head) {
	c := x.conn
	if x.orphan || c.whole || !c.server.Explicit {
		return
	}
	e := c.shard.LLM.Open(c.server.Label(), llm.Generic(), x.answerBegan, true)
	if !e.ResponseHead(x.answerBegan, h.Status, h.ContentType, h.ContentEncoding, h.Streamed) {
		e.Discard()
		return
	}
	x.orphan = true
	e.Abort(x.answerBegan, event.Incomplete)
}

func (r *responses) Body(p []byte) {
	if k := (*http1Conn)(r).answeredCall(); k != nil {
		k.answerBody(r.mark[event.Response], p)
	}
}

func (r *responses) BodySkip(n int) { r.BodyGap(n) }

func (r *responses) BodyGap(n int) {
	if k := (*http1Conn)(r).answeredCall(); k != nil {
		k.answerMissing(r.mark[event.Response], n)
	}
}

func (r *responses) ChunkEnd() {
	if k := (*http1Conn)(r).answeredCall(); k != nil {
		k.chunkEnd(r.mark[event.Response])
	}
}

func (r *responses) End(complete bool) {
	x := (*http1Conn)(r)
	// When incomplete, Lost or the end of the stream follows and ends the call.
	switch {
	case !complete:
		return
	case x.passing:
		x.passing = false
		x.passed--
		return
	case !x.answering:
		return
	}
	x.oldest.answerEnd(x.mark[event.Response].Time)
	x.answered = true
	x.pop()
}

func (r *responses) Lost(why event.ParseReason) {
	x := (*http1Conn)(r)
	tally := x.conn.shard.Tally
	tally.ParseErrors[event.ProtoHTTP1][why]++
	tally.Resyncs++
	x.abortAll(x.mark[event.Response].Time, event.Incomplete)
}
