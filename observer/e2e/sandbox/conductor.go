// SPDX-License-Identifier: Apache-2.0

package sandbox

import (
	"bytes"
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"time"
)

// conductor is the first process of a test binary: it runs itself again in
// sandboxes and puts together what they say.
type conductor struct {
	self    string
	args    []string // without what is given anew to each
	rest    []string // that are no flags
	batches []batch
	prepare func() error
	end     time.Time // zero without -test.timeout
	maker   *maker

	printing sync.Mutex
	failed   atomic.Bool
}

// once are flags whose files one process alone can write: everything runs in one
// sandbox then.
var once = []string{"test.coverprofile", "test.gocoverdir", "test.cpuprofile", "test.memprofile", "test.blockprofile", "test.mutexprofile", "test.trace"}

func newConductor(p Plan) (*conductor, error) {
	c := &conductor{prepare: p.prepare, rest: flag.Args()}
	if d, err := time.ParseDuration(value("test.timeout")); err == nil && d > 0 {
		c.end = time.Now().Add(d)
	}
	var err error
	if c.self, err = os.Executable(); err != nil {
		return nil, err
	}
	for _, a := range os.Args[1 : len(os.Args)-flag.NArg()] {
		// What a cached result would depend on is read by other processes: without
		// its log go test keeps none.
		if !strings.HasPrefix(a, "-test.testlogfile=") {
			c.args = append(c.args, a)
		}
	}
	if set(once...) {
		p.Apart = ""
	}
	apart, err := match(p.Apart)
	if err != nil {
		return nil, err
	}
	alone, err := match(p.Alone)
	if err != nil {
		return nil, err
	}
	tests, err := c.list()
	if err != nil {
		return nil, err
	}
	c.batches = split(tests, value("test.run"), apart, alone)
	c.maker, err = newMaker()
	return c, err
}

// list asks the binary which tests and examples there are.
func (c *conductor) list() ([]string, error) {
	pattern, _, alternatives := cut(value("test.run"))
	if alternatives || pattern == "" {
		pattern = "."
	}
	out, err := exec.Command(c.self, "-test.list="+pattern).Output()
	if err != nil {
		return nil, fmt.Errorf("list the tests: %w: %s", err, out)
	}
	skip, sub, alternatives := cut(value("test.skip"))
	if sub != "" || alternatives {
		skip = "" // of subtests, which the runs look at
	}
	skipped, err := match(skip)
	if err != nil {
		return nil, fmt.Errorf("-skip: %w", err)
	}
	var tests []string
	for line := range strings.Lines(string(out)) {
		if name := strings.TrimSpace(line); !strings.HasPrefix(name, "Benchmark") && !skipped(name) {
			tests = append(tests, name)
		}
	}
	return tests, nil
}

func (c *conductor) run() int {
	defer c.maker.close()
	if len(c.batches) == 0 {
		fmt.Println("testing: warning: no tests to run\nPASS")
		return 0
	}
	if c.prepare() != nil {
		return 1
	}
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	defer stop()
	if len(c.batches) == 1 { // as it comes
		err := c.one(ctx, c.batches[0], os.Stdout)
		if err == nil {
			return 0
		}
		if _, exited := errors.AsType[*exec.ExitError](err); !exited || ctx.Err() != nil {
			fmt.Println("sandbox:", err)
		}
		return 1
	}
	slots := make(chan struct{}, places())
	var wg sync.WaitGroup
	for _, b := range c.batches {
		if b.alone {
			wg.Wait()
		}
		slots <- struct{}{}
		if ctx.Err() != nil || c.failed.Load() && set("test.failfast") {
			break
		}
		wg.Go(func() {
			defer func() { <-slots }()
			c.buffered(ctx, b)
		})
		if b.alone {
			wg.Wait()
		}
	}
	wg.Wait()
	if c.failed.Load() || ctx.Err() != nil {
		fmt.Println("FAIL")
		return 1
	}
	fmt.Println("PASS")
	return 0
}

// places is how many sandboxes run at a time: -test.parallel if it was given,
// else twice the processors, since servers and clients wait most of the time.
func places() int {
	if f := flag.Lookup("test.parallel"); f.Value.String() != f.DefValue {
		if n, ok := f.Value.(flag.Getter).Get().(int); ok {
			return n
		}
	}
	return 2 * runtime.NumCPU()
}

// buffered runs one and prints what it said when it has ended, so that the lines
// of tests that run at the same time stay together.
func (c *conductor) buffered(ctx context.Context, b batch) {
	out, err := os.CreateTemp(Shared(), "output-")
	if err == nil {
		defer out.Close()
		err = c.one(ctx, b, out)
	}
	var text []byte
	if out != nil {
		text, _ = os.ReadFile(out.Name())
	}
	c.printing.Lock()
	defer c.printing.Unlock()
	for line := range bytes.Lines(text) {
		// The verdict is on all of them, at the end.
		if v := strings.TrimSpace(strings.TrimPrefix(string(line), "\x16")); v != "PASS" && v != "FAIL" {
			os.Stdout.Write(line)
		}
	}
	if err != nil {
		c.failed.Store(true)
		fmt.Printf("sandbox of %s: %v\n", b.label, err)
	}
}

// one runs a batch and writes what it says to out.
func (c *conductor) one(ctx context.Context, work batch, out *os.File) error {
	args := append(slices.Clone(c.args), "-test.run="+work.run)
	if !c.end.IsZero() {
		left := time.Until(c.end)
		if left <= 0 {
			return errors.New("no time is left: -timeout is for all tests of a package")
		}
		args = append(args, "-test.timeout="+left.String())
	}
	b, err := c.maker.make()
	if err != nil {
		return err
	}
	return errors.Join(b.run(ctx, out, c.self, append(args, c.rest...)...), b.remove())
}
