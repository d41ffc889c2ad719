// SPDX-License-Identifier: Apache-2.0

// Command modeltap observes LLM model servers from the kernel and serves what
// it measures as Prometheus metrics.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"runtime/debug"
	"slices"

	"github.com/modeltap/modeltap/observer/event"
)

// Exit codes.
const (
	exitOK      = 0 // done, or stopped by a signal
	exitFailure = 1 // failed while running
	exitUsage   = 2 // a mistake in flags, environment or configuration
)

// gcPercent is how much the heap may grow between collections: half of
// Go's default. The data path allocates next to nothing, so that collections are
// rare, and the daemon stays small beside the servers that it watches.
const gcPercent = 50

func main() {
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(gcPercent)
	}
	os.Exit(mainWithExitCode(process{
		alone: true,
		args:  os.Args[1:], environ: os.Environ(),
		stdin: os.Stdin, stdout: os.Stdout, stderr: os.Stderr,
	}))
}

// process is what the program gets from outside.
type process struct {
	args, environ  []string
	stdin          io.Reader
	stdout, stderr io.Writer
	// alone says that nothing else runs in the operating system's process, so
	// that its privileges may be given up.
	alone bool
}

// mainWithExitCode is main with its deferred calls run before the exit.
func mainWithExitCode(p process) int {
	ctx, stop := untilSignal(context.Background())
	defer stop()
	err := p.run(ctx)
	switch {
	case err == nil, errors.Is(err, errHelp):
		return exitOK
	case errors.As(err, new(usageError)):
		fmt.Fprintln(p.stderr, "modeltap:", err)
		return exitUsage
	default:
		fmt.Fprintln(p.stderr, "modeltap:", err)
		return exitFailure
	}
}

// run carries out the command of p.args until it is done or ctx ends.
func (p process) run(ctx context.Context) error {
	s, err := resolve(p.args, p.environ, p.stdout)
	if err != nil {
		return err
	}
	log, level := newLogger(p.stderr, s.logFormat, s.logLevel)
	for _, w := range s.warnings {
		log.Warn(w)
	}
	if err := raiseCapabilities(); err != nil {
		log.Warn("capabilities stay as they are", "err", err)
	}
	if !p.alone {
		s.dropPrivileges = false
	} else if err := harden(); err != nil {
		log.Warn("the process is less protected than it could be", "err", err)
	}
	if s.vocabularies, err = loadTokenizers(s.command, s.tokenizers); err != nil {
		return err
	}
	if !slices.Contains([]string{cmdRun, cmdRecord, cmdReplay, cmdDemo, cmdCheck}, s.command) {
		s.drop(event.SourceStats{}, log) // these have nothing to open
	}
	switch s.command {
	case cmdRun:
		return p.runDaemon(ctx, s, log, level)
	case cmdCheck:
		return p.runCheck(s)
	case cmdReplay:
		return p.runReplay(ctx, s, log)
	case cmdRecord:
		return p.runRecord(ctx, s, log)
	case cmdDemo:
		return p.runDemo(ctx, s, log, level)
	case cmdTop:
		return p.runTop(ctx, s)
	case cmdDemoServer:
		return p.runDemoServer(ctx)
	case cmdDemoLoad:
		return p.runDemoLoad(ctx, s.demo.url)
	}
	return printVersion(p.stdout)
}
