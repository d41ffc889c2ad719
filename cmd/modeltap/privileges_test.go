// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"kernel.org/pub/linux/libs/security/libcap/cap"
)

func TestKeep(t *testing.T) {
	wanted := (&settings{options: &options{gpu: true, gpuBackend: "nvml", kernelLog: "/dev/kmsg"}, command: cmdRun}).needs("cgroup").caps
	for name, c := range map[string]struct{ has, want []cap.Value }{
		"root":                      {[]cap.Value{cap.SYS_ADMIN, cap.BPF, cap.PERFMON, cap.NET_ADMIN, cap.SYS_PTRACE, cap.DAC_READ_SEARCH, cap.NET_RAW, cap.SYSLOG, cap.CHOWN, cap.SYS_MODULE}, wanted},
		"a preset":                  {[]cap.Value{cap.BPF, cap.NET_ADMIN, cap.PERFMON}, []cap.Value{cap.BPF, cap.NET_ADMIN}},
		"Docker before BPF":         {[]cap.Value{cap.SYS_ADMIN, cap.NET_ADMIN}, []cap.Value{cap.NET_ADMIN, cap.SYS_ADMIN}},
		"PERFMON is not to be had":  {[]cap.Value{cap.SYS_ADMIN, cap.BPF, cap.NET_ADMIN}, []cap.Value{cap.BPF, cap.NET_ADMIN}},
		"nothing, as for --no-root": {nil, nil},
	} {
		got := keep(wanted, func(v cap.Value) bool { return slices.Contains(c.has, v) })
		slices.Sort(got)
		want := slices.Sorted(slices.Values(c.want))
		if !slices.Equal(got, want) {
			t.Errorf("%s: %v, want %v", name, got, want)
		}
	}
}

// Files decide which groups stay, and whether root does.
func TestWriters(t *testing.T) {
	dir := t.TempDir()
	file := func(name string, mode os.FileMode) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, nil, 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.Chmod(path, mode); err != nil {
			t.Fatal(err)
		}
		return path
	}
	all, group, owner := file("all", 0o666), file("group", 0o660), file("owner", 0o600)
	for _, c := range []struct {
		files  []string
		groups int
		root   bool
	}{
		{nil, 0, false},
		{[]string{all, filepath.Join(dir, "missing")}, 0, false},
		{[]string{group, group, all}, 1, false},
		{[]string{all, owner}, 0, true},
		{[]string{file("read", 0o644)}, 0, true},
	} {
		if groups, root := writers(c.files); len(groups) != c.groups || root != c.root {
			t.Errorf("%v: groups %v, root %v", c.files, groups, root)
		}
	}
}

// status returns the fields of /proc/PID/status, or of one of its threads.
func status(t *testing.T, file string) map[string]string {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	fields := map[string]string{}
	for line := range strings.Lines(string(text)) {
		if k, v, ok := strings.Cut(line, ":"); ok {
			fields[k] = strings.TrimSpace(v)
		}
	}
	return fields
}

