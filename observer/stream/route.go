// SPDX-License-Identifier: Apache-2.0

package stream

import (
	"github.com/modeltap/modeltap/observer/llm"
	"github.com/modeltap/modeltap/observer/message"
	"github.com/modeltap/modeltap/observer/servers"
)

const (
	routeMemos = 8   // a power of two
	memoTarget = 128 // longest request target that is remembered
)

// routes remembers the last answers to what a request target means. Servers are
// asked for the same few again and again, and the tables are searched row by
// row.
type routes [routeMemos]struct {
	rules  *servers.Rules
	post   bool
	n      int
	target [memoTarget]byte

	dialect *llm.Dialect
	route   Route
	part    part
}

// part says what a request of no known API may be of another request.
type part uint8

const (
	noPart part = iota
	// aside: what it says counts with the other request.
	aside
	// told: its answer tells of other requests.
	told
)

func partOf(post bool, target []byte) part {
	if post {
		if llm.IsGradioData(target) {
			return aside
		}
		return noPart
	}
	if kind, _ := llm.GradioStreamOf(target); kind != llm.NoGradioStream {
		return told
	}
	return noPart
}

// of returns the dialect of the request that h begins, nil for none, what the
// rules say about it, and what it may be of another request.
func (r *routes) of(rules *servers.Rules, h *message.Head) (*llm.Dialect, Route, part) {
	// Dialects tell POST from everything else, and nothing more.
	post := string(h.Method) == "POST"
	if len(h.Target) > memoTarget {
		return llm.DialectOf(h.Method, h.Target), RouteOf(rules, h.Target), partOf(post, h.Target)
	}
	m := &r[len(h.Target)&(routeMemos-1)]
	if m.rules != rules || m.post != post || string(m.target[:m.n]) != string(h.Target) {
		m.rules, m.post = rules, post
		m.n = copy(m.target[:], h.Target)
		m.dialect, m.route = llm.DialectOf(h.Method, h.Target), RouteOf(rules, h.Target)
		m.part = partOf(post, h.Target)
	}
	return m.dialect, m.route, m.part
}
