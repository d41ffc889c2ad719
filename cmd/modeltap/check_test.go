// SPDX-License-Identifier: Apache-2.0

package main

import (
	"encoding/json"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/modeltap/modeltap/bpf/hostprobe"
	"github.com/modeltap/modeltap/gpu"
	"github.com/modeltap/modeltap/observer/source/afpacket"
)

func feature(name string, state hostprobe.State, required bool) hostprobe.Feature {
	return hostprobe.Feature{Name: name, State: state, Required: required, Detail: "detail of " + name}
}

func TestExamineChoosesCapture(t *testing.T) {
	all := []hostprobe.Feature{feature("cap_bpf", hostprobe.Yes, true), feature("cgroup_root", hostprobe.Yes, true), feature("cap_net_raw", hostprobe.Yes, false), feature("btf", hostprobe.No, false)}
	with := func(name string, state hostprobe.State) []hostprobe.Feature {
		fs := append([]hostprobe.Feature(nil), all...)
		for i := range fs {
			if fs[i].Name == name {
				fs[i].State = state
			}
		}
		return fs
	}
	noRoot := with("cgroup_root", hostprobe.No)
	noRoot[2].State = hostprobe.No
	packet := "packet"
	if !afpacket.Supported {
		packet = "none"
	}
	for _, c := range []struct {
		name     string
		args     []string
		features []hostprobe.Feature
		mode     string
		why      string
	}{
		{"all there", nil, all, "cgroup", "everything it needs"},
		{"unknown does not forbid", nil, with("cap_bpf", hostprobe.Unknown), "cgroup", ""},
		{"no root", nil, with("cgroup_root", hostprobe.No), packet, "lacks cgroup_root"},
		{"no root, cgroup asked", []string{"--capture=cgroup"}, with("cgroup_root", hostprobe.No), "none", "lacks cgroup_root"},
		{"no root, no CAP_NET_RAW", nil, noRoot, "none", "cgroup_root"},
		{"no root, subtree asked", []string{"--discovery.cgroup=/x"}, with("cgroup_root", hostprobe.No), "none", "--discovery.cgroup"},
		{"packet asked", []string{"--capture=packet"}, all, packet, ""},
		{"packet asked, no CAP_NET_RAW", []string{"--capture=packet"}, with("cap_net_raw", hostprobe.No), "none", "capture by packet"},
	} {
		r := examine(mustResolve(t, c.args, nil), c.features, func(string) error { return nil })
		if r.Capture.Mode != c.mode || !strings.Contains(r.Capture.Why, c.why) || r.Works != (c.mode != "none") {
			t.Errorf("%s: %+v works=%v, want mode %s because %q", c.name, r.Capture, r.Works, c.mode, c.why)
		}
	}
}

func TestExaminePortInUse(t *testing.T) {
	s := mustResolve(t, []string{"--web.listen-address=:1", "--web.listen-address=:2"}, nil)
	r := examine(s, []hostprobe.Feature{feature("cgroup_root", hostprobe.Yes, true)}, func(a string) error {
		if a == ":2" {
			return errors.New("address already in use")
		}
		return nil
	})
	last := r.Features[len(r.Features)-1]
	if r.Works || last.State != "no" || !strings.Contains(last.Remedy, "--web.listen-address") {
		t.Errorf("works=%v, last line %+v; want a refusal with the remedy", r.Works, last)
	}
}

func TestReportForms(t *testing.T) {
	r := examine(mustResolve(t, nil, nil), []hostprobe.Feature{feature("a", hostprobe.Yes, true), feature("longer_name", hostprobe.Unknown, false)}, func(string) error { return nil })
	var text, doc strings.Builder
	if err := errors.Join(r.writeText(&text), r.writeJSON(&doc)); err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(text.String(), "\n")
	if strings.Index(lines[0], "yes") != strings.Index(lines[1], "unknown") {
		t.Errorf("columns are not aligned:\n%s", &text)
	}
	var back report
	if err := json.Unmarshal([]byte(doc.String()), &back); err != nil || len(back.Features) != 3 || !back.Works {
		t.Errorf("JSON form %v:\n%s", err, &doc)
	}
}

func TestGPUFinding(t *testing.T) {
	if f := gpuFinding(gpu.Probe(gpu.Options{Library: "/nonexistent/libnvidia-ml.so.1"})); f.State != "no" || f.Required || f.Detail == "" {
		t.Errorf("without a library: %+v", f)
	}
	if f := gpuFinding(gpu.Probe(gpu.Options{Demo: true})); f.State != "yes" || f.Detail != "driver demo, 2 of 2 GPUs answer" || f.Remedy != "" {
		t.Errorf("demo: %+v", f)
	}
	if f := gpuFinding(gpu.Snapshot{Driver: "580", Devices: []gpu.Device{{Up: true}, {}}}, nil); f.State != "yes" || f.Detail != "driver 580, 1 of 2 GPUs answer" || f.Remedy == "" {
		t.Errorf("one lost: %+v", f)
	}
}

// Without cgo there is no GPU support, and the program says so.
func TestWithoutCgo(t *testing.T) {
	binary := filepath.Join(t.TempDir(), "modeltap")
	build := exec.Command("go", "build", "-trimpath", "-o", binary, ".")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	out, err := exec.Command(binary, "check", "--web.listen-address=127.0.0.1:0").CombinedOutput()
	if exit := new(exec.ExitError); err != nil && !errors.As(err, &exit) { // what else the host lacks is not asked
		t.Fatal(err)
	}
	if !strings.Contains(string(out), "this build has no GPU support") {
		t.Errorf("%s", out)
	}
}

func TestRuntimeFinding(t *testing.T) {
	for socket, want := range map[string]string{"containerd.sock": "no absolute path", "/nowhere/containerd.sock": "mount the directory", "/dev/null": "no socket"} {
		if f := runtimeFinding(socket); f.State != "no" || f.Required || !strings.Contains(f.Detail, want) {
			t.Errorf("%s: %+v, want %q", socket, f, want)
		}
	}
}
