// SPDX-License-Identifier: Apache-2.0

package observer

import (
	"context"
	"errors"
	"sync/atomic"

	"github.com/modeltap/modeltap/observer/event"
)

// source yields segments. Its three implementations are the rooms below
// observer/source.
type source interface {
	// Run hands over windows of segments until ctx ends. A window is valid
	// until emit returns; an empty one comes at least every second, so that
	// timers run. now is the source's clock in ns.
	Run(ctx context.Context, emit func(batch []event.Segment, now int64)) error
	// Sync drains what can be read now and then calls fn where Run runs.
	Sync(ctx context.Context, fn func()) error
	// Stats may be called from any goroutine.
	Stats() event.SourceStats
}

// errNotReady is what Ready returns until capture is attached.
var errNotReady = errors.New("capture is not attached yet")

// readiness is the state behind Ready; its zero value is not ready.
type readiness struct{ err atomic.Pointer[error] }

func (r *readiness) set(err error) { r.err.Store(&err) }

func (r *readiness) get() error {
	if p := r.err.Load(); p != nil {
		return *p
	}
	return errNotReady
}
