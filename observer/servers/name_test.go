// SPDX-License-Identifier: Apache-2.0

package servers

import (
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/modeltap/modeltap/observer/event"
	"github.com/modeltap/modeltap/observer/identity"
)

// What a listener looks like, by process, unit and port.
func TestJudge(t *testing.T) {
	c := DefaultCandidates()
	unit := func(name string) identity.Owner { return identity.Owner{Cgroup: identity.Cgroup{Unit: name}} }
	prog := func(name string) identity.Owner { return identity.Owner{Process: identity.Process{Name: name}} }
	for _, x := range []struct {
		o    identity.Owner
		port uint16
		want Verdict
	}{
		{prog("vllm"), 4711, Candidate},
		{prog("nginx"), 8000, Refused},
		{identity.Owner{Process: identity.Process{Name: "app.py", Interpreter: "python"}}, 4711, Candidate},
		{identity.Owner{Process: identity.Process{Name: "index.js", Interpreter: "node"}}, 4711, Unsure},
		{prog("my-server"), 8000, Candidate},
		{prog("my-server"), 4711, Unsure},
		{identity.Owner{}, 11434, Candidate},
		{identity.Owner{}, 4711, Unsure},
		{identity.Owner{Process: identity.Process{Name: "ollama", Helper: true}}, 11434, Refused},
		{prog("docker-proxy"), 8000, Relay},
		{prog("ssh"), 8000, Relay},
		{prog("kubectl"), 8000, Relay},
		// Where processes are out of sight the unit stands for them.
		{unit("docker.service"), 8000, Relay},
		{unit("nginx.service"), 8000, Refused},
		{unit("ssh.service"), 8000, Relay},
		{unit("ollama.service"), 4711, Candidate},
		{unit("llm.service"), 4711, Unsure},
		// A container's engine is not what runs in it.
		{identity.Owner{Cgroup: identity.Cgroup{Container: "x", Unit: "docker.service"}}, 8000, Candidate},
		{identity.Owner{Process: identity.Process{Name: "vllm"}, Cgroup: identity.Cgroup{Unit: "ssh.service"}}, 8000, Candidate},
	} {
		if got := c.Judge(x.o, x.port); got != x.want {
			t.Errorf("Judge(%+v, %d) = %d, want %d", x.o, x.port, got, x.want)
		}
	}
	for name := range c.Relays {
		if got := c.Programs.Describe([]string{"/usr/bin/" + name, "-x"}, name); got.Name != name {
			t.Errorf("%s is not recognised: %+v", name, got)
		}
	}
}

func TestLabel(t *testing.T) {
	for want, id := range map[string]identity.Owner{
		"vllm:8000": {Process: identity.Process{Name: "vllm"}, Cgroup: identity.Cgroup{Unit: "x.service"}},
		"llm:8000":  {Cgroup: identity.Cgroup{Unit: "llm.service"}},
		"port-8000": {},

		"prod/vllm-0/server":  {Name: identity.Name{Namespace: "prod", Pod: "vllm-0", Container: "server"}, Process: identity.Process{Name: "vllm"}},
		"prod/vllm-0:8000":    {Name: identity.Name{Namespace: "prod", Pod: "vllm-0", Container: ""}, Process: identity.Process{Name: "vllm"}},
		"compose-vllm-1:8000": {Name: identity.Name{Namespace: "", Pod: "", Container: "compose-vllm-1"}, Process: identity.Process{Name: "vllm"}},
	} {
		if got := label(id, 8000); got != want {
			t.Errorf("label(%+v) = %q, want %q", id, got, want)
		}
	}
}

func FuzzBounded(f *testing.F) {
	f.Add("vllm", ":8000")
	f.Add(strings.Repeat("ü", 90), ":65535")
	f.Add("\x00\xff", ":1")
	f.Fuzz(func(t *testing.T, name, suffix string) {
		if len(suffix) > 6 || event.Label(suffix) != suffix {
			return
		}
		got := bounded(name, suffix)
		if !strings.HasSuffix(got, suffix) || !utf8.ValidString(got) || len(bounded(got, "-65535")) > event.MaxLabel {
			t.Fatalf("bounded(%q, %q) = %q", name, suffix, got)
		}
		if event.Label(got) != got {
			t.Fatalf("%q is no label", got)
		}
	})
}
