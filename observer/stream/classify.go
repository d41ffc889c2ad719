// SPDX-License-Identifier: Apache-2.0

package stream

import (
	"github.com/modeltap/modeltap/observer/event"
	"github.com/modeltap/modeltap/observer/llm"
	"github.com/modeltap/modeltap/observer/message"
)

// suspect is what is remembered of a request that only its answer can make one
// of a model: one without a body on a route of no known API. Nearly none is, so
// that no exchange is opened before.
type suspect struct {
	is             bool
	complete, read int64 // 0 while unknown
	parent         event.Parent
	traced         bool
}

// request takes the head of the request.
func (k *call) request(h *message.Head) {
	k.head = string(h.Method) == "HEAD"
	k.connect = string(h.Method) == "CONNECT"
	k.classify(h)
	if len(h.TraceParent) > 0 {
		k.follow(h.TraceParent)
	}
}

// classify decides what kind of request it is that h begins.
func (k *call) classify(h *message.Head) {
	server, shard := k.conn.server, k.conn.shard
	d, route, part := shard.routes.of(server.Rules(), h)
	k.known = d != nil || route == Chosen && server.Explicit
	post := string(h.Method) == "POST"
	switch {
	case route == Ignored, k.head, k.connect, string(h.Method) == "OPTIONS":
		k.other = server.Confirmed()
	case part == aside:
	case part == told && string(h.Method) == "GET" && k.gradio(h):
	case d != nil:
		k.ex = shard.LLM.Begin(k.claim, server.Label(), d, k.began, !server.Confirmed())
	case server.Explicit && !post && route != Chosen && !h.Streamed && h.ContentLength <= 0:
		k.suspect.is = true
	case server.Explicit:
		k.ex = shard.LLM.Begin(k.claim, server.Label(), llm.Generic(), k.began, !post && route != Chosen)
	default:
		k.other = server.Confirmed()
	}
}

// unmask settles by its answer whether a suspect is a model request.
func (k *call) unmask(h *message.Head) {
	is := k.suspect
	k.suspect.is = false
	if !llm.Streams(h.Status, h.ContentType, h.Streamed) {
		k.other = k.conn.server.Confirmed()
		return
	}
	if k.ex = k.conn.shard.LLM.Begin(k.claim, k.conn.server.Label(), llm.Generic(), k.began, true); k.ex == nil {
		return
	}
	if is.traced {
		k.ex.Trace(is.parent)
	}
	if is.complete != 0 {
		k.ex.RequestEnd(is.complete)
	}
	if is.read != 0 {
		k.ex.SocketRead(is.read)
	}
}
