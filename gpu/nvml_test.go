// SPDX-License-Identifier: Apache-2.0

//go:build cgo && linux

package gpu

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"
)

// TestMain runs this binary again for each age of the driver: a process can
// load one library of that name.
func TestMain(m *testing.M) {
	if age := os.Getenv("GPU_SHIM_AGE"); age != "" {
		if age == "waits" || age == "samples" {
			os.Exit(childDriver(age))
		}
		os.Exit(child(age))
	}
	os.Exit(m.Run())
}

// shim compiles the library and returns its path.
func shim(t *testing.T, flags ...string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), libraryName)
	args := append(flags, "-shared", "-fPIC", "-w", "-Wl,-soname,"+libraryName, "-o", path, "testdata/shim.c")
	if out, err := exec.Command("cc", args...).CombinedOutput(); err != nil {
		t.Fatalf("cc: %v\n%s", err, out)
	}
	return path
}

// run runs a child with a library and returns what it printed.
func run(t *testing.T, age, library, state string, environ ...string) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "state")
	if err := os.WriteFile(file, []byte(state), 0o600); err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithTimeout(context.Background(), time.Minute)
	defer stop()
	cmd := exec.CommandContext(ctx, os.Args[0])
	cmd.Env = append(os.Environ(), "GPU_SHIM_AGE="+age, "GPU_SHIM="+file, "GPU_SHIM_LIBRARY="+library)
	cmd.Env = append(cmd.Env, environ...)
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	return string(out)
}

// A mark gets a value when something is logged.
type mark chan struct{}

func (m mark) Write(p []byte) (int, error) {
	select {
	case m <- struct{}{}:
	default:
	}
	return len(p), nil
}

