// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// deadline bounds every wait of these tests; reaching it is a failure.
const deadline = 30 * time.Second

func needRoot(t *testing.T) {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Skip("attaches to the kernel: run as root")
	}
}

// program is modeltap as a process.
type program struct {
	*exec.Cmd
	log   *bufio.Scanner
	lines strings.Builder
}

func start(t *testing.T, args ...string) *program {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	p := &program{Cmd: exec.Command(self, args...)}
	p.Env = append(os.Environ(), asProgram)
	stderr, err := p.StderrPipe()
	if err == nil {
		err = p.Start()
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = p.Process.Kill(); _ = p.Wait() })
	stop := time.AfterFunc(deadline, func() { _ = p.Process.Kill() })
	t.Cleanup(func() { stop.Stop() })
	p.log = bufio.NewScanner(stderr)
	return p
}

// waitLog reads the log until a line holds want.
func (p *program) waitLog(t *testing.T, want string) string {
	t.Helper()
	for p.log.Scan() {
		fmt.Fprintln(&p.lines, p.log.Text())
		if strings.Contains(p.log.Text(), want) {
			return p.log.Text()
		}
	}
	t.Fatalf("the log ended without %q:\n%s", want, &p.lines)
	return ""
}

func get(t *testing.T, url string) (int, string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), deadline)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp.StatusCode, string(body)
}

// metric returns the value of a series that has no labels.
func metric(t *testing.T, base, name string) string {
	t.Helper()
	_, body := get(t, base+"/metrics")
	for line := range strings.Lines(body) {
		if v, ok := strings.CutPrefix(line, name+" "); ok {
			return strings.TrimSpace(v)
		}
	}
	t.Fatalf("no series %s", name)
	return ""
}

func TestRunReloadsAndStops(t *testing.T) {
	needRoot(t)
	file := filepath.Join(t.TempDir(), "modeltap.yml")
	write := func(text string) {
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write("targets: [a=1]\n")
	p := start(t, "--config.file", file, "--web.listen-address=127.0.0.1:0", "--web.enable-lifecycle")
	_, address, _ := strings.Cut(p.waitLog(t, "Listening on"), "address=")
	base := "http://" + address

	if code, body := get(t, base+"/-/healthy"); code != http.StatusOK {
		t.Errorf("/-/healthy: %d %s", code, body)
	}
	const ok = "modeltap_config_last_reload_successful"
	if v := metric(t, base, ok); v != "1" {
		t.Errorf("%s is %s after the start", ok, v)
	}

	write("targets: [a=1]\nmax-models: 3\n")
	if err := p.Process.Signal(syscall.SIGHUP); err != nil {
		t.Fatal(err)
	}
	if line := p.waitLog(t, "reload refused"); !strings.Contains(line, "max-models cannot change") {
		t.Errorf("refused without the name: %s", line)
	}
	if v := metric(t, base, ok); v != "0" {
		t.Errorf("%s is %s after a refused reload", ok, v)
	}

	write("targets: [a=1, b=2]\nlog.level: debug\n")
	resp, err := http.Post(base+"/-/reload", "", nil)
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		t.Errorf("POST /-/reload: %s", resp.Status)
	}
	p.waitLog(t, "configuration reloaded")
	if v := metric(t, base, ok); v != "1" {
		t.Errorf("%s is %s after a reload", ok, v)
	}

	if err := p.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	p.waitLog(t, "stopped")
	if err := p.Wait(); err != nil {
		t.Errorf("stopped by SIGTERM: %v, want exit code 0", err)
	}
}

