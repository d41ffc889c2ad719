// SPDX-License-Identifier: Apache-2.0

package target

import (
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/modeltap/modeltap/observer/event"
)

func TestDescribe(t *testing.T) {
	c := DefaultCandidates()
	for _, x := range []struct{ argv, comm, name, interpreter string }{
		{"python -m vllm.entrypoints.openai.api_server --model m", "python", "vllm", "python"},
		{"/usr/bin/python3.11 /venv/bin/vllm serve m", "vllm", "vllm", "python"},
		{"python3 -m sglang.launch_server --port 30000", "python3", "sglang", "python"},
		{"/venv/bin/python /venv/bin/uvicorn app:app --port 8000", "uvicorn", "uvicorn", "python"},
		{"python -um uvicorn app:app", "python", "uvicorn", "python"},
		{"python -W ignore -X dev -u app.py --port 1", "python", "app.py", "python"},
		{"python --check-hash-based-pycs never app.py", "python", "app.py", "python"},
		{"python3 /srv/chat/server.py", "python3", "server.py", "python"},
		{"python3 -m http.server 8000", "python3", "http.server", "python"},
		{"python3 -c pass", "python3", "python3", "python"},
		{"python3 -", "python3", "python3", "python"},
		{"/opt/llama-server -m a.gguf", "llama-server", "llama-server", ""},
		{"ollama serve", "ollama", "ollama", ""},
		{"gunicorn:|master|[app:app]", "gunicorn", "gunicorn", ""},
		{"VLLM::APIServer", "VLLM::APIServe", "vllm", ""},
		{"node /srv/index.js", "node", "index.js", "node"},
		{"java -Xmx1g -jar /opt/gw.jar", "java", "gw.jar", "java"},
		{"/usr/sbin/nginx -g daemon", "nginx", "nginx", ""},
		{"./my-server --port 1", "my-server", "my-server", ""},
		{"", "kthing", "kthing", ""},
	} {
		argv := strings.Fields(x.argv)
		for i := range argv {
			argv[i] = strings.ReplaceAll(argv[i], "|", " ")
		}
		got := c.Describe(argv, x.comm)
		if got.Name != x.name || got.Interpreter != x.interpreter || got.Helper {
			t.Errorf("%s: %+v, want %s %s", x.argv, got, x.name, x.interpreter)
		}
	}
	if !c.Describe([]string{"/usr/bin/ollama", "runner", "--port", "4711"}, "ollama").Helper {
		t.Error("the runner inside Ollama would be counted beside Ollama")
	}
}

func TestCandidates(t *testing.T) {
	c := DefaultCandidates()
	for _, x := range []struct {
		p                  Process
		port               uint16
		candidate, decided bool
	}{
		{Process{Name: "vllm"}, 4711, true, true},
		{Process{Name: "nginx"}, 8000, false, true},
		{Process{Name: "app.py", Interpreter: "python"}, 4711, true, true},
		{Process{Name: "index.js", Interpreter: "node"}, 4711, false, false},
		{Process{Name: "my-server"}, 8000, true, true},
		{Process{Name: "my-server"}, 4711, false, false},
		{Process{}, 11434, true, true},
		{Process{Name: "ollama", Helper: true}, 11434, false, true},
	} {
		if yes, decided := c.Match(x.p, x.port); yes != x.candidate || decided != x.decided {
			t.Errorf("Match(%+v, %d) = %v, %v", x.p, x.port, yes, decided)
		}
	}
}

func TestLabel(t *testing.T) {
	for want, id := range map[string]Identity{
		"vllm:8000": {Process: Process{Name: "vllm"}, Place: Place{Unit: "x.service"}},
		"llm:8000":  {Place: Place{Unit: "llm.service"}},
		"port-8000": {},

		"prod/vllm-0/server":  {Name: Name{"prod", "vllm-0", "server"}, Process: Process{Name: "vllm"}},
		"prod/vllm-0:8000":    {Name: Name{"prod", "vllm-0", ""}, Process: Process{Name: "vllm"}},
		"compose-vllm-1:8000": {Name: Name{"", "", "compose-vllm-1"}, Process: Process{Name: "vllm"}},
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

func TestParseGroup(t *testing.T) {
	id := strings.Repeat("0123456789abcdef", 4)
	uid := "12345678-1234-1234-1234-123456789abc"
	low := strings.ReplaceAll(uid, "-", "_")
	for path, want := range map[string]Place{
		"/":                          {},
		"/system.slice/vllm.service": {Unit: "vllm.service"},
		"/user.slice/user-1000.slice/user@1000.service/app.slice/llm.service": {Unit: "llm.service"},
		"/kubepods/burstable/pod" + uid + "/" + id:                            {Container: id, Pod: uid},
		"/../../../burstable/pod" + uid + "/" + id:                            {Container: id, Pod: uid},
		"/docker/" + id: {Container: id},
		"/docker/" + id + "/system.slice/vllm.service":          {Container: id, Unit: "vllm.service"},
		"/system.slice/docker-" + id + ".scope":                 {Container: id},
		"/system.slice/containerd.service/kubepods/pod" + uid:   {Pod: uid},
		"/machine.slice/libpod-" + id + ".scope/container":      {Container: id},
		"/kubepods.slice/crio-conmon-" + id + ".scope":          {},
		"/user.slice/session-3.scope":                           {},
		"/kubepods/podnot-a-uid/x":                              {},
		"/kubepods/pod" + strings.ReplaceAll(uid, "-", "") + "": {Pod: strings.ReplaceAll(uid, "-", "")},
		"/kubepods.slice/kubepods-burstable.slice/kubepods-burstable-pod" + low + ".slice/cri-containerd-" + id + ".scope": {Container: id, Pod: uid},
		"/kubepods.slice/kubepods-pod" + low + ".slice/crio-" + id + ".scope":                                              {Container: id, Pod: uid},
	} {
		if got := ParseGroup(path); got != want {
			t.Errorf("ParseGroup(%s) = %+v, want %+v", path, got, want)
		}
	}
}
