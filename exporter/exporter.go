// SPDX-License-Identifier: Apache-2.0

package exporter

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math"
	"sync"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/modeltap/modeltap/gpu"
	"github.com/modeltap/modeltap/observer/event"
	"github.com/modeltap/modeltap/observer/host"
)

const (
	// DefaultSeriesTTL is how long a series stays without traffic.
	DefaultSeriesTTL = 10 * time.Minute
	// DefaultSnapshotTimeout bounds the wait of one scrape for the observer,
	// well inside Prometheus' default scrape timeout of 10 s.
	DefaultSnapshotTimeout = 5 * time.Second
	// RecentRequests is the number of ended exchanges kept for the API.
	RecentRequests = 1000
)

// Options configures an Exporter. Registry and Snapshot are required.
type Options struct {
	// Registry is where the Exporter registers itself. The caller registers
	// its other collectors there too.
	Registry *prometheus.Registry
	Logger   *slog.Logger // default: discard
	// Native adds native histograms to the classic buckets.
	Native bool
	// Snapshot drains the capture and returns the observer's state. It is
	// called once for each scrape, never twice at the same time.
	Snapshot func(context.Context) (event.Snapshot, error)
	// SnapshotTimeout bounds a scrape's wait for Snapshot; beyond it the
	// scrape goes on without. Default DefaultSnapshotTimeout.
	SnapshotTimeout time.Duration
	// SeriesTTL is how long after its last exchange a series that the
	// observer no longer knows is kept. Default DefaultSeriesTTL; negative
	// keeps every series, which is what a replay wants.
	SeriesTTL time.Duration
	// Wall turns a time of the source's clock into wall-clock time for the
	// API; nil leaves such fields null. Wall of this package serves live
	// sources.
	Wall func(ns int64) time.Time
	// Now is the clock of series expiry. Default time.Now.
	Now func() time.Time
	// Processes reads the process trees of servers by name, from the number of
	// the process that listens; nil leaves their figures out.
	Processes func(pids map[string]int, others []int) map[string]host.Tree
	// GPUs are joined with Processes; nil for none.
	GPUs func() gpu.Snapshot
	// Version and Revision are labels of modeltap_build_info.
	Version, Revision string
}

// Exporter implements event.Sink and prometheus.Collector. All methods may be
// called from any goroutine.
type Exporter struct {
	opts     Options
	requests *requestVecs
	// objectives are guarded by mu.
	objectives []Objective
	series     *seriesDescs
	self       *selfDescs
	processes  *processDescs
	trees      *bounded // runs processes

	snapshots chan struct{} // holds a token while Snapshot runs
	panicked  atomic.Uint64 // what Panicked counts
	failures  prometheus.Counter
	reloadOK  prometheus.Gauge
	reloaded  prometheus.Gauge

	mu       sync.Mutex
	children map[key]*child
	others   map[otherKey]*otherChild
	recent   ring
	swept    time.Time // when the last Snapshot was compared with children
}

// New returns an Exporter that is registered in o.Registry. It panics when the
// registry holds metrics of the same names, which is a mistake of the program.
// The configuration that o came from counts as successfully loaded.
func New(o Options) *Exporter {
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	if o.SnapshotTimeout <= 0 {
		o.SnapshotTimeout = DefaultSnapshotTimeout
	}
	switch {
	case o.SeriesTTL == 0:
		o.SeriesTTL = DefaultSeriesTTL
	case o.SeriesTTL < 0:
		o.SeriesTTL = math.MaxInt64
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	e := &Exporter{
		opts:      o,
		requests:  newRequestVecs(o.Native),
		series:    newSeriesDescs(),
		self:      newSelfDescs(),
		processes: newProcessDescs(),
		snapshots: make(chan struct{}, 1),
		failures: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "modeltap_snapshot_failures_total",
			Help: "Scrapes served without the observer's state because it did not answer in time.",
		}),
		reloadOK: prometheus.NewGauge(prometheus.GaugeOpts{
			Name: "modeltap_config_last_reload_successful",
			Help: "Whether the last attempt to load the configuration succeeded.",
		}),
		reloaded: prometheus.NewGauge(prometheus.GaugeOpts{
			Name: "modeltap_config_last_reload_success_timestamp_seconds",
			Help: "Time of the last successful load of the configuration.",
		}),
		children: make(map[key]*child),
		others:   make(map[otherKey]*otherChild),
		recent:   newRing(RecentRequests),
		swept:    o.Now(),
	}
	e.trees = newBounded("processes", nil, e.processes.describe)
	e.Reloaded(nil)
	o.Registry.MustRegister(e)
	return e
}

