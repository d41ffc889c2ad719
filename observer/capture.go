// SPDX-License-Identifier: Apache-2.0

package observer

import (
	"context"
	"errors"

	"github.com/modeltap/modeltap/bpf/hostprobe"
	"github.com/modeltap/modeltap/observer/discover"
	"github.com/modeltap/modeltap/observer/event"
)

// source yields segments. Its three implementations are the rooms below
// observer/source.
type source interface {
	// Run hands over windows of segments until ctx ends. A window is valid
	// until emit returns; an empty one comes at least every second, so that
	// timers run. now is the source's clock in ns. last, unless nil, is its last
	// turn: neither emit nor a function of Sync runs after it.
	Run(ctx context.Context, emit func(batch []event.Segment, now int64), last func()) error
	// Sync drains what can be read now and then calls fn where Run runs. fn is
	// not called when ctx or Run (turn.ErrEnded) ends first.
	Sync(ctx context.Context, fn func()) error
	// Stats may be called from any goroutine.
	Stats() event.SourceStats
}

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

// featureMap is the list of probes as modeltap_feature_supported shows it.
func featureMap(all []hostprobe.Feature) map[string]bool {
	m := make(map[string]bool)
	for _, f := range all {
		m[f.Name] = f.State == hostprobe.Yes
	}
	return m
}
