// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/common/expfmt"

	"github.com/modeltap/modeltap/exporter"
	"github.com/modeltap/modeltap/observer"
	"github.com/modeltap/modeltap/observer/event"
	"github.com/modeltap/modeltap/observer/source/pcapfile"
)

// runReplay is the command replay. A capture that ends in the middle of a
// packet, or in which a signal comes, is measured up to there, with a warning.
func (p process) runReplay(ctx context.Context, s *settings, log *slog.Logger) error {
	r, err := s.rules()
	if err != nil {
		return err
	}
	cfg := s.config(r, log)
	// A capture is somebody else's bytes: they are parsed without privileges.
	captures := openCaptures(s.replay.files)
	defer captures.close()
	cfg.Open = captures.next
	s.drop(event.SourceStats{}, log)
	if s.replay.format == "prometheus" {
		return replayMetrics(ctx, p.stdout, cfg, s.replay.files)
	}
	sum := newSummary(0)
	snap, err := observer.Replay(ctx, cfg, sum, s.replay.files...)
	if err := warnTruncated(log, err); err != nil {
		return err
	}
	if s.replay.format == "json" {
		return writeJSON(p.stdout, sum, &snap)
	}
	return writeTable(p.stdout, sum, &snap)
}

var errNoState = errors.New("the replay has not ended")

// replayMetrics prints what /metrics would have said at the last packet.
func replayMetrics(ctx context.Context, w io.Writer, cfg observer.Config, files []string) error {
	registry := prometheus.NewRegistry()
	snap, state := event.Snapshot{}, errNoState
	release, revision := build()
	exp := exporter.New(exporter.Options{
		Registry: registry, Logger: cfg.Logger, Native: cfg.NativeHistograms, SeriesTTL: cfg.SeriesTTL,
		Snapshot: func(context.Context) (event.Snapshot, error) { return snap, state },
		Wall:     func(ns int64) time.Time { return time.Unix(0, ns) },
		Version:  release, Revision: revision,
	})
	if snap, state = observer.Replay(ctx, cfg, exp, files...); state != nil {
		if state = warnTruncated(cfg.Logger, state); state != nil {
			return state
		}
	}
	families, err := registry.Gather()
	if err != nil {
		return fmt.Errorf("replay: gather metrics: %w", err)
	}
	for _, f := range families {
		if _, err := expfmt.MetricFamilyToText(w, f); err != nil {
			return err
		}
	}
	return nil
}

// warnTruncated logs those of the joined errors that say where a capture, or the
// reading of it, was cut off, and returns the first of the others.
func warnTruncated(log *slog.Logger, err error) error {
	all := []error{err}
	if joined, ok := err.(interface{ Unwrap() []error }); ok {
		all = joined.Unwrap()
	}
	for _, e := range all {
		switch truncated := (*pcapfile.TruncatedError)(nil); {
		case errors.As(e, &truncated):
			log.Warn("the capture ends in the middle of a packet: everything before is measured", "err", e)
		case errors.Is(e, context.Canceled):
			log.Warn("stopped by a signal: what was read until then is measured")
		case e != nil:
			return fmt.Errorf("replay: %w", e)
		}
	}
	return nil
}