// Reloaded records the result of an attempt to reload the configuration.
func (e *Exporter) Reloaded(err error) {
	if err != nil {
		e.reloadOK.Set(0)
		return
	}
	e.reloadOK.Set(1)
	e.reloaded.Set(float64(e.opts.Now().UnixNano()) / 1e9)
}

// Describe implements prometheus.Collector.
func (e *Exporter) Describe(ch chan<- *prometheus.Desc) {
	e.requests.describe(ch)
	e.series.describe(ch)
	e.self.describe(ch)
	e.trees.Describe(ch)
	for _, c := range e.own() {
		c.Describe(ch)
	}
}

// Collect implements prometheus.Collector. One Snapshot comes first, so that
// everything captured before the scrape is in every metric of it.
func (e *Exporter) Collect(ch chan<- prometheus.Metric) {
	s, err := e.snapshot(context.Background())
	if err != nil {
		e.failures.Inc()
		e.opts.Logger.Warn("scrape without the observer's state", "err", err)
	} else {
		e.contain("series that have ended", func() { e.sweep(&s) })
		e.contain("a scrape's series", func() { e.series.collect(ch, &s, e.opts.Native, e.opts.Now()) })
		s.Tally.Panics += e.panicked.Load()
		e.contain("what a scrape tells of modeltap", func() { e.self.collect(ch, &s) })
		if e.opts.Processes != nil {
			e.trees.run(ch, func(ch chan<- prometheus.Metric) { e.processes.collect(ch, s.Servers, e.opts.Processes, e.gpus()) })
		}
	}
	e.self.build(ch, e.opts.Version, e.opts.Revision)
	e.contain("a scrape's requests", func() { e.requests.collect(ch) })
	for _, c := range e.own() {
		c.Collect(ch)
	}
}

func (e *Exporter) gpus() []gpu.Device {
	if e.opts.GPUs == nil {
		return nil
	}
	return e.opts.GPUs().Devices
}

func (e *Exporter) own() []prometheus.Collector {
	return []prometheus.Collector{e.failures, e.reloadOK, e.reloaded}
}

// snapshot never takes longer than SnapshotTimeout, whatever Snapshot does: one
// that hangs occupies one goroutine, and later calls wait for it in vain.
func (e *Exporter) snapshot(ctx context.Context) (event.Snapshot, error) {
	ctx, cancel := context.WithTimeoutCause(ctx, e.opts.SnapshotTimeout, errSnapshotTimeout)
	defer cancel()
	select {
	case e.snapshots <- struct{}{}:
	case <-ctx.Done():
		return event.Snapshot{}, context.Cause(ctx)
	}
	type result struct {
		s   event.Snapshot
		err error
	}
	done := make(chan result, 1)
	go func() {
		defer func() { <-e.snapshots }()
		r := result{err: errPanicked}
		e.contain("a look at the observer's state", func() { r.s, r.err = e.opts.Snapshot(ctx) })
		done <- r
	}()
	select {
	case r := <-done:
		if r.err != nil {
			return r.s, fmt.Errorf("read the observer's state: %w", r.err)
		}
		return r.s, nil
	case <-ctx.Done():
		return event.Snapshot{}, context.Cause(ctx)
	}
}

var errPanicked = errors.New("modeltap itself failed, see the log")

var errSnapshotTimeout = errors.New("the observer did not hand over its state in time: " +
	"the host is short of CPU or a shard is stuck; see go_goroutines and /debug/pprof")
