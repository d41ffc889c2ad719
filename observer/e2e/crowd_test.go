// SPDX-License-Identifier: Apache-2.0

package e2e

import (
	"bufio"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/modeltap/modeltap/bpf/cgroupfs"
	"github.com/modeltap/modeltap/observer/e2e/rig"
	"github.com/modeltap/modeltap/observer/e2e/sandbox"
)

// crowd is a process with many small model servers; see apps/crowd.py.
type crowd struct {
	in  io.Writer
	out *bufio.Scanner
}

func (p parts) crowd(t *testing.T) *crowd {
	t.Helper()
	cmd := exec.Command("python3", filepath.Join(p.Apps, "crowd.py"))
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	cmd.Stderr = os.Stderr
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL)
		cmd.Wait()
	})
	return &crowd{in, bufio.NewScanner(out)}
}

// do gives a command and returns its answer.
func (c *crowd) do(t *testing.T, format string, args ...any) string {
	t.Helper()
	if _, err := fmt.Fprintf(c.in, format+"\n", args...); err != nil {
		t.Fatal(err)
	}
	if !c.out.Scan() {
		t.Fatal("crowd.py ended")
	}
	if answer := c.out.Text(); !strings.HasPrefix(answer, "error") {
		return answer
	}
	t.Fatalf("%s: %s", fmt.Sprintf(format, args...), c.out.Text())
	return ""
}

// TestDiscoveryCost has 1,000 idle processes and 500 listeners in 21 network
// namespaces, of which one or two come and go each second: discovery costs at
// most 1 % of a core, and a listener is known within 2 s wherever it is.
func TestDiscoveryCost(t *testing.T) {
	p := need(t)
	idle, err := rig.Start(rig.Options{}, "sh", "-c", "i=0; while [ $i -lt 1000 ]; do sleep 1000 & i=$((i+1)); done; wait")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(idle.Kill)
	c := p.crowd(t)
	const spaces, each, own = 20, 20, 100
	ports := make([][]string, spaces)
	for i := range spaces {
		ports[i] = strings.Fields(c.do(t, "space %d", each))[1:]
	}
	var here []string
	for range own {
		here = append(here, c.do(t, "open"))
	}
	m := p.observe(t, "--max-servers=1000")
	// One that discovers nothing: what a daemon costs anyway.
	port, err := rig.FreePort()
	if err != nil {
		t.Fatal(err)
	}
	still := p.observe(t, "--target", "nobody="+itoa(port))
	for end := time.Now().Add(30 * time.Second); len(idle.PIDs()) < 1001 && time.Now().Before(end); {
		time.Sleep(100 * time.Millisecond)
	}
	time.Sleep(3 * time.Second) // what the start finds is not the matter

	const span = 20 * time.Second
	share := func() float64 {
		before, beside, began := m.CPU(), still.CPU(), time.Now()
		for i := 0; time.Since(began) < span; i++ {
			s := i % spaces
			c.do(t, "in %d close %s", s, ports[s][0])
			ports[s] = append(ports[s][1:], c.do(t, "in %d open", s))
			c.do(t, "close %s", here[0])
			here = append(here[1:], c.do(t, "open"))
			time.Sleep(time.Second)
		}
		used, rest, took := m.CPU()-before, still.CPU()-beside, time.Since(began)
		t.Logf("discovery: %v of processor in %v, %v without; %.2f %% of a core; %d processes", used, took, rest, 100*(used-rest).Seconds()/took.Seconds(), len(idle.PIDs()))
		return (used - rest).Seconds() / took.Seconds()
	}
	// A busy machine only adds.
	least := share()
	for range 2 {
		if least > 0.01 {
			least = min(least, share())
		}
	}
	if least > 0.01 {
		t.Errorf("discovery: %.2f %% of a core, want at most 1", 100*least)
	}
	// A server that was known before its first request has it counted; one that
	// its first answer shows has not.
	fresh := []string{c.do(t, "open")}
	for _, s := range []int{3, spaces - 1} {
		fresh = append(fresh, c.do(t, "in %d open", s))
	}
	time.Sleep(2 * time.Second) // what is promised
	c.do(t, "ask %s", fresh[0])
	c.do(t, "in 3 ask %s", fresh[1])
	c.do(t, "in %d ask %s", spaces-1, fresh[2])
	got := scrape(t, m)
	for _, port := range fresh {
		var n float64
		for _, again := range []string{"", "-2", "-3", "-4"} { // the kernel may give one port in several namespaces
			n += got.Value("model_requests_total", "server", "crowd.py:"+port+again, "outcome", "ok")
		}
		want(t, "requests of the new server on port "+port, n, 1)
	}
	want(t, "lost", got.Value("modeltap_capture_lost_total"), 0)
}

// TestLoadGroups watches 300 servers, each in a cgroup of its own: each at its
// own cgroup, every request once, under the same name when all of them have
// ended and come back in new cgroups, and nothing stays attached to the old.
func TestLoadGroups(t *testing.T) {
	p := need(t)
	root, err := cgroupfs.Find("")
	if err != nil {
		t.Fatal(err)
	}
	defer root.Close()
	const n, outer, programs = 300, 200, 3
	dirs, ports := make([]string, n), make([]string, n)
	for i := range dirs {
		dirs[i] = root.Dir(fmt.Sprintf("%s/crowd-%d", sandbox.Cgroup(), i))
		if i%3 == 2 { // inside that of another server, whose programs run for it too
			dirs[i] = dirs[i-1] + "/inner"
		}
	}
	remove := func() {
		for i := range dirs {
			if err := os.Remove(dirs[n-1-i]); err != nil && !os.IsNotExist(err) {
				t.Error(err)
			}
		}
	}
	c := p.crowd(t)
	open := func() {
		for i, dir := range dirs {
			if err := os.Mkdir(dir, 0o755); err != nil {
				t.Fatal(err)
			}
			ports[i] = c.do(t, "open %s %s", dir, ports[i])
		}
	}
	t.Cleanup(remove)
	open()
	args := []string{"--max-servers=1000"}
	for i, port := range ports {
		args = append(args, fmt.Sprintf("--target=s%d=%s", i, port))
	}
	m := p.observe(t, args...)
	for round := range 2 {
		if round > 0 {
			open()
		}
		until(t, "each outer cgroup is attached, and the root is not", m, func(rig.Metrics) bool {
			held := links(t, m) - programs*outer
			return held > 0 && held < 6 // those of discovery and of socket wait
		})
		for _, port := range ports {
			c.do(t, "ask %s", port)
		}
		got := scrape(t, m)
		for i := range ports {
			if v := got.Value("model_requests_total", "server", fmt.Sprintf("s%d", i), "outcome", "ok"); v != float64(round+1) {
				t.Errorf("round %d: requests of server %d = %v", round, i, v)
			}
		}
		want(t, "all requests", got.Value("model_requests_total"), float64(n*(round+1)))
		noLoss(t, got)
		for _, port := range ports {
			c.do(t, "close %s", port)
		}
		remove()
		until(t, "nothing stays attached to what is gone", m, func(rig.Metrics) bool { return links(t, m) < 10 })
	}
}

// links counts the BPF programs that the daemon holds attached.
func links(t *testing.T, m *rig.Modeltap) (n int) {
	t.Helper()
	all, err := filepath.Glob(fmt.Sprintf("/proc/%d/fd/*", m.PID()))
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range all {
		if to, _ := os.Readlink(path); strings.Contains(to, "bpf_link") || strings.Contains(to, "bpf-link") {
			n++
		}
	}
	return n
}
