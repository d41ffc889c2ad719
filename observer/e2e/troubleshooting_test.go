// SPDX-License-Identifier: Apache-2.0

package e2e

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"math/big"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/modeltap/modeltap/bpf/cgroupfs"
	"github.com/modeltap/modeltap/observer/e2e/rig"
	"github.com/modeltap/modeltap/observer/e2e/sandbox"
)

// TestTroubleshooting brings about what docs/troubleshooting.md describes, and
// then does what it advises.
func TestTroubleshooting(t *testing.T) {
	p := need(t)
	s := p.serve(t, "uvicorn-uvloop-httptools", "chat:app")
	predict := rig.Call{Target: "/predict", Body: []byte(`{"text":"how are you"}`)}

	t.Run("a service of one's own", func(t *testing.T) {
		discovered := fmt.Sprintf("uvicorn:%d", s.Port)
		m := p.observe(t)
		kept(t, s, 3, predict)
		if got := scrape(t, m); got.Has("model_requests_total", "server", discovered) || got.Has("model_server_info", "server", discovered) {
			t.Error("it is a server without --target: the row is wrong")
		}
		m = p.observe(t, s.Target("llm"))
		kept(t, s, 3, predict)
		until(t, "its requests are counted with --target", m, func(got rig.Metrics) bool {
			return got.Value("model_requests_total", "server", "llm", "outcome", "ok") == 3
		})
	})

	t.Run("wrong port", func(t *testing.T) {
		port, err := rig.FreePort()
		if err != nil {
			t.Fatal(err)
		}
		m := p.observe(t, "--target", "llm="+strconv.Itoa(port))
		kept(t, s, 3, predict)
		got := scrape(t, m)
		want(t, "packets", got.Value("modeltap_capture_packets_total"), 0)
		want(t, "requests", got.Value("model_requests_total"), 0)
		until(t, "the log says that nothing listens", m, func(rig.Metrics) bool {
			return strings.Contains(m.Output(), "nothing listens there yet")
		})
	})

	t.Run("not a model request", func(t *testing.T) {
		health := rig.Call{Method: "GET", Target: "/health"}
		m := p.observe(t, s.Target("llm"))
		kept(t, s, 3, health)
		until(t, "it is another request", m, func(got rig.Metrics) bool {
			return got.Value("modeltap_other_requests_total", "server", "llm") == 3 && got.Value("model_requests_total") == 0
		})
		m = p.observe(t, s.Target("llm"), "--model-path=^/health$")
		kept(t, s, 3, health)
		until(t, "--model-path makes it a model's", m, func(got rig.Metrics) bool { return got.Value("model_requests_total", "server", "llm") == 3 })
	})

	t.Run("no time to first token", func(t *testing.T) {
		m := p.observe(t, s.Target("llm"))
		kept(t, s, 2, chat(8, false, false, ""))
		got := until(t, "documents are counted", m, func(got rig.Metrics) bool { return got.Value("model_requests_total", "stream", "false") == 2 })
		firsts, _ := got.Histogram("model_time_to_first_token_seconds")
		want(t, "first tokens of documents", firsts, 0)
		kept(t, s, 2, chat(8, true, false, ""))
		got = until(t, "streams are counted", m, func(got rig.Metrics) bool { return got.Value("model_requests_total", "stream", "true") == 2 })
		firsts, _ = got.Histogram("model_time_to_first_token_seconds")
		want(t, "first tokens of streams", firsts, 2)
	})

	t.Run("tokens without usage", func(t *testing.T) {
		m := p.observe(t, s.Target("llm"))
		kept(t, s, 2, chat(8, true, false, ""))
		until(t, "tokens without usage", m, func(got rig.Metrics) bool {
			return got.Value("model_tokens_total", "type", "input", "source", "estimated") > 0 && got.Value("model_tokens_total", "source", "usage") == 0
		})
		kept(t, s, 2, chat(8, true, true, ""))
		until(t, "tokens of usage once it is asked for", m, func(got rig.Metrics) bool {
			return got.Value("model_tokens_total", "type", "output", "source", "usage") == 16
		})
	})

	t.Run("other models", func(t *testing.T) {
		named := func(model string) rig.Call {
			return rig.Call{Target: "/v1/chat/completions", Body: fmt.Appendf(nil, `{"model":%q,"messages":[],"max_tokens":2}`, model)}
		}
		for limit, model := range map[int]string{1: "other", 2: "second"} {
			m := p.observe(t, s.Target("llm"), fmt.Sprintf("--max-models=%d", limit))
			kept(t, s, 1, named("first"))
			kept(t, s, 1, named("second"))
			until(t, "the second model is called "+model, m, func(got rig.Metrics) bool { return got.Value("model_requests_total", "model", model) == 1 })
		}
	})

	t.Run("TLS", func(t *testing.T) {
		cert, key := certificate(t)
		port, err := rig.FreePort()
		if err != nil {
			t.Fatal(err)
		}
		tls, err := rig.ServeArgv(port, rig.Options{Dir: p.Apps}, filepath.Join(p.Venv, "uvicorn"), "chat:app", "--port", strconv.Itoa(port),
			"--log-level", "warning", "--ssl-certfile", cert, "--ssl-keyfile", key)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(tls.Kill)
		m := p.observe(t, tls.Target("llm"))
		curl(t, "--insecure", fmt.Sprintf("https://localhost:%d/health", port))
		got := until(t, "the connection is counted as TLS", m, func(got rig.Metrics) bool {
			return got.Value("modeltap_unobserved_connections_total", "reason", "tls") == 1
		})
		want(t, "requests", got.Value("model_requests_total")+got.Value("modeltap_other_requests_total"), 0)
	})

	t.Run("HTTP/2", func(t *testing.T) {
		h2 := p.serve(t, "hypercorn", "chat:app")
		m := p.observe(t, h2.Target("llm"))
		curl(t, "--http2-prior-knowledge", h2.URL()+"/health")
		until(t, "the connection is counted as HTTP/2", m, func(got rig.Metrics) bool {
			return got.Value("modeltap_unobserved_connections_total", "reason", "http2") == 1
		})
		curl(t, "--http1.1", h2.URL()+"/health")
		until(t, "HTTP/1.1 to the same server is seen", m, func(got rig.Metrics) bool { return got.Value("modeltap_other_requests_total") == 1 })
	})

	t.Run("no GPU", func(t *testing.T) {
		m := p.observe(t, "--gpu.library=/nonexistent/libnvidia-ml.so.1")
		if got := scrape(t, m); got.Has("gpu_up") || got.Has("gpu_memory_used_bytes") {
			t.Error("there are GPU series without a driver")
		}
		until(t, "the log names the library that is missing", m, func(rig.Metrics) bool {
			return strings.Contains(m.Output(), "/nonexistent/libnvidia-ml.so.1")
		})
		out, _ := exec.Command(p.modeltap, "check", "--web.listen-address=127.0.0.1:0", "--gpu.library=/nonexistent/libnvidia-ml.so.1").CombinedOutput()
		if !strings.Contains(string(out), "/nonexistent/libnvidia-ml.so.1") {
			t.Errorf("check does not name it either: %s", out)
		}
		m = p.observe(t, "--gpu.backend=demo")
		until(t, "two GPUs for a demonstration", m, func(got rig.Metrics) bool { return got.Value("gpu_up") == 2 })
	})

	t.Run("not the host's cgroups", func(t *testing.T) {
		root, err := cgroupfs.Find("")
		if err != nil {
			t.Fatal(err)
		}
		defer root.Close()
		inside, err := os.MkdirTemp(root.Dir(sandbox.Cgroup()), "inside-")
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = os.Remove(inside) })
		out, err := exec.Command(p.modeltap, "run", "--capture=cgroup", "--web.listen-address=127.0.0.1:0", "--capture.cgroup-root="+inside).CombinedOutput()
		if err == nil || !strings.Contains(string(out), "is not the root of the host's cgroup v2 hierarchy") {
			t.Errorf("%v: %s", err, out)
		}
	})
}

func curl(t *testing.T, args ...string) {
	t.Helper()
	if out, err := exec.Command("curl", append([]string{"-sS", "--max-time", "10", "-o", "/dev/null"}, args...)...).CombinedOutput(); err != nil {
		t.Fatalf("curl %q: %v: %s", args, err, out)
	}
}

// certificate makes a key and its own signature for localhost.
func certificate(t *testing.T) (certFile, keyFile string) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), DNSNames: []string{"localhost"}, NotAfter: time.Now().Add(time.Hour)}
	cert, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	secret, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	write := func(name, kind string, der []byte) string {
		path := filepath.Join(t.TempDir(), name)
		if err := os.WriteFile(path, pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	return write("cert.pem", "CERTIFICATE", cert), write("key.pem", "PRIVATE KEY", secret)
}
