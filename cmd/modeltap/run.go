// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"

	"github.com/modeltap/modeltap/exporter"
	"github.com/modeltap/modeltap/exporter/live"
	"github.com/modeltap/modeltap/exporter/otlp"
	"github.com/modeltap/modeltap/gpu"
	"github.com/modeltap/modeltap/observer"
	"github.com/modeltap/modeltap/observer/event"
	"github.com/modeltap/modeltap/observer/host"
)

// daemon is one observer and the server of its metrics.
type daemon struct {
	log      *slog.Logger
	level    *slog.LevelVar
	settings *settings // of the start
	observer *observer.Observer
	exporter *exporter.Exporter
	server   *exporter.Server
	gpu      *gpu.Sampler   // nil with --no-gpu
	host     *host.Sampler  // nil with --no-host
	otlp     *otlp.Exporter // nil without --otlp.endpoint
	live     *live.Live     // nil with --no-web.live
	reloader *reloader      // nil where the configuration cannot be read again
}

// config returns what s says to the observer.
func (s *settings) config(r rules, log *slog.Logger) observer.Config {
	return observer.Config{
		Tokenizers: s.vocabularies,
		Targets:    r.targets, ModelPaths: r.model, IgnorePaths: r.ignore,
		Capture: s.capture, CgroupRoot: s.cgroupRoot, DiscoveryCgroup: s.discoveryCgroup, Interface: s.iface,
		RingSize: int(s.ringSize), MaxRequestBytes: int(s.maxRequestBytes), SocketWait: s.socketWait, CRISocket: s.criSocket,
		MaxServers: s.maxServers, MaxModels: s.maxModels, MaxConnections: s.maxConnections,
		MaxBuffer: int64(s.maxBuffer), StallAfter: s.stallAfter, SeriesTTL: s.seriesTTL,
		NativeHistograms: s.native, Logger: log,
	}
}

