// SPDX-License-Identifier: Apache-2.0

// Package turn lets other goroutines run a function on the goroutine of a
// source, between two of its batches.
package turn

import (
	"context"
	"sync"
)

// Queue hands functions over. Make it with New.
type Queue struct {
	calls  chan call
	closed chan struct{}
	once   sync.Once
	after  sync.Mutex // held by a function that runs after Close
}

type call struct {
	fn   func()
	done chan struct{}
}

// New returns an empty Queue.
func New() *Queue {
	return &Queue{calls: make(chan call), closed: make(chan struct{})}
}

// Do waits until the serving goroutine has run fn, or until ctx is done; then
// fn was not and will not be run. After Close it runs fn itself.
func (q *Queue) Do(ctx context.Context, fn func()) error {
	c := call{fn, make(chan struct{})}
	select {
	case <-q.closed:
		q.after.Lock()
		defer q.after.Unlock()
		fn()
		return nil
	case <-ctx.Done():
		return ctx.Err()
	case q.calls <- c:
		<-c.done
		return nil
	}
}

// Serve runs what waits now and returns; before is called first if there is
// anything.
func (q *Queue) Serve(before func()) {
	for {
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

// Close says that nobody serves any more.
func (q *Queue) Close() { q.once.Do(func() { close(q.closed) }) }
