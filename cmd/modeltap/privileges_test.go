// SPDX-License-Identifier: Apache-2.0

package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
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
	cmd.Env = []string{asProgram, "GOTRACEBACK=crash"}
	cmd.Dir = t.TempDir()
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	time.Sleep(500 * time.Millisecond) // it has hardened itself long before
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
