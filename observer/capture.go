// SPDX-License-Identifier: Apache-2.0

package observer

import (
	"context"
	"errors"

	"github.com/modeltap/modeltap/observer/discover"
	"github.com/modeltap/modeltap/observer/event"
)

// capture is an attached source and what belongs to it.
type capture struct {
	source   source
	discover *discover.Discoverer
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

// run runs source and discovery until ctx ends or the source fails. Emit and
// last are those of source.Run.
func (c *capture) run(ctx context.Context, emit func([]event.Segment, int64), last func()) error {
	ctx, stop := context.WithCancel(ctx)
	discovered := make(chan error, 1)
	go func() { discovered <- c.discover.Run(ctx) }()
	err := c.source.Run(ctx, emit, last)
	stop()
	return errors.Join(err, <-discovered)
}
