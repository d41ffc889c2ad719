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

	"github.com/modeltap/modeltap/bpf"
	"github.com/modeltap/modeltap/observer/e2e/rig"
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

// TestLoadDiscovery has 1,000 idle processes and 500 listeners in 21 network
// namespaces, of which one or two come and go each second: discovery costs at
// most 1 % of a core, and a listener is known within 2 s wherever it is.
func TestLoadDiscovery(t *testing.T) {
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
	for end := time.Now().Add(30 * time.Second); len(idle.PIDs()) < 1001 && time.Now().Before(end); {
		time.Sleep(100 * time.Millisecond)
	}
	time.Sleep(3 * time.Second) // what the start finds is not the matter

	const span = 20 * time.Second
	before, began := m.CPU(), time.Now()
	for i := 0; time.Since(began) < span; i++ {
		s := i % spaces
		c.do(t, "in %d close %s", s, ports[s][0])
		ports[s] = append(ports[s][1:], c.do(t, "in %d open", s))
		c.do(t, "close %s", here[0])
		here = append(here[1:], c.do(t, "open"))
		time.Sleep(time.Second)
	}
	used, took := m.CPU()-before, time.Since(began)
	t.Logf("discovery: %v of processor in %v, %.2f %% of a core; %d processes", used, took, 100*used.Seconds()/took.Seconds(), len(idle.PIDs()))
	if used > took/100 {
		t.Errorf("discovery: %v of processor in %v, want at most 1 %% of a core", used, took)
	}
	// A server that was known before its first request has it counted; one that
	// its first answer shows has not.
	fresh := []string{c.do(t, "open")}
	for _, s := range []int{3, spaces - 1} {
		fresh = append(fresh, c.do(t, "in %d open", s))
	}
	time.Sleep(time.Second) // half of what is promised
	c.do(t, "ask %s", fresh[0])
	c.do(t, "in 3 ask %s", fresh[1])
	c.do(t, "in %d ask %s", spaces-1, fresh[2])
	got := scrape(t, m)
	for _, port := range fresh {
		want(t, "requests of the new server on port "+port, got.Value("model_requests_total", "server", "crowd.py:"+port, "outcome", "ok"), 1)
	}
	want(t, "lost", got.Value("modeltap_capture_lost_total"), 0)
}

// TestLoadGroups watches 300 servers, each in a cgroup of its own: each at its
// own cgroup, every request once, through the end and the return of all of
// them, with no descriptor left behind.
func TestLoadGroups(t *testing.T) {
	p := need(t)
	root, err := bpf.FindCgroupRoot("")
	if err != nil {
		t.Fatal(err)
	}
	defer root.Close()
	const n = 300
	dirs := make([]string, n)
	for i := range dirs {
		dirs[i] = root.Dir(fmt.Sprintf("/mt-crowd-%d-%d", os.Getpid(), i))
		if i%3 == 2 { // inside that of another server
			dirs[i] = dirs[i-1] + "/inner"
		}
	}
	make300 := func() {
		for _, dir := range dirs {
			if err := os.Mkdir(dir, 0o755); err != nil {
				t.Fatal(err)
			}
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
	m := p.observe(t, "--max-servers=1000")
	descriptors := func() int {
		all, err := os.ReadDir(fmt.Sprintf("/proc/%d/fd", m.PID()))
		if err != nil {
			t.Fatal(err)
		}
		return len(all)
	}
	idle := descriptors()
	for round := range 2 {
		make300()
		t.Cleanup(remove)
		ports := make([]string, n)
		for i, dir := range dirs {
			ports[i] = c.do(t, "open %s", dir)
		}
		// 3 programs at each cgroup, those inside another left to that one.
		until(t, "every cgroup is attached", m, func(got rig.Metrics) bool {
			return got.Value("modeltap_source_info", "source", "cgroup") > 0 && descriptors() >= idle+n/3*2*3
		})
		for _, port := range ports {
			c.do(t, "ask %s", port)
		}
		got := scrape(t, m)
		for _, port := range ports {
			if v := got.Value("model_requests_total", "server", "crowd.py:"+port, "outcome", "ok"); v != 1 {
				t.Errorf("round %d: requests on port %s = %v, want 1", round, port, v)
			}
		}
		want(t, "all requests", got.Value("model_requests_total", "model", "crowd"), float64(n*(round+1)))
		noLoss(t, got)
		if held := descriptors(); held > idle+n/3*2*3+20 {
			t.Errorf("round %d: %d descriptors, %d before: more than 3 for each of %d cgroups", round, held, idle, n/3*2)
		}
		for _, port := range ports {
			c.do(t, "close %s", port)
		}
		remove()
		until(t, "nothing stays attached to what is gone", m, func(rig.Metrics) bool { return descriptors() <= idle+20 })
	}
}
