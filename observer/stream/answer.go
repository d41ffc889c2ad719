// SPDX-License-Identifier: Apache-2.0

package stream

import (
	"github.com/modeltap/modeltap/observer/event"
	"github.com/modeltap/modeltap/observer/message"
)

// answer takes the head of the final answer, whose first byte came at t.
func (k *call) answer(t int64, h *message.Head) {
	k.status = h.Status
	if k.suspect.is {
		k.unmask(h)
	}
	if k.feed != nil {
		k.openFeed(t, h)
		if k.feed != nil {
			return
		}
	}
	if k.ex == nil {
		return
	}
	model := k.ex.ResponseHead(t, h.Status, h.ContentType, h.ContentEncoding, h.Streamed)
	refused := h.Status == 304 || (!k.known || k.ex.Shared()) && (h.Status == 404 || h.Status == 405)
	if refused || !model && !k.known {
		k.ex.Discard()
		k.ex, k.other = nil, k.conn.server.Confirmed()
	}
}

// upgrade ends k, whose answer of that status gives the connection up to
// another protocol.
func (k *call) upgrade(status int) {
	k.feed = nil
	if k.ex != nil {
		k.ex.Discard()
		k.ex = nil
	}
	k.status, k.other = status, k.conn.server.Confirmed()
	k.countOther(status)
}

func (k *call) answerBody(m event.Mark, p []byte) {
	if k.feed != nil {
		k.feed.Write(m, p)
	} else if k.ex != nil {
		k.ex.ResponseBody(m, p)
	}
}

func (k *call) answerMissing(m event.Mark, n int) {
	if k.feed != nil {
		k.missed(m)
	} else if k.ex != nil {
		k.ex.ResponseMissing(m, n)
	}
}

// chunkEnd notes that a part of a streamed answer has ended.
func (k *call) chunkEnd(m event.Mark) {
	if k.ex != nil {
		k.ex.ChunkEnd(m)
	}
}

// answerEnd ends k at t with the last byte of its answer.
func (k *call) answerEnd(t int64) {
	if k.ex != nil && k.feed == nil {
		k.ex.EndBody()
	}
	switch {
	case k.feed != nil:
		k.closeFeed(t, event.ServerAbort, true)
	case k.ex == nil:
		k.countOther(k.status)
	case k.enqueue(t):
	case !k.counts():
		k.forgo()
	default:
		k.ex.ResponseEnd(t, k.conn.gone[event.Request])
	}
	k.ex = nil
}