// What each command started by root has once it has begun: on every thread, in
// every set, and nothing more to be had. That it still works with it: the tests
// of signals and reloads in this package, and all of observer/e2e, run so.
func TestPrivilegesAreDropped(t *testing.T) {
	needRoot(t)
	pipe, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer w.Close()
	look := []cap.Value{cap.SYS_PTRACE, cap.DAC_READ_SEARCH}
	attach := append([]cap.Value{cap.BPF, cap.NET_ADMIN}, look...)
	const anywhere = "--web.listen-address=127.0.0.1:0"
	socket := filepath.Join(t.TempDir(), "cri.sock")
	l, err := net.Listen("unix", socket)
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	mode := func(m os.FileMode) func() { return func() { _ = os.Chmod(socket, m) } }
	for _, c := range []struct {
		name   string
		before func()
		args   []string
		caps   []cap.Value
		uid    int
		groups string
	}{
		{"run", nil, []string{"run", anywhere, "--no-gpu"}, attach, nobody, ""},
		{"run, GPUs", nil, []string{"run", anywhere, "--gpu.library=/nonexistent"}, append([]cap.Value{cap.SYSLOG}, attach...), nobody, ""},
		{"run, packets", nil, []string{"run", anywhere, "--no-gpu", "--capture=packet", "--discovery.cgroup="}, look, nobody, ""},
		{"run, runtime for all", mode(0o666), []string{"run", anywhere, "--no-gpu", "--cri.socket=" + socket}, attach, nobody, ""},
		{"run, runtime for its group", mode(0o660), []string{"run", anywhere, "--no-gpu", "--cri.socket=" + socket}, attach, nobody, "0"},
		{"run, runtime for root", mode(0o600), []string{"run", anywhere, "--no-gpu", "--cri.socket=" + socket}, attach, 0, ""},
		{"record", nil, []string{"record", filepath.Join(t.TempDir(), "f")}, attach, nobody, ""},
		{"replay", nil, []string{"replay", "-"}, nil, nobody, ""},
		{"top", nil, []string{"top", "--once", "--interval=1h", "--url=" + metricsOf(t)}, nil, nobody, ""},
		{"demo", nil, []string{"demo", anywhere, "--no-gpu"}, attach, nobody, ""},
		{"demo-server", nil, []string{"demo-server"}, nil, nobody, ""},
		{"demo-load", nil, []string{"demo-load", "--url=http://127.0.0.1:1"}, nil, nobody, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			if c.before != nil {
				c.before()
			}
			p := begin(t, pipe, append(c.args, "--log.level=debug")...)
			p.until(t, &p.log, "privileges dropped")
			var want uint64
			for _, v := range c.caps {
				want |= 1 << v
			}
			var held uint64
			if _, err := fmt.Sscanf(status(t, "/proc/self/status")["CapPrm"], "%x", &held); err != nil {
				t.Fatal(err)
			}
			want &= held
			threads, err := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/status", p.Process.Pid))
			if err != nil || len(threads) < 3 {
				t.Fatal(threads, err)
			}
			for _, file := range threads {
				s := status(t, file)
				for _, set := range []string{"CapPrm", "CapEff", "CapBnd"} {
					if s[set] != fmt.Sprintf("%016x", want) {
						t.Errorf("%s: %s %s, want %016x", file, set, s[set], want)
					}
				}
				id := strconv.Itoa(c.uid)
				if s["Uid"] != strings.Join([]string{id, id, id, id}, "\t") || c.uid != 0 && s["Groups"] != c.groups {
					t.Errorf("%s: uid %s, groups %q, want %s and %q", file, s["Uid"], s["Groups"], id, c.groups)
				}
				if s["NoNewPrivs"] != "1" {
					t.Errorf("%s: may gain privileges", file)
				}
			}
		})
	}
	t.Run("not asked to", func(t *testing.T) {
		p := begin(t, nil, "run", anywhere, "--no-gpu", "--no-drop-privileges", "--log.level=debug")
		p.until(t, &p.log, "Listening on")
		time.Sleep(300 * time.Millisecond)
		s := status(t, fmt.Sprintf("/proc/%d/status", p.Process.Pid))
		if uid, _, _ := strings.Cut(s["Uid"], "\t"); uid != "0" || s["CapPrm"] != status(t, "/proc/self/status")["CapPrm"] {
			t.Errorf("uid %s, capabilities %s", s["Uid"], s["CapPrm"])
		}
	})
}

