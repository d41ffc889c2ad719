// SPDX-License-Identifier: Apache-2.0

package stream

import (
	"encoding/hex"

	"github.com/modeltap/modeltap/observer/event"
	"github.com/modeltap/modeltap/observer/http1"
	"github.com/modeltap/modeltap/observer/llm"
	"github.com/modeltap/modeltap/observer/target"
)

// requests implements http1.Handler for the request direction.
type requests Conn

func (r *requests) Begin() { r.began = r.mark[event.Request].Time }

func (r *requests) Head(h *http1.Head) http1.Framing {
	c := (*Conn)(r)
	if len(c.slots) >= maxPipelined {
		c.abortAll(r.began, event.Incomplete)
	}
	s := slot{
		began:   c.began,
		head:    string(h.Method) == "HEAD",
		connect: string(h.Method) == "CONNECT",
		late:    c.serverGone,
		chunked: h.Chunked,
	}
	c.unframed = false
	c.classify(&s, h)
	if len(h.TraceParent) > 0 {
		s.follow(h.TraceParent)
	}
	c.slots = append(c.slots, s)
	c.receiving = true
	return http1.AsFramed
}

// classify decides what kind of request it is that h begins.
func (c *Conn) classify(s *slot, h *http1.Head) {
	d, route, part := c.shard.routes.of(c.server.Paths(), h)
	s.known = d != nil || route == target.Chosen && c.server.Explicit
	post := string(h.Method) == "POST"
	switch {
	case route == target.Ignored, s.head, s.connect, string(h.Method) == "OPTIONS":
		s.other = c.server.Confirmed()
	case part == aside:
	case part == told && string(h.Method) == "GET" && c.gradio(s, h):
	case d != nil:
		s.ex = c.shard.LLM.Open(c.server.Label(), d, c.began, !c.server.Confirmed())
	case c.server.Explicit && !post && route != target.Chosen && !h.Chunked && h.ContentLength <= 0:
		s.suspect.is = true
	case c.server.Explicit:
		s.ex = c.shard.LLM.Open(c.server.Label(), llm.Generic(), c.began, !post && route != target.Chosen)
	default:
		s.other = c.server.Confirmed()
	}
}

func (r *requests) Body(p []byte) {
	if s := (*Conn)(r).youngest(); s != nil && s.ex != nil {
		s.ex.RequestBody(p)
	}
}

func (r *requests) BodySkip(n int) {
	r.missing(n)
	if s := (*Conn)(r).youngest(); s != nil && s.chunked {
		r.unframed = true
	}
}

func (r *requests) BodyGap(n int) { r.missing(n) }

func (r *requests) missing(n int) {
	if s := (*Conn)(r).youngest(); s != nil && s.ex != nil {
		s.ex.RequestMissing(n)
	}
}

func (r *requests) ChunkEnd() {}

func (r *requests) End(complete bool) {
	c := (*Conn)(r)
	s := c.youngest()
	if s == nil {
		return
	}
	c.receiving, c.unframed = false, false
	if !complete {
		return
	}
	// Not beyond the end of the segment; a pipelined request may begin there.
	s.end = c.position
	if s.ex != nil {
		s.ex.RequestEnd(c.mark[event.Request].Time)
	} else {
		s.suspect.complete = c.mark[event.Request].Time
	}
}

// Lost ends what cannot be paired any more. A request whose head was too large
// or broken was still a request.
func (r *requests) Lost(why event.ParseReason) {
	c := (*Conn)(r)
	t := c.mark[event.Request].Time
	c.shard.Tally.ParseErrors[event.ProtoHTTP1][why]++
	c.shard.Tally.Resyncs++
	if c.receiving || len(c.slots) > 0 {
		c.abortAll(t, event.Incomplete)
	} else if why == event.ReasonTooLarge && c.server.Explicit {
		c.shard.LLM.Open(c.server.Label(), llm.Generic(), c.began, false).Abort(t, event.Incomplete)
	}
}

// follow notes the trace that the request belongs to.
func (s *slot) follow(header []byte) {
	p, ok := parentOf(header)
	switch {
	case !ok:
	case s.ex != nil:
		s.ex.Trace(p)
	case s.suspect.is:
		s.suspect.parent, s.suspect.traced = p, true
	}
}

// parentOf reads a traceparent header (W3C Trace Context section 3.2.2):
// version "-" trace-id "-" parent-id "-" flags.
func parentOf(h []byte) (p event.Parent, ok bool) {
	if len(h) < 55 || h[2] != '-' || h[35] != '-' || h[52] != '-' {
		return p, false
	}
	var flags [1]byte
	for _, f := range [...]struct {
		dst []byte
		src []byte
	}{{p.Trace[:], h[3:35]}, {p.Span[:], h[36:52]}, {flags[:], h[53:55]}} {
		if _, err := hex.Decode(f.dst, f.src); err != nil {
			return p, false
		}
	}
	p.Sampled = flags[0]&1 != 0
	return p, p.Trace != [16]byte{} && p.Span != [8]byte{}
}