// child prints what a scenario finds.
func child(scenario string) int {
	said := make(mark, 1)
	log := slog.New(slog.NewTextHandler(io.MultiWriter(os.Stdout, said), &slog.HandlerOptions{ReplaceAttr: func(_ []string, a slog.Attr) slog.Attr {
		if a.Key == slog.TimeKey {
			return slog.Attr{}
		}
		return a
	}}))
	s := New(Options{Library: os.Getenv("GPU_SHIM_LIBRARY"), KernelLog: os.Getenv("GPU_KERNEL_LOG"), Logger: log})
	file := os.Getenv("GPU_SHIM")
	ctx, stop := context.WithCancel(context.Background())
	var done sync.WaitGroup
	done.Go(func() { _ = s.Run(ctx) })
	until := func(what string, ok func(Snapshot) bool) bool {
		for end := time.Now().Add(20 * time.Second); time.Now().Before(end); time.Sleep(20 * time.Millisecond) {
			if ok(s.Snapshot()) {
				return true
			}
		}
		b, _ := json.Marshal(s.Snapshot())
		fmt.Printf("never %s: %s\n", what, b)
		return false
	}
	set := func(state string) { _ = os.WriteFile(file, []byte(state), 0o600) }
	up := func(n int) func(Snapshot) bool {
		return func(s Snapshot) bool {
			up := 0
			for _, d := range s.Devices {
				if d.Up {
					up++
				}
			}
			return s.Known && up == n
		}
	}
	switch scenario {
	case "probe":
		snap, err := Probe(Options{Library: os.Getenv("GPU_SHIM_LIBRARY")})
		fmt.Printf("probed %d, driver %q, err %v\n", len(snap.Devices), snap.Driver, err)
	case "print":
		if until("read", func(s Snapshot) bool { return s.Known && len(s.Devices) > 0 }) {
			d := s.Snapshot().Devices[0]
			fmt.Printf("driver=%q uuid=%s name=%q mem=%+v reserved=%v util=%v power=%v limit=%v energy=%v temp=%v fan=%v state=%v clocks=%v throttle=%v ecc=%v remapped=%v processes=%v\n",
				s.Snapshot().Driver, d.UUID, d.Name, *d.Memory, value(d.Memory.Reserved), value(d.Utilization), value(d.Power), value(d.PowerLimit), value(d.Energy),
				value(d.Temperature), value(d.Fan), value(d.State), d.Clocks, d.Throttle, d.ECC, value(d.Remapped), d.Processes)
		}
	case "json":
		// The second slow reading has come; measurements over time have two ends.
		n, last := 0, time.Time{}
		until("read six times", func(s Snapshot) bool {
			if s.Known && s.Time != last {
				n, last = n+1, s.Time
			}
			return n > slowEvery
		})
		b, err := json.Marshal(s.Snapshot())
		fmt.Printf("%s %v\n", b, err)
	case "kernel log":
		until("whole", up(2))
		f, err := os.OpenFile(os.Getenv("GPU_KERNEL_LOG"), os.O_WRONLY, 0)
		if err != nil {
			fmt.Println(err)
			break
		}
		set("count 2\nxid79 1\n") // the driver tells of one of the three, of GPU 0
		_, _ = f.WriteString("6,1,2,-;something else\n4,2,3,-;NVRM: Xid (PCI:0000:17:00): 79, pid=1, name=x\n SUBSYSTEM=pci\n" +
			strings.Repeat("x", 3*maxRecord) + "\n4,3,4,-;NVRM: Xid (PCI:0000:18:00): 62, pid='<unknown>'\n4,4,5,-;NVRM: Xid (PCI:0000:17:00): 79, pid=1\n")
		until("counted", func(s Snapshot) bool {
			return len(s.Devices) == 2 && len(s.Devices[0].XIDs) == 1 && s.Devices[0].XIDs[0].N == 2 && len(s.Devices[1].XIDs) == 1
		})
		for _, d := range s.Snapshot().Devices {
			for _, x := range d.XIDs {
				fmt.Printf("%s xid %d: %d\n", d.UUID, x.Code, x.N)
			}
		}
	case "lost":
		until("whole", up(3))
		set("count 3\nlost1\n")
		until("one lost", up(2))
		fmt.Printf("success=%v devices=%d lost=%s\n", s.Snapshot().Success, len(s.Snapshot().Devices), s.Snapshot().Devices[1].UUID)
		set("count 3\n")
		until("back", up(3))
		set("count 2\n")
		until("one unplugged", func(s Snapshot) bool { return s.Success && len(s.Devices) == 2 })
	case "gone":
		until("whole", up(1))
		set("gone\n")
		until("gone", func(s Snapshot) bool { return s.Known && !s.Success && len(s.Devices) == 0 })
	case "hang":
		until("whole", up(1))
		set("hang 20000\n")
		until("stuck", func(s Snapshot) bool { return time.Since(s.Time) > 2*interval })
		began := time.Now()
		s.Snapshot()
		fmt.Printf("snapshot took less than 100 ms: %v\n", time.Since(began) < 100*time.Millisecond)
		s.mu.Lock()
		s.last.Time = s.last.Time.Add(-stale)
		s.mu.Unlock()
		fmt.Printf("old devices: %d, success %v\n", len(s.Snapshot().Devices), s.Snapshot().Success)
	case "xid":
		until("whole", up(1))
		for i, state := range []string{"xid79 1\n", "xid79 2\n", "xid48 3\n"} {
			set("count 1\n" + state)
			until("reported", func(s Snapshot) bool {
				n := uint64(0)
				for _, x := range s.Devices[0].XIDs {
					n += x.N
				}
				return n == uint64(i+1)
			})
		}
		for _, x := range s.Snapshot().Devices[0].XIDs {
			fmt.Printf("xid %d: %d, recent %v\n", x.Code, x.N, time.Since(x.Last) < time.Minute)
		}
	case "none":
		<-said
		fmt.Printf("known=%v devices=%d\n", s.Snapshot().Known, len(s.Snapshot().Devices))
	}
	stop()
	began := time.Now()
	done.Wait()
	fmt.Printf("ended in time: %v\n", time.Since(began) < closeLimit+time.Second)
	return 0
}

func value[T any](p *T) string {
	if p == nil {
		return "-"
	}
	return fmt.Sprint(*p)
}

func wants(t *testing.T, out string, want ...string) {
	t.Helper()
	for _, w := range want {
		if !strings.Contains(out, w) {
			t.Errorf("no %q in:\n%s", w, out)
		}
	}
}

// Drivers of three ages: what they lack is absent, and nobody calls it.
func TestDriversOfAllAges(t *testing.T) {
	t.Parallel()
	wants(t, run(t, "print", shim(t), "count 1\n"),
		`driver="580.1" uuid=GPU-0 name="Shim GPU" mem={Total:85899345920 Used:74088185856 Free:10737418240`, "reserved=1073741824",
		"util=0.4 power=250.5 limit=700 energy=123.456 temp=61 fan=- state=2", "{sm 1.1e+09}", "throttle=[{idle false} {sw_power_cap false} {hw_slowdown true}]",
		"{corrected volatile 0} {uncorrected volatile 10} {corrected aggregate 1}", "remapped={3 1 true false}", "processes=[{4242 5368709120}]",
		`msg="GPU observed" gpu=0`, "ended in time: true")
	wants(t, run(t, "print", shim(t, "-DOLD"), "count 1\n"),
		"mem={Total:85899345920", "reserved=- util=0.4", "throttle=[{idle false} {sw_power_cap true} {hw_slowdown false}]", "remapped=-", "processes=[]")
	wants(t, run(t, "print", shim(t, "-DBARE"), "count 1\n"),
		`driver="" uuid=GPU-0 name="" mem=`, "util=- power=- limit=- energy=- temp=- fan=- state=- clocks=[] throttle=[] ecc=[] remapped=- processes=[]")
	wants(t, run(t, "print", shim(t), "count 1\ndenied\n"), "util=- power=250.5")
}

