// SPDX-License-Identifier: Apache-2.0

// Package e2e tests the live page in a real Chromium, against a real daemon.
package e2e

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/modeltap/modeltap/exporter/web/e2e/browser"
	"github.com/modeltap/modeltap/observer/e2e/sandbox"
)

// deadline bounds every wait; reaching it is a failure.
const deadline = 30 * time.Second

var modeltap = filepath.Join(sandbox.Shared(), "modeltap") // the program

func TestMain(m *testing.M) {
	os.Exit(sandbox.Main(m, sandbox.Plan{Apart: ".", Prepare: func() error {
		if testing.Short() {
			return nil
		}
		out, err := exec.Command("go", "build", "-o", filepath.Join(sandbox.Shared(), "modeltap"), "github.com/modeltap/modeltap/cmd/modeltap").CombinedOutput()
		if err != nil {
			return fmt.Errorf("build modeltap: %w\n%s", err, out)
		}
		return nil
	}}))
}

func needRoot(t *testing.T) {
	t.Helper()
	if testing.Short() {
		t.Skip("-short: the browser is left out")
	}
	if os.Geteuid() != 0 {
		t.Skip("the daemon attaches to the kernel: run as root")
	}
}

// daemon is a running modeltap.
type daemon struct {
	t   *testing.T
	cmd *exec.Cmd
	url string
}

// start runs modeltap with args on an address, and waits until it serves.
func start(t *testing.T, address string, args ...string) *daemon {
	t.Helper()
	d := &daemon{t: t, cmd: exec.Command(modeltap, append(args, "--web.listen-address="+address)...)}
	stderr, err := d.cmd.StderrPipe()
	if err == nil {
		err = d.cmd.Start()
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(d.kill)
	found := make(chan string, 1)
	go func() {
		for lines := bufio.NewScanner(stderr); lines.Scan(); {
			if _, a, ok := strings.Cut(lines.Text(), "Listening on\" address="); ok {
				found <- strings.Fields(a)[0]
				break
			}
		}
		_, _ = io.Copy(io.Discard, stderr)
	}()
	select {
	case a := <-found:
		d.url = "http://" + a
	case <-time.After(deadline):
		t.Fatal("modeltap does not serve")
	}
	return d
}

func (d *daemon) address() string { return strings.TrimPrefix(d.url, "http://") }

func (d *daemon) kill() {
	if d.cmd != nil {
		_ = d.cmd.Process.Kill()
		_ = d.cmd.Wait()
		d.cmd = nil
	}
}

// demo is modeltap with its own model server and load.
func demo(t *testing.T, address string) *daemon {
	t.Helper()
	return start(t, address, "demo", "--gpu.backend=demo", "--log.level=debug") // by default it says no address
}

func window(t *testing.T) *browser.Browser {
	t.Helper()
	b, err := browser.Start()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(b.Close)
	must(t, b.Size(1280, 800))
	return b
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// eval returns what a script returns.
func eval[T any](t *testing.T, b *browser.Browser, script string, args ...any) (v T) {
	t.Helper()
	must(t, b.Script(script, &v, args...))
	return v
}

// wait returns once a script returns true.
func wait(t *testing.T, b *browser.Browser, what, script string) {
	t.Helper()
	for end := time.Now().Add(deadline); ; time.Sleep(100 * time.Millisecond) {
		if eval[bool](t, b, "return Boolean("+script+")") {
			return
		}
		if time.Now().After(end) {
			t.Fatalf("%s: not within %v; the page says:\n%s", what, deadline, eval[string](t, b, "return document.body.innerText"))
		}
	}
}

// hostile is a model server whose model has a name that is markup.
func hostile(t *testing.T, name string) (port int) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	server := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		w.Header().Set("Content-Type", "application/json")
		fmt.Fprintf(w, `{"id":"x","object":"chat.completion","model":%q,"choices":[{"index":0,"message":{"role":"assistant","content":"secret-answer"},"finish_reason":"stop"}],"usage":{"prompt_tokens":1,"completion_tokens":2}}`, name)
	})}
	go func() { _ = server.Serve(l) }()
	t.Cleanup(func() { _ = server.Close() })
	return l.Addr().(*net.TCPAddr).Port
}

// ask sends a request each tenth of a second until the test ends.
func ask(t *testing.T, port int) {
	ctx, stop := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() {
		defer close(done)
		for ctx.Err() == nil {
			r, err := http.Post(fmt.Sprintf("http://127.0.0.1:%d/v1/chat/completions", port), "application/json",
				strings.NewReader(`{"model":"m","messages":[{"role":"user","content":"secret-prompt"}]}`))
			if err == nil {
				_, _ = io.Copy(io.Discard, r.Body)
				_ = r.Body.Close()
			}
			select {
			case <-ctx.Done():
			case <-time.After(100 * time.Millisecond):
			}
		}
	}()
	t.Cleanup(func() { stop(); <-done })
}
