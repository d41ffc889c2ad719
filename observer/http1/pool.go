// SPDX-License-Identifier: Apache-2.0

package http1

import "github.com/modeltap/modeltap/observer/budget"

const (
	// HeadLimit is the size up to which a message head is understood, and the
	// trailer section of a chunked body likewise.
	HeadLimit = 64 << 10
	// HeldLimit bounds the bytes of all unfinished heads of one Pool that has
	// no Budget; a head beyond it is lost as too large.
	HeldLimit = 32 << 20

	firstBuffer = 1 << 10 // most heads fit
	keepBuffers = 64      // of at most keepSize each
	keepSize    = 8 << 10
)

// Pool is what the parsers of one goroutine share: memory for heads that come
// in pieces, and counters. Its zero value is ready for use.
type Pool struct {
	// Budget is charged for unfinished heads; a head that it refuses is lost as
	// too large. nil leaves HeldLimit.
	Budget *budget.Share
	// Discarded counts bytes that were passed over in search of a head.
	Discarded uint64

	head Head
	free [][]byte
	held int
}

// Held returns the bytes of memory in use for unfinished heads.
func (q *Pool) Held() int { return q.held }

// room reports whether a buffer that holds have bytes may take n more. A head
// that is complete without a buffer needs none.
func (q *Pool) room(have, n int, complete bool) bool {
	if complete && have == 0 {
		return true
	}
	if q.Budget == nil {
		return q.held+n <= HeldLimit
	}
	if !q.Budget.Take(n, budget.Ahead) {
		return false
	}
	q.Budget.Give(n, budget.Ahead)
	return true
}

// append adds p to b, which is nil or came from this method.
func (q *Pool) append(b, p []byte) []byte {
	before := cap(b)
	if b == nil {
		if last := len(q.free) - 1; last >= 0 {
			b, q.free = q.free[last], q.free[:last]
		} else {
			b = make([]byte, 0, firstBuffer)
		}
	}
	b = append(b, p...)
	q.held += cap(b) - before
	q.Budget.Force(cap(b)-before, budget.Ahead)
	return b
}

// release takes back a buffer that append returned.
func (q *Pool) release(b []byte) {
	q.held -= cap(b)
	q.Budget.Give(cap(b), budget.Ahead)
	if b != nil && cap(b) <= keepSize && len(q.free) < keepBuffers {
		q.free = append(q.free, b[:0])
	}
}
