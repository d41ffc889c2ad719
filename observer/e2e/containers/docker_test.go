// SPDX-License-Identifier: Apache-2.0

package containers

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// dockerNode is a node with Docker.
type dockerNode struct {
	*node
	group string // the cgroup of its containers
}

func startDocker(t *testing.T) *dockerNode {
	t.Helper()
	group := fmt.Sprintf("%s-%d", strings.ToLower(t.Name()), os.Getpid())
	n := startNode(t, "run/docker.sock", map[string]string{"etc/resolv.conf": ""}, "dockerd", "--bridge", "none", "--iptables=false", "--ip6tables=false",
		"--ip-forward=false", "--cgroup-parent", "/"+group, "--log-level", "warn")
	n.owns(group)
	e := &dockerNode{n, "/" + group}
	for _, name := range []string{"modeltap", "model"} {
		if err := copyFile(built.archive(name), n.path("tmp/"+name+".tar")); err != nil {
			t.Fatal(err)
		}
		n.run(t, "docker", "load", "--input", "/tmp/"+name+".tar")
	}
	return e
}

// start runs a container and returns its first process.
func (e *dockerNode) start(t *testing.T, args ...string) (pid int) {
	t.Helper()
	id := strings.TrimSpace(e.run(t, append([]string{"docker", "run", "--detach"}, args...)...))
	t.Cleanup(func() { _, _ = e.try("docker", "rm", "--force", id) })
	pid = e.pid(t, id)
	return pid
}

func (e *dockerNode) pid(t *testing.T, name string) (pid int) {
	t.Helper()
	if _, err := fmt.Sscan(e.run(t, "docker", "inspect", "--format", "{{.State.Pid}}", name), &pid); err != nil {
		t.Fatal(err)
	}
	return pid
}

// documented reads the flags of "docker run" from docs/deployment.md. The
// network is left out: this node has no bridge.
func documented(t *testing.T) (flags []string) {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(built.repository, "docs/deployment.md"))
	if err != nil {
		t.Fatal(err)
	}
	m := regexp.MustCompile(`(?s)docker run (.*?)-p 9478:9478 modeltap\n`).FindSubmatch(text)
	if m == nil {
		t.Fatal("docs/deployment.md has no docker run")
	}
	flags = strings.Fields(strings.ReplaceAll(string(m[1]), "\\\n", " "))
	return slices.DeleteFunc(flags, func(f string) bool { return f == "-d" })
}

// TestDocker runs modeltap as docs/deployment.md says, beside model servers in
// containers of their own networks.
func TestDocker(t *testing.T) {
	t.Parallel()
	proved(t, "Docker, the flags of docs/deployment.md: container names, through a restart")
	e := startDocker(t)
	flags := documented(t)
	if !slices.Contains(flags, "BPF") || !slices.Contains(flags, "--pid=host") {
		t.Fatalf("flags %q", flags)
	}
	pid := e.start(t, append(flags, "--network", "host", "localhost/modeltap:1", "run", "--discovery.cgroup="+e.group)...)
	o := &observer{client(pid), "http://127.0.0.1:9478", func() string { s, _ := e.try("docker", "logs", "modeltap"); return s }}
	awaitOr(func() { t.Fatalf("not ready:\n%s", o.log()) }, func() bool { return status(o.http, o.url+"/-/ready") == 200 })

	log := func(name string) func() string {
		return func() string { s, _ := e.try("docker", "logs", name); return s }
	}
	args := []string{"localhost/model:1", "--host", "127.0.0.1", "--port", "8010"}
	one := serve(t, e.start(t, append([]string{"--name", "llm-one", "--network", "none"}, args...)...), "127.0.0.1:8010", log("llm-one"))
	two := serve(t, e.start(t, append([]string{"--name", "llm-two", "--network", "none"}, args...)...), "127.0.0.1:8010", log("llm-two"))
	for range 2 {
		one.ask(t, 5, "", nil)
	}
	two.ask(t, 7, "", nil)
	o.counts(t, "llm-one:8010", 2, 10)
	m := o.counts(t, "llm-two:8010", 1, 7)
	if !m.Has("model_server_info", "server", "llm-two:8010", "container", "llm-two") {
		t.Errorf("no container\n%s", o.get(t, "/api/v1/servers"))
	}
	e.run(t, "docker", "restart", "--time", "1", "llm-two")
	two = serve(t, e.pid(t, "llm-two"), "127.0.0.1:8010", log("llm-two"))
	two.ask(t, 7, "", nil)
	o.counts(t, "llm-two:8010", 2, 14)
}

// TestDockerfile builds the target "static" with what is not from a registry:
// the stage that compiles, which starts from the image of Go, is replaced by
// what it leaves behind.
func TestDockerfile(t *testing.T) {
	t.Parallel()
	proved(t, "Dockerfile, target static, but for the stage that compiles")
	e := startDocker(t)
	context := e.path("tmp/context")
	if err := os.MkdirAll(context, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := copyFile(filepath.Join(built.repository, "Dockerfile"), filepath.Join(context, "Dockerfile")); err != nil {
		t.Fatal(err)
	}
	if err := pack(e.path("tmp/stage.tar"), "build-static:latest", image{}, func(l *layer) { l.file("out/modeltap", built.modeltap, built.capabilities) }); err != nil {
		t.Fatal(err)
	}
	e.run(t, "docker", "load", "--input", "/tmp/stage.tar")
	e.run(t, "docker", "buildx", "build", "--target", "static", "--build-context", "build-static=docker-image://build-static:latest",
		// Asked for though nothing is made from it any more.
		"--build-context", "golang:1.26-bookworm=docker-image://build-static:latest", "--tag", "modeltap:built", "/tmp/context")
	var config []struct{ Config image }
	if err := json.Unmarshal([]byte(e.run(t, "docker", "inspect", "modeltap:built")), &config); err != nil || len(config) != 1 {
		t.Fatal(err)
	}
	if c := config[0].Config; c.User != "65534:65534" || !slices.Equal(c.Entrypoint, []string{"/usr/bin/modeltap"}) || !slices.Equal(c.Cmd, []string{"run"}) {
		t.Errorf("%+v", c)
	}
	// The capabilities survived, and come into force as nobody.
	out, _ := e.try("docker", "run", "--rm", "--network", "none", "--cap-drop", "ALL", "--cap-add", "BPF", "--cap-add", "NET_ADMIN",
		"--security-opt", "no-new-privileges", "-v", "/sys/fs/cgroup:/host/sys/fs/cgroup:ro", "modeltap:built", "check")
	if !regexp.MustCompile(`cap_bpf +yes`).MatchString(out) || !strings.Contains(out, "capture: cgroup") {
		t.Errorf("check said:\n%s", out)
	}
	if out, err := e.try("docker", "run", "--rm", "--network", "none", "--cap-drop", "ALL", "modeltap:built", "version"); err != nil {
		t.Errorf("does not start without capabilities: %v\n%s", err, out)
	}
}
