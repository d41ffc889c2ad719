// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"

	"github.com/modeltap/modeltap/exporter"
	"github.com/modeltap/modeltap/observer"
	"github.com/modeltap/modeltap/observer/event"
	"github.com/modeltap/modeltap/observer/record"
)

// runRecord is the command record: it observes as run does, so that the same
// ports are watched, and writes what is captured. It ends with ctx, after
// --duration, or when the file is full.
func (p process) runRecord(ctx context.Context, s *settings, log *slog.Logger) error {
	r, err := s.rules()
	if err != nil {
		return err
	}
	if s.record.duration > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, s.record.duration)
		defer cancel()
	}
	f, err := os.OpenFile(s.record.file, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return fmt.Errorf("record: %w: name a new file in a directory that can be written", err)
	}
	rec := &recorder{out: f, log: log, opts: record.Options{KeepText: s.record.keepText, MaxBytes: int64(s.record.maxBytes)}}
	err = errors.Join(rec.run(ctx, s.config(r, log), func(ctx context.Context, o *observer.Observer) { s.dropOnce(ctx, o, log) }), f.Close())
	if err != nil {
		if rec.packets == 0 {
			_ = os.Remove(s.record.file)
		}
		return fmt.Errorf("record: %w", err)
	}
	_, err = fmt.Fprintf(p.stdout, "%d packets recorded: modeltap replay %s\n", rec.packets, s.record.file)
	return err
}

// recorder writes what an observer captures.
type recorder struct {
	out  io.Writer
	opts record.Options
	log  *slog.Logger

	writer  *record.Writer // nil before the first packet
	packets int
	err     error // of the writer
}

// run records until ctx ends or the file is full. Beside it, started is called.
func (r *recorder) run(ctx context.Context, cfg observer.Config, started func(context.Context, *observer.Observer)) error {
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	cfg.Tee = func(batch []event.Segment) {
		if len(batch) == 0 || r.err != nil {
			return
		}
		if r.err = r.write(batch); r.err != nil {
			stop()
		}
	}
	o, err := observer.New(cfg, newSummary(1))
	if err != nil {
		return err
	}
	go started(ctx, o)
	if err := o.Run(ctx); err != nil && ctx.Err() == nil {
		return err
	}
	if errors.Is(r.err, record.ErrFull) {
		r.log.Warn("stopped early", "err", r.err)
		r.err = nil
	}
	if r.err == nil && r.writer == nil {
		r.err = r.open(0) // a file without packets is a whole file, too
	}
	if r.err != nil {
		return r.err
	}
	return r.writer.Close()
}

func (r *recorder) write(batch []event.Segment) error {
	if r.writer == nil {
		// Which clock the source stamps with is known from its stamps only.
		t := batch[0].Time
		if err := r.open(exporter.Wall(t).UnixNano() - t); err != nil {
			return err
		}
	}
	r.packets += len(batch)
	return r.writer.Segments(batch)
}

// open begins the file; offset turns the source's time into Unix time, in ns.
func (r *recorder) open(offset int64) (err error) {
	r.opts.Offset = offset
	r.writer, err = record.NewWriter(r.out, r.opts)
	return err
}
