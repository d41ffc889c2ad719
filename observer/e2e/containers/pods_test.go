// SPDX-License-Identifier: Apache-2.0

package containers

import (
	"fmt"
	"net/http"
	"path"
	"strings"
	"sync/atomic"
	"testing"

	corev1 "k8s.io/api/core/v1"

	"github.com/modeltap/modeltap/observer/e2e/rig"
)

type podSpec = corev1.PodSpec

var serial atomic.Int32

func uniqueName(base string) string { return fmt.Sprintf("%s-%d", base, serial.Add(1)) }

// remove ends a pod.
func (p *pod) remove(t *testing.T) {
	t.Helper()
	if err := p.tryRemove(); err != nil {
		t.Error(err)
	}
}

// TestPods is about pods of containerd, by CRI, on one node.
func TestPods(t *testing.T) {
	t.Parallel()
	k := startKubelet(t)
	for _, c := range []struct {
		name, shows string
		run         func(*testing.T, *kubelet)
	}{
		{"trap", "refuses in a container without the host's cgroup root, and names the mount", trap},
		{"handle", "finds the root by its file handle where DAC_READ_SEARCH replaces the mount", handle},
		{"plain", "manifest as it is: namespace/pod/container, socket wait, process", named(func(t *testing.T) podSpec { return plain(t) }, true)},
		{"full", "chart, identity: full", named(func(t *testing.T) podSpec { return chart(t, nil) }, true)},
		{"cgroup", "chart, identity: cgroup", named(func(t *testing.T) podSpec { return chart(t, map[string]any{"identity": "cgroup"}) }, false)},
		{"privileged", "chart, privileged: true", named(func(t *testing.T) podSpec { return chart(t, map[string]any{"privileged": true}) }, true)},
		{"twins", "two pods with 127.0.0.1:8000 each are two servers", twins},
		{"restart", "a container that restarts keeps its name", restart},
		{"killed", "kill -9 and restart of modeltap: nothing left in the kernel, the server undisturbed, honest counts", killed},
		{"rolling", "rolling update, the new beside the old: each counts once", rolling},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			proved(t, c.shows)
			c.run(t, k)
		})
	}
}

// trap: in a container /sys/fs/cgroup is the container's own cgroup.
func trap(t *testing.T, k *kubelet) {
	spec := without(chart(t, map[string]any{"identity": "cgroup"}), "/host/sys/fs/cgroup")
	for _, command := range []string{"run", "check"} {
		p := k.pod(t, "modeltap", uniqueName("trap"), withArgs(spec, command))
		code := p.wait(t, "modeltap")
		log := p.log("modeltap")
		if code == 0 || !strings.Contains(log, "/host/sys/fs/cgroup") || !strings.Contains(log, "own cgroup") {
			t.Errorf("%s ended with %d and said:\n%s", command, code, log)
		}
		p.remove(t)
	}
}

// handle: the root of the hierarchy has a known id.
func handle(t *testing.T, k *kubelet) {
	spec := withCaps(without(chart(t, map[string]any{"identity": "cgroup"}), "/host/sys/fs/cgroup"), "BPF", "NET_ADMIN", "DAC_READ_SEARCH")
	p, o := observe(t, k, spec)
	defer p.remove(t)
	m, s := serves(t, k, namespace(t), "byhandle", "0.0.0.0")
	defer m.remove(t)
	s.ask(t, 5, "", nil)
	o.counts(t, label(t, "byhandle"), 1, 5)
}

// named: a request to a server in another pod has its names.
func named(spec func(*testing.T) podSpec, full bool) func(*testing.T, *kubelet) {
	return func(t *testing.T, k *kubelet) {
		before, s := serves(t, k, namespace(t), "before", "0.0.0.0") // is there first
		defer before.remove(t)
		p, o := observe(t, k, spec(t))
		defer p.remove(t)
		if !full { // it sees no process, and learns of a server by its first answer, to whatever
			if got := status(s.http, s.url+"/health"); got != http.StatusOK {
				t.Fatalf("status %d", got)
			}
		}
		after, s2 := serves(t, k, namespace(t), "after", "0.0.0.0") // comes later
		defer after.remove(t)
		for range 3 {
			s.ask(t, 7, "prefill=0.02", nil)
			s2.ask(t, 9, "prefill=0.02", nil)
		}
		m := o.counts(t, label(t, "after"), 3, 27)
		m = o.counts(t, label(t, "before"), 3, 21)
		for _, name := range []string{"before", "after"} {
			labels := []string{"server", label(t, name), "namespace", namespace(t), "pod", name, "container", "server", "port", "8000"}
			if !m.Has("model_server_info", labels...) {
				t.Errorf("no such server: %v\n%s", labels, o.get(t, "/api/v1/servers"))
			}
			wait, _ := m.Histogram("model_request_socket_wait_seconds", "server", label(t, name))
			if wait != 3 {
				t.Errorf("%s: the socket wait of %d requests, want 3\n%s", name, wait, o.log())
			}
		}
		pid := fmt.Sprint(after.pid(t, "server"))
		if m.Has("model_server_info", "server", label(t, "after"), "pid", pid) != full {
			t.Errorf("pid %s: want it %v\n%s", pid, full, o.get(t, "/api/v1/servers"))
		}
	}
}

// twins: one address and port, two networks.
func twins(t *testing.T, k *kubelet) {
	p, o := observe(t, k, plain(t))
	defer p.remove(t)
	a, sa := serves(t, k, namespace(t), "twin-a", "127.0.0.1")
	defer a.remove(t)
	b, sb := serves(t, k, namespace(t), "twin-b", "127.0.0.1")
	defer b.remove(t)
	for range 2 {
		sa.ask(t, 3, "", nil)
	}
	for range 5 {
		sb.ask(t, 4, "", nil)
	}
	o.counts(t, label(t, "twin-a"), 2, 6)
	m := o.counts(t, label(t, "twin-b"), 5, 20)
	if n := servers(t, m); n != 2 {
		t.Errorf("%d servers, want 2\n%s", n, o.get(t, "/api/v1/servers"))
	}
}

// restart: the kubelet starts a new container in the pod.
func restart(t *testing.T, k *kubelet) {
	p, o := observe(t, k, plain(t))
	defer p.remove(t)
	m, s := serves(t, k, namespace(t), "restarts", "0.0.0.0")
	defer m.remove(t)
	s.ask(t, 5, "", nil)
	o.counts(t, label(t, "restarts"), 1, 5)
	for n := 2; n <= 3; n++ {
		old := m.containers["server"]
		m.kill(t, "server")
		m.start(t, &m.spec.Containers[0])
		if m.containers["server"] == old {
			t.Fatal("the same container")
		}
		s = m.server(t, "0.0.0.0")
		s.ask(t, 5, "", nil)
		o.counts(t, label(t, "restarts"), n, 5*n)
	}
	if n := servers(t, o.scrape(t)); n != 1 {
		t.Errorf("%d servers, want 1\n%s", n, o.get(t, "/api/v1/servers"))
	}
}

// namespace is that of a test's pods.
func namespace(t *testing.T) string { return "test-" + path.Base(t.Name()) }

// label is what the server in a pod of the test has to be called.
func label(t *testing.T, pod string) string { return namespace(t) + "/" + pod + "/server" }

// servers counts the servers of the test, and all those on the port of the pods
// that are in no container: other nodes' pods are their own business.
func servers(t *testing.T, m rig.Metrics) int {
	return int(m.Value("model_server_info", "namespace", namespace(t)) + m.Value("model_server_info", "port", "8000", "pod", "", "container", ""))
}