// newDaemon builds what s describes. Extra, if any, is told of every exchange
// too; again reads the settings once more, nil forbids reloads. Nothing is
// attached or bound yet.
func newDaemon(s *settings, log *slog.Logger, level *slog.LevelVar, extra event.Sink, again func() (*settings, error)) (*daemon, error) {
	r, err := s.rules()
	if err != nil {
		return nil, err
	}
	d := &daemon{log: log, level: level, settings: s}
	registry := prometheus.NewRegistry()
	registry.MustRegister(collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	release, revision := build()
	var gpus func() gpu.Snapshot
	if s.gpu {
		d.gpu = gpu.New(gpu.Options{Library: s.gpuLibrary, KernelLog: s.kernelLog, Demo: s.gpuBackend == "demo", Logger: log})
		gpus = d.gpu.Snapshot
		registry.MustRegister(exporter.Bounded("gpu", exporter.NewGPU(gpus, s.compat)))
	}
	var processes func(map[string]int, []int) map[string]host.Tree
	if s.host {
		proc := hostProc()
		d.host = host.New(host.Options{Proc: proc, Logger: log})
		registry.MustRegister(exporter.Bounded("host", exporter.NewHost(d.host.Snapshot, s.compat)))
		processes = host.NewTrees(proc).Read
	}
	d.exporter = exporter.New(exporter.Options{
		Registry: registry, Logger: log, Native: s.native, SeriesTTL: s.seriesTTL, Processes: processes, GPUs: gpus,
		Snapshot: func(ctx context.Context) (event.Snapshot, error) { return d.observer.Snapshot(ctx) },
		Wall:     exporter.Wall, Version: release, Revision: revision,
	})
	d.exporter.SetObjectives(s.objectives)
	var sink event.Sink = d.exporter
	if extra != nil {
		sink = both{sink, extra}
	}
	if s.otlp != "" {
		at, err := otlp.ParseEndpoint(s.otlp)
		if err != nil {
			return nil, usageError{err}
		}
		d.otlp, err = otlp.New(context.Background(), otlp.Options{Endpoint: at, Registry: registry, Wall: exporter.Wall, Logger: log, Version: release})
		if err != nil {
			return nil, err
		}
		sink = both{sink, d.otlp}
	}
	if s.webLive {
		d.live = live.New(s.liveOptions(d, release, log))
		sink = both{sink, d.live}
	}
	if d.observer, err = observer.New(s.config(r, log), sink); err != nil {
		return nil, err
	}
	if again != nil {
		d.reloader = &reloader{daemon: d, now: s, again: again}
	}
	o := exporter.ServerOptions{
		Exporter: d.exporter, ListenAddresses: s.listen, SystemdSocket: s.systemdSocket, ConfigFile: s.webConfig,
		TelemetryPath: s.telemetryPath, Ready: d.observer.Ready, Pprof: s.enablePprof,
	}
	if d.live != nil {
		o.Live = d.live.Register
	}
	if s.enableLifecycle && d.reloader != nil {
		o.Reload = d.reloader.reload
	}
	if d.server, err = exporter.NewServer(o); err != nil {
		return nil, usageError{err}
	}
	return d, nil
}

// liveOptions returns what the live page of d shows.
func (s *settings) liveOptions(d *daemon, release string, log *slog.Logger) live.Options {
	o := live.Options{
		Snapshot: func(ctx context.Context) (event.Snapshot, error) { return d.observer.Snapshot(ctx) },
		Wall:     exporter.Wall, Version: release, TelemetryPath: s.telemetryPath, Pprof: s.enablePprof, Logger: log,
		Panicked: d.exporter.Panicked,
	}
	o.Hostname, _ = os.Hostname()
	if d.gpu != nil {
		o.GPUs = d.gpu.Snapshot
	}
	if d.host != nil {
		o.Host = d.host.Load
	}
	return o
}

// run binds, attaches and observes until ctx ends, and returns nil then. The
// address is bound first, so that a port in use costs nothing.
func (d *daemon) run(ctx context.Context) error {
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	if err := d.server.Listen(ctx); err != nil {
		return err
	}
	dropped := make(chan struct{})
	parts := []func(context.Context) error{d.observer.Run, d.server.Serve, func(ctx context.Context) error {
		d.settings.dropOnce(ctx, d.observer, d.log)
		close(dropped)
		<-ctx.Done()
		return nil
	}}
	if d.reloader != nil {
		parts = append(parts, d.reloader.onHangup)
	}
	if d.gpu != nil {
		// After the drop, which reaches all threads: one that hangs in a driver
		// would hold it up.
		parts = append(parts, func(ctx context.Context) error {
			select {
			case <-dropped:
			case <-time.After(dropLimit):
			case <-ctx.Done():
				return nil
			}
			return d.gpu.Run(ctx)
		})
	}
	if d.host != nil {
		parts = append(parts, d.host.Run)
	}
	if d.otlp != nil {
		parts = append(parts, d.otlp.Run)
	}
	if d.live != nil {
		parts = append(parts, d.live.Run)
	}
	ended := make(chan error, len(parts))
	for _, part := range parts {
		go func() { ended <- part(ctx) }()
	}
	var failed error
	for range parts {
		err := <-ended
		if err != nil && !errors.Is(err, context.Canceled) && failed == nil {
			failed = err
		}
		// One part ends by itself only when it cannot go on.
		stop()
	}
	return failed
}

// dropLimit bounds how long GPUs wait for the end of the start.
const dropLimit = 15 * time.Second

// both tells two sinks.
type both [2]event.Sink

func (b both) Exchange(x *event.Exchange) {
	b[0].Exchange(x)
	b[1].Exchange(x)
}

func (b both) OtherRequest(server string, status int) {
	b[0].OtherRequest(server, status)
	b[1].OtherRequest(server, status)
}

// runDaemon is the command run.
func (p process) runDaemon(ctx context.Context, s *settings, log *slog.Logger, level *slog.LevelVar) error {
	d, err := newDaemon(s, log, level, nil, func() (*settings, error) { return resolve(p.args, p.environ, io.Discard) })
	if err != nil {
		return err
	}
	release, _ := build()
	log.Info("starting", "version", release, "targets", len(s.targets)+len(s.fileTargets))
	if err := d.run(ctx); err != nil {
		return fmt.Errorf("run: %w", err)
	}
	log.Info("stopped")
	return nil
}
