// SPDX-License-Identifier: Apache-2.0

// Package turn lets other goroutines run a function on the goroutine of a
// source, between two of its batches.
package turn

import (
	"context"
	"errors"
	"sync"
)

// ErrEnded is what Do returns once nobody serves any more.
var ErrEnded = errors.New("the capture has ended")

// Queue hands functions over. Make it with New.
type Queue struct {
	calls  chan call
	closed chan struct{}
	once   sync.Once
}

type call struct {
	fn   func()
	done chan struct{}
}

// New returns an empty Queue.
func New() *Queue {
	return &Queue{calls: make(chan call), closed: make(chan struct{})}
}

// Do waits until the serving goroutine has run fn and returns nil. Where it
// returns an error, that of ctx or ErrEnded, fn was not and will not be run.
func (q *Queue) Do(ctx context.Context, fn func()) error {
	c := call{fn, make(chan struct{})}
	select {
	case <-q.closed:
		return ErrEnded
	case <-ctx.Done():
		return ctx.Err()
	case q.calls <- c:
		<-c.done
		return nil
	}
}

// atOnce bounds how many functions run between two looks of the source at its
// own work: those who ask again at once must not keep it from its end.
const atOnce = 8

// Serve runs what waits now, at most 8 functions, and returns; before is called
// ahead of each.
func (q *Queue) Serve(before func()) {
	for range atOnce {
		select {
		case c := <-q.calls:
			before()
			c.fn()
			close(c.done)
		default:
			return
		}
	}
}

// Close, called by the serving goroutine, runs last as the last turn and says
// that nobody serves any more: what last ends, no function of Do sees again. Nil
// is no last turn. A second call does nothing.
func (q *Queue) Close(last func()) {
	q.once.Do(func() {
		if last != nil {
			last()
		}
		close(q.closed)
	})
}