// The live page is served unless it is switched off, and nobody who watches holds
// up the end.
func TestLivePage(t *testing.T) {
	needRoot(t)
	for _, c := range []struct {
		args []string
		live bool
	}{{nil, true}, {[]string{"--no-web.live"}, false}} {
		p := start(t, append(c.args, "--target=1", "--web.listen-address=127.0.0.1:0", "--web.telemetry-path=/all")...)
		_, address, _ := strings.Cut(p.waitLog(t, "Listening on"), "address=")
		base := "http://" + address
		_, page := get(t, base+"/")
		if got := strings.Contains(page, "web/live.js"); got != c.live || !strings.Contains(page, "all\"") {
			t.Errorf("%q: the live page: %v, want %v, and a link to the metrics:\n%s", c.args, got, c.live, page)
		}
		for _, path := range []string{"/api/v1/live", "/web/live.js"} {
			if code, _ := get(t, base+path); (code == http.StatusOK) != c.live {
				t.Errorf("%q: %s: %d", c.args, path, code)
			}
		}
		if c.live {
			stream, err := http.Get(base + "/api/v1/live/stream")
			if err != nil {
				t.Fatal(err)
			}
			defer stream.Body.Close()
		}
		began := time.Now()
		if err := p.Process.Signal(syscall.SIGTERM); err != nil {
			t.Fatal(err)
		}
		p.waitLog(t, "stopped")
		if took := time.Since(began); took > 4*time.Second {
			t.Errorf("%q: the end took %v", c.args, took)
		}
	}
}

func TestPortInUse(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	code, _, stderr := call(t, "--web.listen-address="+l.Addr().String())
	if code != exitFailure || !strings.Contains(stderr, "choose another with --web.listen-address") {
		t.Errorf("exit code %d, stderr %q; want %d and the remedy", code, stderr, exitFailure)
	}
}

// Without capabilities run fails with the names of those it lacks.
func TestNoCapability(t *testing.T) {
	needRoot(t)
	binary := readableProgram(t)
	cmd := exec.Command(binary, "--capture=cgroup", "--web.listen-address=127.0.0.1:0", "--log.level=error")
	cmd.Env = []string{asProgram}
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: 65534, Gid: 65534}}
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	if err := cmd.Run(); cmd.ProcessState == nil {
		t.Fatal(err)
	}
	if code := cmd.ProcessState.ExitCode(); code != exitFailure || !strings.Contains(stderr.String(), "CAP_BPF") {
		t.Errorf("exit code %d, stderr %q; want %d and CAP_BPF", code, &stderr, exitFailure)
	}
}

// The demo is the whole product on one machine: what it prints was measured
// through the kernel.
func TestDemoObservesItsServer(t *testing.T) {
	needRoot(t)
	code, out, stderr := call(t, "demo", "--duration=4s", "--web.listen-address=127.0.0.1:0")
	if code != exitOK {
		t.Fatalf("exit code %d, stderr %q", code, stderr)
	}
	for _, want := range []string{"demo ", "openai_chat", "demo-1b", " ok", " usage", "nothing lost"} {
		if !strings.Contains(out, want) {
			t.Errorf("the table lacks %q:\n%s", want, out)
		}
	}
}

// The daemon serves on a socket that is passed as systemd does it, and says what
// is missing where there is none.
func TestSystemdSocket(t *testing.T) {
	needRoot(t)
	code, _, stderr := call(t, "--web.systemd-socket", "--capture=cgroup")
	if code != exitFailure || !strings.Contains(stderr, ".socket unit") {
		t.Errorf("without a socket: %d, %q", code, stderr)
	}
	l, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	f, err := l.(*net.TCPListener).File()
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command("/bin/sh", "-c", `LISTEN_FDS=1 LISTEN_PID=$$ exec "$0" --web.systemd-socket --capture=cgroup --log.level=error --no-gpu`, self)
	cmd.Env = limited(asProgram)
	cmd.ExtraFiles = []*os.File{f}
	cmd.Stderr = os.Stderr
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), deadline)
	defer cancel()
	q, _ := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+l.Addr().String()+"/-/healthy", nil)
	a, err := http.DefaultClient.Do(q) // it waits in the socket until the daemon serves
	if err != nil {
		t.Error(err)
	} else {
		_ = a.Body.Close()
	}
	_ = cmd.Process.Signal(syscall.SIGTERM)
	if err := cmd.Wait(); err != nil {
		t.Error(err)
	}
}

// readableProgram copies this program to where every user may run it: it lies in
// a directory that only its owner may enter.
func readableProgram(t *testing.T) string {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	binary := filepath.Join(t.TempDir(), "modeltap.test")
	text, err := os.ReadFile(self)
	if err == nil {
		err = os.WriteFile(binary, text, 0o755)
	}
	for dir := filepath.Dir(binary); err == nil && dir != os.TempDir() && dir != "/"; dir = filepath.Dir(dir) {
		err = os.Chmod(dir, 0o755)
	}
	if err != nil {
		t.Fatal(err)
	}
	return binary
}
