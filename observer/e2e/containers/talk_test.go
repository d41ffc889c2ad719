// SPDX-License-Identifier: Apache-2.0

package containers

import (
	"bufio"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/modeltap/modeltap/observer/e2e/rig"
)

// noticed is how long a new listener may go unseen: what is promised, and what
// modeltap's own clock may add.
const noticed = 2500 * time.Millisecond

// server is a model server, as its clients see it.
type server struct {
	http *http.Client
	url  string
}

// serve waits until a server answers in the network of a process.
func serve(t *testing.T, pid int, address string, log func() string) *server {
	t.Helper()
	s := &server{client(pid), "http://" + address}
	awaitOr(func() { t.Fatalf("%s does not answer:\n%s", address, log()) }, func() bool { return status(s.http, s.url+"/health") == http.StatusOK })
	time.Sleep(noticed)
	return s
}

// serves starts a pod with a model server at an address of its own network.
func serves(t *testing.T, k *kubelet, namespace, name, host string) (*pod, *server) {
	t.Helper()
	p := k.pod(t, namespace, name, model(host))
	return p, p.server(t, host)
}

func (p *pod) server(t *testing.T, host string) *server {
	t.Helper()
	pid, at := p.pid(t, "server"), "127.0.0.1:8000"
	if host == "0.0.0.0" { // from the node, as a client does
		pid, at = p.k.cmd.Process.Pid, p.ip+":8000"
	}
	return serve(t, pid, at, func() string { return p.log("server") })
}

func status(c *http.Client, url string) int {
	r, err := c.Get(url)
	if err != nil {
		return 0
	}
	r.Body.Close()
	return r.StatusCode
}

// ask sends a streaming request, calls at after each event with its number, and
// returns how many pieces of text came.
func (s *server) ask(t *testing.T, tokens int, query string, at func(int)) (pieces int) {
	t.Helper()
	body := fmt.Sprintf(`{"model":"tiny","stream":true,"stream_options":{"include_usage":true},"max_tokens":%d,"messages":[{"role":"user","content":"one two three"}]}`, tokens)
	r, err := s.http.Post(s.url+"/v1/chat/completions?"+query, "application/json", strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	defer r.Body.Close()
	lines := bufio.NewScanner(r.Body)
	for lines.Scan() {
		if strings.Contains(lines.Text(), `"content": "`) && !strings.Contains(lines.Text(), `"role"`) {
			pieces++
			if at != nil {
				at(pieces)
			}
		}
	}
	if err := lines.Err(); err != nil {
		t.Errorf("the stream broke: %v", err)
	}
	if pieces != tokens {
		t.Errorf("%d pieces of text, want %d", pieces, tokens)
	}
	return pieces
}

// observer is modeltap in a container.
type observer struct {
	http *http.Client
	url  string
	log  func() string
}

func (o *observer) scrape(t *testing.T) rig.Metrics {
	t.Helper()
	r, err := o.http.Get(o.url + "/metrics")
	if err != nil {
		t.Fatalf("%v\n%s", err, o.log())
	}
	defer r.Body.Close()
	m, err := rig.ParseMetrics(r.Body)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func (o *observer) get(t *testing.T, path string) string {
	t.Helper()
	r, err := o.http.Get(o.url + path)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Body.Close()
	b, _ := io.ReadAll(r.Body)
	return string(b)
}

// counts waits until the server of that name has so many good requests with so
// many tokens, and no more.
func (o *observer) counts(t *testing.T, name string, requests, tokens int) rig.Metrics {
	t.Helper()
	var m rig.Metrics
	awaitOr(func() {
		t.Fatalf("%s\n%s\n%s\n%s: %v good requests, want %d", o.log(), o.get(t, "/api/v1/servers"), o.get(t, "/api/v1/requests?server="+url.QueryEscape(name)),
			name, m.Value("model_requests_total", "server", name, "outcome", "ok"), requests)
	}, func() bool {
		m = o.scrape(t)
		return m.Value("model_requests_total", "server", name, "outcome", "ok") >= float64(requests)
	})
	if got := m.Value("model_requests_total", "server", name); got != float64(requests) {
		t.Errorf("%s: %v requests, want %d", name, got, requests)
	}
	if got := m.Value("modeltap_panics_total"); got != 0 {
		t.Errorf("%v panics", got)
	}
	if got := m.Value("model_tokens_total", "server", name, "type", "output"); got != float64(tokens) {
		t.Errorf("%s: %v tokens, want %d", name, got, tokens)
	}
	return m
}

// observe starts modeltap in a pod and waits for what its readiness probe asks.
func observe(t *testing.T, k *kubelet, spec podSpec) (*pod, *observer) {
	t.Helper()
	// What else this machine serves is its own business.
	spec = withArgs(spec, append(slices.Clone(spec.Containers[0].Args), "--discovery.cgroup=/kubepods")...)
	p := k.pod(t, "modeltap", uniqueName("modeltap"), spec)
	return p, p.observer(t)
}

func (p *pod) observer(t *testing.T) *observer {
	t.Helper()
	o := &observer{client(p.k.cmd.Process.Pid), fmt.Sprintf("http://%s:9478", p.ip), func() string { return p.log("modeltap") }}
	probe := p.spec.Containers[0].ReadinessProbe.HTTPGet.Path
	awaitOr(func() { t.Fatalf("not ready:\n%s", o.log()) }, func() bool { return status(o.http, o.url+probe) == http.StatusOK })
	return o
}
