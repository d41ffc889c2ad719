// SPDX-License-Identifier: Apache-2.0

package observer

import (
	"context"
	"errors"

	"github.com/modeltap/modeltap/observer/event"
	"github.com/modeltap/modeltap/observer/target"
)

// capture is an attached source and what belongs to it.
type capture struct {
	source   source
	manager  *target.Manager
	features map[string]bool
	programs func() []event.Program // nil without programs
	closers  []func() error         // in the order of opening
}

// close releases everything, the last opened first.
func (c *capture) close() error {
	var errs []error
	for i := len(c.closers) - 1; i >= 0; i-- {
		errs = append(errs, c.closers[i]())
	}
	c.closers = nil
	return errors.Join(errs...)
}

// run runs source and manager until ctx ends or the source fails. Emit and last
// are those of source.Run.
func (c *capture) run(ctx context.Context, emit func([]event.Segment, int64), last func()) error {
	ctx, stop := context.WithCancel(ctx)
	managed := make(chan error, 1)
	go func() { managed <- c.manager.Run(ctx) }()
	err := c.source.Run(ctx, emit, last)
	stop()
	return errors.Join(err, <-managed)
}
