// SPDX-License-Identifier: Apache-2.0

package observer

import (
	"context"
	"errors"
	"regexp"
	"sync/atomic"

	"github.com/modeltap/modeltap/observer/event"
	"github.com/modeltap/modeltap/observer/servers"
	"github.com/modeltap/modeltap/observer/tokens"
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

// Observer watches model servers and tells a Sink of their exchanges. Its
// methods may be called from any goroutine.
type Observer struct {
	cfg   Config
	table *servers.Table
	pipe  *pipeline
	live  atomic.Pointer[capture]
}

// errNotReady is what Ready and Snapshot return until capture is attached.
var errNotReady = errors.New("capture is not attached yet")

// New returns an Observer that does nothing until Run.
func New(cfg Config, sink event.Sink) (*Observer, error) {
	if err := cfg.defaults(); err != nil {
		return nil, err
	}
	o := &Observer{cfg: cfg}
	o.table = servers.NewTable(servers.Options{
		Specs: cfg.Targets, Rules: servers.Rules{Model: cfg.ModelPaths, Ignore: cfg.IgnorePaths},
		MaxServers: cfg.MaxServers, TTL: cfg.SeriesTTL,
	})
	o.pipe = newPipeline(&o.cfg, tokens.NewDesk(cfg.Tokenizers, false), sink, resolveIn(o.table))
	return o, nil
}

// Run attaches the capture and observes until ctx ends; it returns nil then.
// An error names what is missing and the remedy.
func (o *Observer) Run(ctx context.Context) error {
	c, err := o.attach()
	if err != nil {
		return err
	}
	defer c.close()
	o.live.Store(c)
	err = c.run(ctx, o.pipe.emit)
	o.pipe.close()
	return err
}

// Ready returns nil once capture is attached, else why it is not.
func (o *Observer) Ready() error {
	if o.live.Load() == nil {
		return errNotReady
	}
	return nil
}

// Snapshot drains the source and returns the state as of now.
func (o *Observer) Snapshot(ctx context.Context) (event.Snapshot, error) {
	c := o.live.Load()
	if c == nil {
		return event.Snapshot{}, errNotReady
	}
	var snap event.Snapshot
	err := c.source.Sync(ctx, func() { snap = o.pipe.snapshot(o.pipe.now) })
	if err != nil {
		return event.Snapshot{}, err
	}
	snap.Servers = o.table.Servers()
	snap.Sources = []event.SourceStats{c.source.Stats()}
	snap.Features = c.features
	snap.MissedBinds, snap.LateEvents = c.discover.Missed(), c.discover.Dropped()
	if c.programs != nil {
		snap.Programs = c.programs()
	}
	return snap, nil
}

// Reload replaces targets and path rules while the observer runs.
func (o *Observer) Reload(targets []servers.Spec, model, ignore []*regexp.Regexp) error {
	o.table.Reload(targets, servers.Rules{Model: model, Ignore: ignore})
	return nil
}
