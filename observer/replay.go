// SPDX-License-Identifier: Apache-2.0

package observer

import (
	"context"
	"errors"
	"io"
	"net/netip"

	"github.com/modeltap/modeltap/observer/event"
	"github.com/modeltap/modeltap/observer/servers"
	"github.com/modeltap/modeltap/observer/source/pcapfile"
	"github.com/modeltap/modeltap/observer/tcp"
	"github.com/modeltap/modeltap/observer/tokens"
)

// Replay runs capture files, one after the other, through the pipeline of the
// daemon and returns the state as of the last packet; what is still open then
// is reported as incomplete. Without targets the server side of each
// connection is found out from the packets. "-" is standard input. The error
// joins those of the files; a *pcapfile.TruncatedError or the error of ctx among
// them says that all before the cut was read.
func Replay(ctx context.Context, cfg Config, sink event.Sink, files ...string) (event.Snapshot, error) {
	if err := cfg.defaults(); err != nil {
		return event.Snapshot{}, err
	}
	table := servers.NewTable(servers.Options{
		Specs: cfg.Targets, Rules: servers.Rules{Model: cfg.ModelPaths, Ignore: cfg.IgnorePaths},
		MaxServers: cfg.MaxServers,
	})
	r := replay{open: cfg.Open, pipe: newPipeline(&cfg, tokens.NewDesk(cfg.Tokenizers, true), sink, adoptIn(table, len(cfg.Targets) > 0))}
	var errs []error
	for _, f := range files {
		if ctx.Err() != nil {
			break // the file that it ended in has told
		}
		errs = append(errs, r.file(ctx, f, serverSide(cfg.Targets)))
	}
	snap := r.pipe.snapshot(r.pipe.now)
	r.pipe.close()
	// In-flight figures as of the last packet, counters with what close added.
	closed := r.pipe.snapshot(r.pipe.now)
	snap.Tally, snap.Sources = closed.Tally, r.stats
	snap.Servers = table.Servers()
	return snap, errors.Join(errs...)
}

type replay struct {
	open  func(string) (io.ReadCloser, error)
	pipe  *pipeline
	stats []event.SourceStats
}

func (r *replay) file(ctx context.Context, name string, side func(event.Endpoint) bool) error {
	src := pcapfile.New(pcapfile.Config{Path: name, Server: side, Open: r.open})
	err := src.Run(ctx, r.pipe.emit, nil)
	r.stats = append(r.stats, src.Stats())
	return err
}

// serverSide tells servers by the explicit targets; nil when there are none.
func serverSide(targets []servers.Spec) func(event.Endpoint) bool {
	if len(targets) == 0 {
		return nil
	}
	return func(e event.Endpoint) bool {
		for _, t := range targets {
			if t.Port == e.Port && (t.Addr == netip.Addr{} || t.Addr == e.AddrPort().Addr()) {
				return true
			}
		}
		return false
	}
}

// adoptIn makes every server side a server, unless targets are given.
func adoptIn(t *servers.Table, targets bool) resolver {
	if targets {
		return resolveIn(t)
	}
	return func(c *tcp.Conn, _ *event.Segment) *servers.Server { return t.Adopt(c.Flow.Server) }
}
