// SPDX-License-Identifier: Apache-2.0

package stream

import (
	"unsafe"

	"github.com/modeltap/modeltap/observer/budget"
	"github.com/modeltap/modeltap/observer/event"
	"github.com/modeltap/modeltap/observer/llm"
	"github.com/modeltap/modeltap/observer/servers"
)

// call is a request and its answer. It knows neither the protocol that carries
// them nor what else the connection carries: calls of one connection may run
// side by side and end in any order.
//
//	request (requestBody | requestMissing)* requestEnd
//	answer (answerBody | answerMissing | chunkEnd)* answerEnd
//
// The two rows may overlap. A call ends with answerEnd, abort, upgrade or
// discard, whatever has come of it before, and must be freed then.
type call struct {
	conn *Conn
	next *call // of a queue that its owner keeps

	ex      *llm.Exchange // nil when it is no model request
	began   int64         // time of its first byte
	end     uint64        // position after its last byte, 0 while it is being read
	status  int           // of the answer, 0 before its head
	other   bool          // counts in modeltap_other_requests_total
	seen    bool          // the application has read it
	head    bool          // HEAD: the answer has no body
	connect bool          // CONNECT: the answer opens a tunnel
	untaken bool          // the server left without having taken it up
	known   bool          // its route belongs to a known API
	fed     bool          // it has, or had, a feed
	claim   budget.Claim  // that it is charged for
	suspect suspect
	feed    *llm.Feed // reads the answer, which tells of a queue; nil for none
	event   string    // the only event it tells of
}

const (
	// maxSpareCalls bounds the calls kept for reuse.
	maxSpareCalls = 256

	callSize = int(unsafe.Sizeof(call{}))
	feedSize = int(unsafe.Sizeof(llm.Feed{}))
)

// call returns a new call, whose request began at t (ns); nil when the budget
// refuses the claim, which is counted.
func (c *Conn) call(t int64, claim budget.Claim) *call {
	s := c.shard
	if !s.Budget.Take(callSize, claim) {
		s.Tally.Evictions[event.EvictExchanges]++
		return nil
	}
	k := s.spareCalls
	if k != nil {
		s.spareCalls, k.next = k.next, nil
		s.spares--
	} else {
		k = new(call)
	}
	k.conn, k.began, k.claim = c, t, claim
	c.open++
	return k
}

// free takes back a call that has ended.
func (k *call) free() {
	s := k.conn.shard
	k.conn.open--
	s.Budget.Give(callSize, k.claim)
	if k.fed {
		s.Budget.Give(feedSize, budget.Running)
	}
	*k = call{}
	if s.spares < maxSpareCalls {
		k.next, s.spareCalls = s.spareCalls, k
		s.spares++
	}
}

func (k *call) requestBody(p []byte) {
	if k.ex != nil {
		k.ex.RequestBody(p)
	}
}

func (k *call) requestMissing(n int) {
	if k.ex != nil {
		k.ex.RequestMissing(n)
	}
}

// requestEnd notes that the request was complete at t, and that the application
// has read it once it has read the connection up to pos.
func (k *call) requestEnd(t int64, pos uint64) {
	k.end = pos
	if k.ex != nil {
		k.ex.RequestEnd(t)
	} else {
		k.suspect.complete = t
	}
}

// read notes that the application had read the request at t.
func (k *call) read(t int64) {
	k.seen = true
	if k.ex != nil {
		k.ex.SocketRead(t)
	} else if k.suspect.read == 0 {
		k.suspect.read = t
	}
}

// abort ends k at t without the end of its answer.
func (k *call) abort(t int64, o event.Outcome) {
	switch {
	case k.feed != nil && k.status != 0:
		k.closeFeed(t, o, false)
	case k.ex == nil:
		k.countOther(k.status)
	case !k.counts() || k.ex.Provisional() && !k.known:
		k.forgo()
	case k.untaken:
		// The request crossed the server's close of an idle connection: the
		// client sends it again elsewhere, the server has refused nothing.
		k.ex.Discard()
		k.conn.shard.Sink.OtherRequest(k.conn.server.Label(), 0)
	default:
		k.ex.Abort(t, o)
	}
	k.ex = nil
}

// discard ends k without counting it.
func (k *call) discard() {
	if k.ex != nil {
		k.ex.Discard()
		k.ex = nil
	}
	if k.feed != nil {
		k.unqueue((*llm.Exchange).Discard)
	}
}

// forgo ends an exchange that is not to be counted. On a server of models it is
// another request if nothing said that its route was a model's.
func (k *call) forgo() {
	if k.ex.Shared() && k.conn.server.Confirmed() {
		k.conn.shard.Sink.OtherRequest(k.conn.server.Label(), k.status)
	}
	k.ex.Discard()
}

func (k *call) countOther(status int) {
	if k.other && !k.conn.server.Disproved() {
		k.conn.shard.Sink.OtherRequest(k.conn.server.Label(), status)
	}
}

// counts tells whether the exchange of k is to be counted: always on explicit
// targets, on discovered ones once an LLM API exchange was really seen.
func (k *call) counts() bool {
	server := k.conn.server
	return (server.Explicit || k.known && !k.ex.Shared()) && proven(server, k.ex)
}

// proven tells whether what comes of server counts, now that e, which ends, has
// been seen. The name of the server may not have been known when e began.
func proven(server *servers.Server, e *llm.Exchange) bool {
	if server.Explicit || e.Recognised() {
		server.Confirm()
	}
	if !server.Confirmed() {
		return false
	}
	e.Rename(server.Label())
	return true
}
