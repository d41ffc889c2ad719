// SPDX-License-Identifier: Apache-2.0

package containers

import (
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"syscall"
	"testing"

	"github.com/cilium/ebpf"
	cri "k8s.io/cri-api/pkg/apis/runtime/v1"
)

// programs lists the BPF programs that a process holds, by its descriptors.
func programs(t *testing.T, pid int) (ids []ebpf.ProgramID) {
	t.Helper()
	files, _ := filepath.Glob("/proc/" + strconv.Itoa(pid) + "/fdinfo/*")
	for _, f := range files {
		b, _ := os.ReadFile(f)
		if m := regexp.MustCompile(`(?m)^prog_id:\s*(\d+)$`).FindSubmatch(b); m != nil {
			id, _ := strconv.Atoi(string(m[1]))
			ids = append(ids, ebpf.ProgramID(id))
		}
	}
	if len(ids) < 4 {
		t.Fatalf("process %d holds %d programs: the test looks at nothing", pid, len(ids))
	}
	return ids
}

// unloaded waits until the kernel has none of the programs.
func unloaded(t *testing.T, ids []ebpf.ProgramID) {
	t.Helper()
	for _, id := range ids {
		await(t, "the end of a BPF program", func() bool {
			p, err := ebpf.NewProgramFromID(id)
			if err == nil {
				p.Close()
			}
			return err != nil
		})
	}
}

// killed: modeltap dies in the middle of a stream and is started again.
func killed(t *testing.T, k *kubelet) {
	p, o := observe(t, k, plain(t))
	defer p.remove(t)
	m, s := serves(t, k, namespace(t), "steady", "0.0.0.0")
	defer m.remove(t)
	s.ask(t, 5, "", nil)
	o.counts(t, label(t, "steady"), 1, 5)
	held := programs(t, p.pid(t, "modeltap"))
	process := m.pid(t, "server")
	s.ask(t, 100, "gap=0.05", func(n int) { // five seconds
		if n == 10 {
			if err := syscall.Kill(p.pid(t, "modeltap"), syscall.SIGKILL); err != nil {
				t.Error(err)
			}
			p.wait(t, "modeltap")
			unloaded(t, held)
			p.kill(t, "modeltap")
			p.start(t, &p.spec.Containers[0])
			o = p.observer(t)
		}
	})
	if m.pid(t, "server") != process {
		t.Error("the server is another process")
	}
	s.ask(t, 5, "", nil)
	// The stream that was joined in its middle is known to be one that was not
	// seen whole, or is not known at all; it is no good request.
	name := label(t, "steady")
	got := o.scrape(t)
	await(t, "the request after", func() bool {
		got = o.scrape(t)
		return got.Value("model_requests_total", "server", name, "outcome", "ok") == 1
	})
	all, incomplete := got.Value("model_requests_total", "server", name), got.Value("model_requests_total", "server", name, "outcome", "incomplete")
	if all != 1+incomplete || incomplete > 1 {
		t.Errorf("%v requests, %v of them incomplete\n%s", all, incomplete, o.get(t, "/api/v1/requests"))
	}
	if n, _ := got.Histogram("model_request_duration_seconds", "server", name); n != 1 {
		t.Errorf("the durations of %d requests, want 1", n)
	}
	if n := got.Value("model_requests_in_flight", "server", name); n != 0 {
		t.Errorf("%v requests in flight, want 0", n)
	}
}

// rolling: a new pod starts while the old one still runs, then the old one is
// asked to stop.
func rolling(t *testing.T, k *kubelet) {
	old, o := observe(t, k, plain(t))
	m, s := serves(t, k, namespace(t), "rolled", "0.0.0.0")
	defer m.remove(t)
	s.ask(t, 5, "", nil)
	o.counts(t, label(t, "rolled"), 1, 5)
	held := programs(t, old.pid(t, "modeltap"))

	next, o2 := observe(t, k, plain(t))
	defer next.remove(t)
	s.ask(t, 6, "", nil)
	o.counts(t, label(t, "rolled"), 2, 11)
	o2.counts(t, label(t, "rolled"), 1, 6)
	s.ask(t, 40, "gap=0.02", func(n int) {
		if n == 10 {
			if _, err := k.StopContainer(ctx(t), &cri.StopContainerRequest{ContainerId: old.containers["modeltap"], Timeout: 10}); err != nil {
				t.Error(err)
			}
			if code := old.wait(t, "modeltap"); code != 0 {
				t.Errorf("asked to stop, it ended with %d:\n%s", code, old.log("modeltap"))
			}
			unloaded(t, held)
		}
	})
	old.remove(t)
	o2.counts(t, label(t, "rolled"), 2, 46)
}
