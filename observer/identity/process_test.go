// SPDX-License-Identifier: Apache-2.0

package identity

import (
	"strings"
	"testing"
)

// programs makes a table of names; those that end in = are no servers.
func programs(names string) Programs {
	p := Programs{}
	for _, n := range strings.Fields(names) {
		name, none := strings.CutSuffix(n, "=")
		p[name] = !none
	}
	return p
}

func TestDescribe(t *testing.T) {
	c := programs("vllm sglang uvicorn llama-server ollama gunicorn nginx=")
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

func TestParseCgroup(t *testing.T) {
	id := strings.Repeat("0123456789abcdef", 4)
	uid := "12345678-1234-1234-1234-123456789abc"
	low := strings.ReplaceAll(uid, "-", "_")
	for path, want := range map[string]Cgroup{
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
		"/machine.slice/libpod-conmon-" + id + ".scope":         {},
		"/user.slice/session-3.scope":                           {},
		"/kubepods/podnot-a-uid/x":                              {},
		"/kubepods/pod" + strings.ReplaceAll(uid, "-", "") + "": {Pod: strings.ReplaceAll(uid, "-", "")},
		"/kubepods.slice/kubepods-burstable.slice/kubepods-burstable-pod" + low + ".slice/cri-containerd-" + id + ".scope": {Container: id, Pod: uid},
		"/kubepods.slice/kubepods-pod" + low + ".slice/crio-" + id + ".scope":                                              {Container: id, Pod: uid},
	} {
		if got := ParseCgroup(path); got != want {
			t.Errorf("ParseCgroup(%s) = %+v, want %+v", path, got, want)
		}
	}
}
