// SPDX-License-Identifier: Apache-2.0

package stream

import (
	"github.com/modeltap/modeltap/observer/http1"
	"github.com/modeltap/modeltap/observer/llm"
	"github.com/modeltap/modeltap/observer/target"
)

const (
	routeMemos = 8   // a power of two
	memoTarget = 128 // longest request target that is remembered
)

// routes remembers the last answers to what a request target means. Servers are
// asked for the same few again and again, and the tables are searched row by
// row.
type routes [routeMemos]struct {
	paths  *target.Paths
	post   bool
	n      int
	target [memoTarget]byte

	dialect *llm.Dialect
	route   target.Route
	aside   bool
}

// of returns the dialect of the request that h begins, nil for none, what paths
// say about it, and whether it is a part of another request.
func (r *routes) of(paths *target.Paths, h *http1.Head) (*llm.Dialect, target.Route, bool) {
	// Dialects tell POST from everything else, and nothing more.
	post := string(h.Method) == "POST"
	if len(h.Target) > memoTarget {
		return llm.DialectOf(h.Method, h.Target), paths.Route(h.Target), post && llm.IsGradioData(h.Target)
	}
	m := &r[len(h.Target)&(routeMemos-1)]
	if m.paths != paths || m.post != post || string(m.target[:m.n]) != string(h.Target) {
		m.paths, m.post = paths, post
		m.n = copy(m.target[:], h.Target)
		m.dialect, m.route = llm.DialectOf(h.Method, h.Target), paths.Route(h.Target)
		m.aside = post && llm.IsGradioData(h.Target)
	}
	return m.dialect, m.route, m.aside
}
