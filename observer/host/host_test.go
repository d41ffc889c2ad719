// SPDX-License-Identifier: Apache-2.0

package host

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"
)

// fake writes a /proc with the given files and returns its path.
func fake(t *testing.T, files map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	for name, text := range files {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

func stat(user, nice, system, idle, iowait int) string {
	return fmt.Sprintf("cpu  %d %d %d %d %d 30 20 10 5 0\ncpu0 1 1 1 1 1 1 1 1 1 1\nbtime 1700000000\nprocesses 5\n", user, nice, system, idle, iowait)
}

const meminfo = "MemTotal: 1000 kB\nMemFree: 100 kB\nMemAvailable: 600 kB\nBuffers: 50 kB\nCached: 300 kB\nSwapTotal: 400 kB\nSwapFree: 300 kB\n"

func whole(t *testing.T) string {
	return fake(t, map[string]string{
		"stat": stat(1000, 100, 500, 8000, 400), "meminfo": meminfo, "loadavg": "0.5 1.5 2.5 1/100 999\n",
		"pressure/cpu":    "some avg10=0.00 avg60=0.00 avg300=0.00 total=2500000\n",
		"pressure/memory": "some avg10=0.00 avg60=0.00 avg300=0.00 total=1000000\nfull avg10=0.00 avg60=0.00 avg300=0.00 total=500000\n",
		"diskstats": "   8       0 sda 10 0 100 5 20 0 200 6 0 1500 11\n   8       1 sda1 10 0 100 5 20 0 200 6 0 1500 11\n" +
			"   7       0 loop0 1 0 8 0 0 0 0 0 0 0 0\n 259       0 nvme0n1 1 0 2 0 3 0 4 0 0 250 0\n 259       1 nvme0n1p1 1 0 2 0 3 0 4 0 0 250 0\n",
		"net/dev": "Inter-|   Receive  |  Transmit\n face |bytes packets errs drop fifo frame compressed multicast|bytes packets errs drop fifo colls carrier compressed\n" +
			"    lo: 999 1 0 0 0 0 0 0 999 1 0 0 0 0 0 0\n  eth0: 700 1 0 0 0 0 0 0 800 1 0 0 0 0 0 0\nveth12: 5 1 0 0 0 0 0 0 5 1 0 0 0 0 0 0\n",
		"1/net/dev": "",
	})
}

func TestSnapshotOfAnotherProc(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("reads a Linux /proc")
	}
	s := New(Options{Proc: whole(t)})
	got := s.Snapshot()
	if got.CPU == nil || got.CPU.Seconds != [Modes]float64{10, 1, 5, 80, 4, .3, .2, .1} || got.CPU.Percent >= 0 {
		t.Errorf("cpu %+v", got.CPU)
	}
	if got.Load == nil || *got.Load != [3]float64{.5, 1.5, 2.5} {
		t.Errorf("load %v", got.Load)
	}
	if got.Memory == nil || *got.Memory != (Memory{1000 << 10, 600 << 10, 400 << 10, 300 << 10}) {
		t.Errorf("memory %+v", got.Memory)
	}
	if want := []Disk{{"nvme0n1", 2 * 512, 4 * 512, .25}, {"sda", 100 * 512, 200 * 512, 1.5}}; fmt.Sprint(got.Disks) != fmt.Sprint(want) {
		t.Errorf("disks %v, want %v", got.Disks, want)
	}
	if want := []Interface{{"eth0", 700, 800}}; fmt.Sprint(got.Network) != fmt.Sprint(want) {
		t.Errorf("network %v", got.Network)
	}
	if want := []Pressure{{"cpu", 2.5, 0, false}, {"memory", 1, .5, true}}; fmt.Sprint(got.Pressure) != fmt.Sprint(want) {
		t.Errorf("pressure %v", got.Pressure)
	}
	if got.Boot != 1_700_000_000 {
		t.Errorf("boot %d", got.Boot)
	}
}

// The share is that of the time between two samples, whoever reads it and how
// often.
func TestShareOfTheProcessor(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("reads a Linux /proc")
	}
	proc := fake(t, map[string]string{"stat": stat(1000, 0, 0, 8000, 500)})
	s := New(Options{Proc: proc})
	s.sample(time.Now())
	if p := s.Snapshot().CPU.Percent; p >= 0 {
		t.Errorf("a share of no time: %v", p)
	}
	if err := os.WriteFile(filepath.Join(proc, "stat"), []byte(stat(1030, 0, 0, 8060, 510)), 0o600); err != nil {
		t.Fatal(err)
	}
	s.sample(time.Now())
	var wait sync.WaitGroup
	for range 4 {
		wait.Go(func() {
			for range 20 {
				if p := s.Snapshot().CPU.Percent; p < 29.9 || p > 30.1 {
					t.Errorf("%v %%, want 30", p)
				}
			}
		})
	}
	wait.Wait()
	s.sample(time.Now()) // no time has passed
	if p := s.Snapshot().CPU.Percent; p >= 0 {
		t.Errorf("a share of no time: %v", p)
	}
	s.sample(time.Now().Add(-stale))
	s.percent = 50
	if p := s.Snapshot().CPU.Percent; p >= 0 {
		t.Errorf("an old share: %v", p)
	}
}