// What brings a daemon down leaves no memory image, whatever the limit is.
func TestNoCoreDump(t *testing.T) {
	needRoot(t)
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command("/bin/sh", "-c", `ulimit -c unlimited; exec "$0" --web.listen-address=127.0.0.1:0 --no-gpu --log.level=error`, self)
	cmd.Env = limited(asProgram, "GOTRACEBACK=crash")
	cmd.Dir = t.TempDir()
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	for end := time.Now().Add(deadline); status(t, fmt.Sprintf("/proc/%d/status", cmd.Process.Pid))["NoNewPrivs"] != "1"; time.Sleep(10 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatal("it never hardens itself")
		}
	}
	_ = cmd.Process.Signal(syscall.SIGQUIT)
	_ = cmd.Wait()
	ws := cmd.ProcessState.Sys().(syscall.WaitStatus)
	if !ws.Signaled() || ws.CoreDump() {
		t.Errorf("ended by a signal %v, with a core dump %v", ws.Signaled(), ws.CoreDump())
	}
	if left, _ := filepath.Glob(cmd.Dir + "/*core*"); len(left) > 0 {
		t.Error(left)
	}
}

// Both presets of identity, as a user who is nobody: requests are measured, and
// the server is named by what each preset may read.
func TestPresetsAsNobody(t *testing.T) {
	needRoot(t)
	binary := readableProgram(t)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		w.Header().Set("Content-Type", "application/json")
		_, _ = io.WriteString(w, `{"object":"chat.completion","model":"m","choices":[{"message":{"content":"a"},"finish_reason":"stop"}],"usage":{"prompt_tokens":1,"completion_tokens":1}}`)
	}))
	defer server.Close()
	port := server.Listener.Addr().(*net.TCPAddr).Port
	for preset, c := range map[string]struct {
		caps []uintptr
		name string
	}{
		"cgroup": {[]uintptr{uintptr(cap.BPF), uintptr(cap.NET_ADMIN)}, "port-" + strconv.Itoa(port)},
		"full": {[]uintptr{uintptr(cap.BPF), uintptr(cap.NET_ADMIN), uintptr(cap.PERFMON), uintptr(cap.SYS_PTRACE), uintptr(cap.DAC_READ_SEARCH)},
			"modeltap.test:" + strconv.Itoa(port)},
	} {
		t.Run(preset, func(t *testing.T) {
			l, err := net.Listen("tcp", "127.0.0.1:0")
			if err != nil {
				t.Fatal(err)
			}
			address := l.Addr().String()
			_ = l.Close()
			cmd := exec.Command(binary, "--web.listen-address="+address, "--no-gpu", "--target="+strconv.Itoa(port))
			cmd.Env = limited(asProgram)
			cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: 65534, Gid: 65534}, AmbientCaps: c.caps}
			var log bytes.Buffer
			cmd.Stderr = &log
			if err := cmd.Start(); err != nil {
				t.Fatal(err)
			}
			defer func() {
				_ = cmd.Process.Signal(syscall.SIGTERM)
				if err := cmd.Wait(); err != nil || t.Failed() {
					t.Errorf("%v\n%s", err, &log)
				}
			}()
			for end := time.Now().Add(deadline); ; time.Sleep(20 * time.Millisecond) {
				if a, err := http.Get("http://" + address + "/-/ready"); err == nil {
					_ = a.Body.Close()
					if a.StatusCode == http.StatusOK {
						break
					}
				}
				if time.Now().After(end) {
					t.Fatal("never ready")
				}
			}
			a, err := http.Post(server.URL+"/v1/chat/completions", "application/json", strings.NewReader(`{"model":"m"}`))
			if err != nil {
				t.Fatal(err)
			}
			_, _ = io.Copy(io.Discard, a.Body)
			_ = a.Body.Close()
			_, text := get(t, "http://"+address+"/metrics")
			if want := fmt.Sprintf(`model_requests_total{api="openai_chat",code="200",model="m",outcome="ok",server=%q,stream="false"} 1`, c.name); !strings.Contains(text, want) {
				for line := range strings.Lines(text) {
					if strings.HasPrefix(line, "model_requests_total") || strings.HasPrefix(line, "model_server_info") {
						t.Log(line)
					}
				}
				t.Errorf("no %s", want)
			}
		})
	}
}
