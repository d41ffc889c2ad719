// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/charmbracelet/x/term"

	"github.com/modeltap/modeltap/cmd/modeltap/demo"
)

const (
	demoClients = 4
	demoPause   = 300 * time.Millisecond
	demoRefresh = time.Second
	// demoLastLook bounds the wait for the table at the end.
	demoLastLook = 5 * time.Second
	// demoSamples bounds the latencies kept by a demo that runs for long.
	demoSamples = 4096
	// demoClear empties a terminal and goes to its top.
	demoClear = "\033[H\033[2J"
)

// runDemo is the command demo: the daemon, on a model server and a load that
// are processes of their own.
func (p process) runDemo(ctx context.Context, s *settings, log *slog.Logger, level *slog.LevelVar) error {
	if s.logLevel == "info" {
		level.Set(slog.LevelWarn) // the table is what the user looks at
	}
	if s.demo.duration > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, s.demo.duration)
		defer cancel()
	}
	server, err := p.startChild(cmdDemoServer)
	if err != nil {
		return err
	}
	defer server.stop()
	address, err := bufio.NewReader(server.stdout).ReadString('\n')
	if err != nil {
		return fmt.Errorf("demo: the model server did not start: %w", err)
	}
	address = strings.TrimSpace(address)
	s.targets, s.fileTargets = []string{"demo=" + address}, nil

	sum := newSummary(demoSamples)
	d, err := newDaemon(s, log, level, sum, nil)
	if err != nil {
		return err
	}
	// The load is started now, while this program may be what it is; it begins
	// with a byte.
	load, err := p.startChild(cmdDemoLoad, "--url", "http://"+address)
	if err != nil {
		return err
	}
	defer load.stop()
	// The daemon outlives ctx by one last look.
	running, stop := context.WithCancel(context.WithoutCancel(ctx))
	defer stop()
	ended := make(chan error, 1)
	go func() { ended <- d.run(running) }()
	if err := waitReady(ctx, d.observer.Ready, ended); err != nil {
		return fmt.Errorf("demo: %w", err)
	}
	if _, err := io.WriteString(load.stdin, "\n"); err != nil {
		return fmt.Errorf("demo: the load has ended: %w", err)
	}
	if err := p.showDemo(ctx, d, sum, address, s.telemetryPath, ended); err != nil {
		return err
	}
	stop()
	return <-ended
}

// waitReady returns when capture is attached, ctx ends, or the daemon does.
func waitReady(ctx context.Context, ready func() error, ended <-chan error) error {
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for ready() != nil {
		select {
		case err := <-ended:
			return err
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
	}
	return nil
}

// showDemo prints what is seen: to a terminal every second, elsewhere once at
// the end.
func (p process) showDemo(ctx context.Context, d *daemon, sum *summary, address, path string, ended <-chan error) error {
	show := func(ctx context.Context) error {
		snap, err := d.observer.Snapshot(ctx)
		if err != nil {
			return err
		}
		fmt.Fprintf(p.stdout, "model server http://%s, metrics at http://%s%s\n\n", address, dialable(d.server.Addrs()[0]), path)
		return writeTable(p.stdout, sum, &snap)
	}
	terminal := isTerminal(p.stdout)
	tick := time.NewTicker(demoRefresh)
	defer tick.Stop()
	for {
		select {
		case err := <-ended:
			return errors.Join(errors.New("demo: the observer ended by itself"), err)
		case <-ctx.Done():
			last, cancel := context.WithTimeout(context.WithoutCancel(ctx), demoLastLook)
			defer cancel()
			return show(last)
		case <-tick.C:
			if terminal {
				fmt.Fprint(p.stdout, demoClear)
				if err := show(ctx); err != nil && ctx.Err() == nil {
					return err
				}
			}
		}
	}
}

// dialable writes an address to listen on as one to connect to.
func dialable(a net.Addr) string {
	if t, ok := a.(*net.TCPAddr); ok && t.IP.IsUnspecified() {
		return net.JoinHostPort("localhost", strconv.Itoa(t.Port))
	}
	return a.String()
}

func isTerminal(w io.Writer) bool {
	f, ok := w.(*os.File)
	return ok && term.IsTerminal(f.Fd())
}

// child is this program again, as a process that ends with its standard input.
type child struct {
	cmd    *exec.Cmd
	stdin  io.WriteCloser
	stdout io.Reader
}

func (p process) startChild(args ...string) (*child, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, fmt.Errorf("demo: find this program: %w", err)
	}
	c := &child{cmd: exec.Command(self, args...)}
	c.cmd.Stderr = p.stderr
	c.cmd.Env = slices.DeleteFunc(slices.Clone(p.environ), func(v string) bool { return strings.HasPrefix(v, envPrefix) })
	if c.stdin, err = c.cmd.StdinPipe(); err == nil {
		c.stdout, err = c.cmd.StdoutPipe()
	}
	if err == nil {
		err = c.cmd.Start()
	}
	if err != nil {
		return nil, fmt.Errorf("demo: start %s: %w", args[0], err)
	}
	return c, nil
}

func (c *child) stop() {
	_ = c.stdin.Close()
	_ = c.cmd.Process.Kill()
	_ = c.cmd.Wait()
}

// withInput returns a context that ends with ctx or with p's standard input,
// so that no child outlives its parent, however that ends.
func (p process) withInput(ctx context.Context) (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithCancel(ctx)
	go func() {
		_, _ = io.Copy(io.Discard, p.stdin)
		cancel()
	}()
	return ctx, cancel
}

// runDemoServer is the first child of demo. It prints its address.
func (p process) runDemoServer(ctx context.Context) error {
	ctx, cancel := p.withInput(ctx)
	defer cancel()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	fmt.Fprintln(p.stdout, l.Addr())
	server := &http.Server{
		Handler:           demo.Handler(demo.Pace{Prefill: 120 * time.Millisecond, Token: 20 * time.Millisecond}),
		ReadHeaderTimeout: 10 * time.Second,
	}
	context.AfterFunc(ctx, func() { _ = server.Close() })
	if err := server.Serve(l); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return nil
}

// runDemoLoad is the second child of demo. It waits for a byte to begin.
func (p process) runDemoLoad(ctx context.Context, url string) error {
	if _, err := io.ReadFull(p.stdin, make([]byte, 1)); err != nil {
		return nil // its parent has ended
	}
	ctx, cancel := p.withInput(ctx)
	defer cancel()
	demo.Load(ctx, url, demoClients, demoPause)
	return nil
}
