// SPDX-License-Identifier: Apache-2.0

package stream

import (
	"github.com/modeltap/modeltap/observer/budget"
	"github.com/modeltap/modeltap/observer/event"
)

// admit returns a call for a request that begins; nil when the budget refuses
// it or refused one before it, so that its answer is to be passed over.
func (x *http1Conn) admit() *call {
	claim := budget.Fresh
	if x.n+x.passed > 0 {
		claim = budget.Pipelined
	}
	if x.n >= maxPipelined {
		x.shed()
	}
	if x.behind == 0 {
		if k := x.conn.call(x.began, claim); k != nil {
			return k
		}
	} else {
		x.conn.shard.Tally.Evictions[event.EvictExchanges]++
	}
	if x.oldest == nil {
		x.passed++
	} else {
		x.behind++
	}
	return nil
}

// shed ends the oldest call before its answer, which will be passed over.
func (x *http1Conn) shed() {
	x.conn.shard.Tally.Evictions[event.EvictExchanges]++
	x.passing = x.passing || x.answering
	x.passed++
	x.oldest.abort(x.began, event.Incomplete)
	x.pop()
}

// push appends a call whose request begins to be read.
func (x *http1Conn) push(k *call) {
	if x.youngest != nil {
		x.youngest.next = k
	} else {
		x.oldest = k
	}
	x.youngest, x.receiving = k, true
	x.n++
}

// pop forgets the oldest call, which has ended.
func (x *http1Conn) pop() {
	k := x.oldest
	x.oldest = k.next
	if x.oldest == nil {
		x.youngest, x.receiving = nil, false
		x.passed, x.behind = x.passed+x.behind, 0
	}
	x.n--
	x.answering = false
	k.free()
}

// abortAll ends every open call. What the answers that come after that are to is
// not known.
func (x *http1Conn) abortAll(t int64, o event.Outcome) {
	for x.oldest != nil {
		x.oldest.abort(t, o)
		x.pop()
	}
	x.passed, x.passing = 0, false
}

// current returns the call whose request is being read.
func (x *http1Conn) current() *call {
	if !x.receiving {
		return nil
	}
	return x.youngest
}

// answered returns the call whose answer is being read.
func (x *http1Conn) answeredCall() *call {
	if !x.answering {
		return nil
	}
	return x.oldest
}

// markUnread marks the requests that wait for an answer when the server's reset
// ends the connection. Closing a socket resets the connection if it holds data
// that the application has not read (RFC 1122 section 4.2.2.13, Linux
// tcp_close).
func (x *http1Conn) markUnread() {
	for k := x.oldest; k != nil; k = k.next {
		if k.end != 0 && !k.seen && k.status == 0 {
			k.untaken = true
		}
	}
}

// closeRace (ns) is how long before a server's FIN a request may have begun and
// still count as not taken up, where nothing says what the application read.
// llama-server closes some 30 µs after such a request arrived.
const closeRace = 1e6

// markCrossed marks the requests that crossed the server's FIN, which came at
// t: the server had decided to close before it could know of them. It may shut
// the connection down first and drain it after, as cpp-httplib does, so that
// no reset tells.
func (x *http1Conn) markCrossed(t int64) {
	for k := x.oldest; k != nil; k = k.next {
		switch {
		case k.status != 0:
		case x.reads && k.end != 0:
			k.untaken = k.untaken || !k.seen
		default:
			k.untaken = k.untaken || x.answered && t-k.began < closeRace
		}
	}
}
