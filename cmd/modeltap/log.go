// SPDX-License-Identifier: Apache-2.0

package main

import (
	"io"
	"log/slog"
)

// newLogger returns a logger and its level, which a reload may change. The
// names are those that the flags accept.
func newLogger(w io.Writer, format, level string) (*slog.Logger, *slog.LevelVar) {
	v := &slog.LevelVar{}
	v.Set(levelOf(level))
	opts := &slog.HandlerOptions{Level: v}
	if format == "json" {
		return slog.New(slog.NewJSONHandler(w, opts)), v
	}
	return slog.New(slog.NewTextHandler(w, opts)), v
}

func levelOf(name string) slog.Level {
	switch name {
	case "debug":
		return slog.LevelDebug
	case "warn":
		return slog.LevelWarn
	case "error":
		return slog.LevelError
	}
	return slog.LevelInfo
}
