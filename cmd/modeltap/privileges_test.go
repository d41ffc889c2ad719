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
	for name, c := range map[string]struct{ has, want []cap.Value }{
		"root":                      {[]cap.Value{cap.SYS_ADMIN, cap.BPF, cap.PERFMON, cap.NET_ADMIN, cap.SYS_PTRACE, cap.DAC_READ_SEARCH, cap.NET_RAW, cap.SYSLOG, cap.CHOWN, cap.SYS_MODULE}, kept},
		"a preset":                  {[]cap.Value{cap.BPF, cap.NET_ADMIN}, []cap.Value{cap.BPF, cap.NET_ADMIN}},
		"Docker before BPF":         {[]cap.Value{cap.SYS_ADMIN, cap.NET_ADMIN}, []cap.Value{cap.NET_ADMIN, cap.SYS_ADMIN}},
		"PERFMON is not to be had":  {[]cap.Value{cap.SYS_ADMIN, cap.BPF, cap.NET_ADMIN}, []cap.Value{cap.BPF, cap.NET_ADMIN, cap.SYS_ADMIN}},
		"nothing, as for --no-root": {nil, nil},
	} {
		got := keep(func(v cap.Value) bool { return slices.Contains(c.has, v) })
		slices.Sort(got)
		want := slices.Sorted(slices.Values(c.want))
		if !slices.Equal(got, want) {
			t.Errorf("%s: %v, want %v", name, got, want)
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

// A daemon started by root has, once it runs, seven capabilities on every
// thread and can get no other; and it still captures, in a cgroup that was made
// afterwards too (observer/e2e has that, of this very program).
func TestPrivilegesAreDropped(t *testing.T) {
	needRoot(t)
	p := start(t, "--web.listen-address=127.0.0.1:0", "--no-gpu")
	p.waitLog(t, "privileges dropped")
	var want uint64
	for _, v := range kept {
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
		if s["NoNewPrivs"] != "1" {
			t.Errorf("%s: may gain privileges", file)
		}
	}
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
