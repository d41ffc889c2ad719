// SPDX-License-Identifier: Apache-2.0

package observer

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"runtime/debug"
	"sync"

	"github.com/modeltap/modeltap/observer/event"
	"github.com/modeltap/modeltap/observer/servers"
	"github.com/modeltap/modeltap/observer/tokens"
)

// Observer watches model servers and tells a Sink of their exchanges. Its
// methods may be called from any goroutine.
type Observer struct {
	cfg   Config
	table *servers.Table
	pipe  *pipeline

	// mu is held for reading by who uses live, so that it is not closed meanwhile.
	mu     sync.RWMutex
	live   *capture
	absent error // why live is nil

	panics uint64 // of snapshots; used by the goroutine of the source
}

// What Ready and Snapshot return while no capture is attached.
var (
	errNotReady = errors.New("capture is not attached yet")
	errEnded    = errors.New("capture has ended")
)

// New returns an Observer that does nothing until Run.
func New(cfg Config, sink event.Sink) (*Observer, error) {
	if err := cfg.defaults(); err != nil {
		return nil, err
	}
	o := &Observer{cfg: cfg, absent: errNotReady}
	o.table = servers.NewTable(servers.Options{
		Specs: cfg.Targets, Rules: servers.Rules{Model: cfg.ModelPaths, Ignore: cfg.IgnorePaths},
		MaxServers: cfg.MaxServers, TTL: cfg.SeriesTTL,
	})
	o.pipe = newPipeline(&o.cfg, tokens.NewDesk(cfg.Tokenizers, false), sink, resolveIn(o.table))
	return o, nil
}

// Run attaches the capture and observes until ctx ends; it returns nil then. It
// is for one call. An error names what is missing and the remedy.
func (o *Observer) Run(ctx context.Context) error {
	c, err := attach(&o.cfg, o.table)
	if err != nil {
		return err
	}
	return o.observe(ctx, c)
}

// observe runs c to its end and closes it. The pipeline is closed by the source's
// last turn: no snapshot sees it half closed, and none comes after.
func (o *Observer) observe(ctx context.Context, c *capture) error {
	o.put(c, nil)
	err := c.run(ctx, o.pipe.emit, o.pipe.close)
	o.put(nil, errEnded)
	if err := c.close(); err != nil {
		o.cfg.Logger.Warn("the capture did not close as it should", "err", err)
	}
	return err
}

// put waits for those who use the capture that was there before.
func (o *Observer) put(c *capture, absent error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.live, o.absent = c, absent
}

// Ready returns nil while capture is attached, else why it is not.
func (o *Observer) Ready() error {
	o.mu.RLock()
	defer o.mu.RUnlock()
	return o.absent
}

// Snapshot drains the source and returns the state as of now.
func (o *Observer) Snapshot(ctx context.Context) (event.Snapshot, error) {
	o.mu.RLock()
	defer o.mu.RUnlock()
	c := o.live
	if c == nil {
		return event.Snapshot{}, o.absent
	}
	var snap event.Snapshot
	var failed error
	if err := c.source.Sync(ctx, func() { snap, failed = o.look() }); err != nil {
		return event.Snapshot{}, err
	}
	if failed != nil {
		return event.Snapshot{}, failed
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

// look asks the pipeline, on the goroutine of the source, which must outlive a
// panic of it.
func (o *Observer) look() (snap event.Snapshot, err error) {
	defer func() {
		if r := recover(); r != nil {
			o.panics++
			o.cfg.Logger.Error("the observer's state cannot be told, please report this", "panic", r, "stack", string(debug.Stack()))
			err = fmt.Errorf("the observer's state cannot be told: panic: %v", r)
		}
	}()
	snap = o.pipe.snapshot(o.pipe.now)
	snap.Tally.Panics += o.panics
	return snap, nil
}

// Reload replaces targets and path rules while the observer runs.
func (o *Observer) Reload(targets []servers.Spec, model, ignore []*regexp.Regexp) error {
	o.table.Reload(targets, servers.Rules{Model: model, Ignore: ignore})
	return nil
}
