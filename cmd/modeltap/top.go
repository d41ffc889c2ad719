// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"

	"github.com/modeltap/modeltap/cmd/modeltap/top"
	"github.com/modeltap/modeltap/cmd/modeltap/top/client"
)

// runTop is the command top.
func (p process) runTop(ctx context.Context, s *settings) error {
	at, err := client.Parse(s.top.url, s.telemetryPath)
	if err != nil {
		return usagef("--url: %w", err)
	}
	release, _ := build()
	return top.Run(ctx, top.Config{
		Address: at, Interval: s.top.interval, Once: s.top.once, JSON: s.top.json, ASCII: s.top.ascii,
		Terminal: isTerminal(p.stdout), Environ: p.environ, Stdin: p.stdin, Stdout: p.stdout, Version: release,
	})
}