// What cannot be read is absent and said once.
func TestNothingToRead(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("reads a Linux /proc")
	}
	var log bytes.Buffer
	s := New(Options{Proc: t.TempDir(), Logger: slog.New(slog.NewTextHandler(&log, nil))})
	for range 3 {
		got := s.Snapshot()
		if got.CPU != nil || got.Memory != nil || got.Boot != 0 || got.Disks != nil || got.Pressure != nil {
			t.Fatalf("%+v", got)
		}
	}
	if n := strings.Count(log.String(), "figure=memory"); n != 1 || !strings.Contains(log.String(), "--no-host") {
		t.Errorf("said %d times: %s", n, log.String())
	}
}

// The real host, as far as it can be known.
func TestThisHost(t *testing.T) {
	s := New(Options{})
	ctx, stop := context.WithTimeout(context.Background(), 1500*time.Millisecond)
	defer stop()
	if err := s.Run(ctx); err != nil {
		t.Fatal(err)
	}
	got := s.Snapshot()
	if got.CPU == nil || got.CPU.Count < 1 || got.CPU.Seconds[Idle] <= 0 || got.CPU.Percent < 0 || got.CPU.Percent > 100 {
		t.Errorf("cpu %+v", got.CPU)
	}
	if m := got.Memory; m == nil || m.Total == 0 || m.Available > m.Total {
		t.Errorf("memory %+v", m)
	}
	if got.Info == nil || got.Info.Kernel == "" || got.Boot == 0 {
		t.Errorf("info %+v, boot %d", got.Info, got.Boot)
	}
}

// A tree is a process and all below it; what ends takes nothing away.
func TestTrees(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("reads a Linux /proc")
	}
	cmd := exec.Command("sh", "-c", "(while :; do :; done) & child=$!; read line; kill $child; wait; read line")
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() { in.Close(); _ = cmd.Wait() }()
	trees := NewTrees("")
	read := func() (Tree, bool) {
		tree, ok := trees.Read(map[string]int{"s": cmd.Process.Pid}, nil)["s"]
		return tree, ok
	}
	until := time.Now().Add(10 * time.Second)
	var busy Tree
	for busy.CPUSeconds < 0.1 && time.Now().Before(until) {
		time.Sleep(20 * time.Millisecond)
		busy, _ = read()
	}
	if busy.Processes != 2 || busy.Threads < 2 || busy.Resident == 0 || busy.Files < 4 || busy.CPUSeconds < 0.1 {
		t.Fatalf("%+v", busy)
	}
	fmt.Fprintln(in)
	var after Tree
	for after.Processes != 1 && time.Now().Before(until) {
		time.Sleep(20 * time.Millisecond)
		after, _ = read()
	}
	if after.Processes != 1 || after.CPUSeconds < busy.CPUSeconds {
		t.Errorf("%+v, before %+v", after, busy)
	}
	if list := trees.Read(map[string]int{"no": 1 << 22, "none": 0}, nil); len(list) != 0 {
		t.Errorf("trees of no process: %v", list)
	}
	if len(trees.used) != 0 {
		t.Errorf("%d servers are remembered that nobody asks for", len(trees.used))
	}
}

func TestParentIn(t *testing.T) {
	for stat, want := range map[string]int{
		"42 (python3) S 7 42 42 0":         7,
		"42 (a) R 9 (b) S 8 0 0":           8, // the name is: a) R 9 (b
		"42 (tmux: server) S 1 42 42 0 -1": 1,
		"42 (x":                            -1,
		"42 (x) S":                         -1,
		"42 (x) S y":                       -1,
		"":                                 -1,
	} {
		got, ok := parentIn([]byte(stat))
		if !ok {
			got = -1
		}
		if got != want {
			t.Errorf("%q: %d, want %d", stat, got, want)
		}
	}
}