func TestOneLostOfThree(t *testing.T) {
	t.Parallel()
	out := run(t, "lost", shim(t), "count 3\n")
	wants(t, out, "success=false devices=3 lost=GPU-1", `msg="a GPU does not answer`, "gpu=1")
	if strings.Contains(out, "never") || strings.Count(out, "does not answer") != 1 {
		t.Error(out)
	}
}

func TestDriverGone(t *testing.T) {
	t.Parallel()
	if out := run(t, "gone", shim(t), "count 1\n"); strings.Contains(out, "never") {
		t.Error(out)
	}
}

func TestXIDs(t *testing.T) {
	t.Parallel()
	out := run(t, "xid", shim(t), "count 1\n")
	wants(t, out, "xid 79: 2, recent true", "xid 48: 1, recent true", "reports an XID error", "ended in time: true")
	if strings.Contains(out, "never") {
		t.Error(out)
	}
}

func TestXIDsAreBounded(t *testing.T) {
	x := xids{all: map[string][]xidCount{}}
	for code := range 2 * maxXIDs {
		x.count("GPU-a", fromDriver, code, time.Unix(1, 0))
		x.count("GPU-a", fromDriver, code, time.Unix(2, 0))
		x.count("0:1:0", fromKernelLog, code, time.Unix(1, 0))
	}
	for i := range 4 * maxGPUs {
		x.count(fmt.Sprint("other", i), fromKernelLog, 79, time.Unix(1, 0))
	}
	if len(x.all) != 2*maxGPUs {
		t.Errorf("%d GPUs", len(x.all))
	}
	list := x.of("GPU-a", "0:1:0")
	if len(list) != maxXIDs || list[5].N != 2 || list[5].Last.Unix() != 2 {
		t.Errorf("%d codes, %+v", len(list), list[5])
	}
}

func TestDriverHangs(t *testing.T) {
	t.Parallel()
	wants(t, run(t, "hang", shim(t), "count 1\n"), "snapshot took less than 100 ms: true", "old devices: 0, success false",
		"does not return; modeltap ends without it", "ended in time: true")
}

func TestProbe(t *testing.T) {
	t.Parallel()
	wants(t, run(t, "probe", shim(t), "count 2\n"), `probed 2, driver "580.1", err <nil>`)
	wants(t, run(t, "probe", shim(t), "init 9\n"), "probed 0", "modprobe nvidia")
	wants(t, run(t, "probe", shim(t), "hang 20000\n"), "probed 0", "does not return: see the kernel log")
}

// Hosts without a driver are normal, and what is wrong is said with a remedy.
func TestNoDriver(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct{ library, state, want string }{
		"no library":    {"/nonexistent/" + libraryName, "", "normal without an NVIDIA GPU"},
		"no module":     {shim(t), "init 9\n", "modprobe nvidia"},
		"two versions":  {shim(t), "init 18\n", "restart the host"},
		"no permission": {shim(t), "init 4\n", "give the container the GPU devices"},
		"unknown":       {shim(t), "init 999\n", "NVML error 999"},
	} {
		out := run(t, "none", c.library, c.state)
		wants(t, out, "known=false devices=0", c.want, "ended in time: true")
		if n := strings.Count(out, "no GPUs are observed"); n != 1 {
			t.Errorf("%s: said %d times:\n%s", name, n, out)
		}
	}
}

func TestDemo(t *testing.T) {
	now := time.Unix(1_700_000_000, 0)
	var log bytes.Buffer
	s := New(Options{Demo: true, Logger: slog.New(slog.NewTextHandler(&log, nil))})
	s.now = func() time.Time { return now }
	s.reader = newDemo(s.now)
	if err := s.reader.open(); err != nil {
		t.Fatal(err)
	}
	s.sample()
	first := s.Snapshot()
	for range 60 {
		now = now.Add(time.Second)
		s.sample()
	}
	last := s.Snapshot()
	if len(last.Devices) != 2 || !last.Success {
		t.Fatalf("%+v", last)
	}
	for i, d := range last.Devices {
		if *d.Busy <= 0 || *d.Busy > 60 || *d.Energy <= *first.Devices[i].Energy || d.Memory.Used+d.Memory.Free+*d.Memory.Reserved != d.Memory.Total {
			t.Errorf("%+v", d)
		}
	}
}
