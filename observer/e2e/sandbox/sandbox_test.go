// SPDX-License-Identifier: Apache-2.0

package sandbox

import (
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/modeltap/modeltap/bpf/cgroupfs"
)

// fixture in the environment says what TestFixture does.
const fixture = "MT_TEST_FIXTURE"

var stranger net.Listener // listens outside for as long as the tests run

func TestMain(m *testing.M) {
	os.Exit(Main(m, Plan{Apart: "^Test(Same|Fixture)", Alone: "Last$", Prepare: func() (err error) {
		if stranger, err = net.Listen("tcp", "127.0.0.1:0"); err != nil {
			return err
		}
		return os.WriteFile(filepath.Join(Shared(), "stranger"), []byte(stranger.Addr().String()), 0o600)
	}}))
}

func need(t *testing.T) {
	t.Helper()
	if _, ok := os.LookupEnv(inside); !ok {
		t.Skip("no sandbox can be made here: run as root")
	}
}

func TestOutsideIsOutOfSight(t *testing.T) {
	need(t)
	address, err := os.ReadFile(filepath.Join(Shared(), "stranger"))
	if err != nil {
		t.Fatal(err)
	}
	if c, err := net.DialTimeout("tcp", string(address), time.Second); err == nil {
		c.Close()
		t.Errorf("who listens outside on %s answers", address)
	} else if !errors.Is(err, syscall.ECONNREFUSED) {
		t.Errorf("dial %s: %v: is the loopback up?", address, err)
	}
	if Cgroup() == "" {
		t.Skip("no cgroup can be made here")
	}
	own, err := os.ReadFile("/proc/self/cgroup")
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(string(own), "0::"+Cgroup()+"\n") || os.Getenv(Limit) != Cgroup() {
		t.Errorf("the cgroup is to be %s; daemons are limited to %s; the process is in %s", Cgroup(), os.Getenv(Limit), own)
	}
}

// Both take the same port, at the same time, of both families.
func TestSamePort(t *testing.T)  { samePort(t) }
func TestSamePort2(t *testing.T) { samePort(t) }

func samePort(t *testing.T) {
	need(t)
	for _, address := range []string{"127.0.0.1:8000", "[::1]:8000"} {
		l, err := net.Listen("tcp", address)
		if err != nil {
			t.Fatal(err)
		}
		defer l.Close()
		c, err := net.Dial("tcp", address)
		if err != nil {
			t.Fatal(err)
		}
		c.Close()
	}
	// Until the other is there too, unless it ran before.
	mine, other := filepath.Join(Shared(), t.Name()), map[string]string{"TestSamePort": "TestSamePort2", "TestSamePort2": "TestSamePort"}[t.Name()]
	if err := os.WriteFile(mine, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for end := time.Now().Add(20 * time.Second); time.Now().Before(end); time.Sleep(10 * time.Millisecond) {
		if _, err := os.Stat(filepath.Join(Shared(), other)); err == nil {
			return
		}
	}
	t.Skipf("%s did not run beside it", other)
}

// TestFixture is what TestVerdicts runs in sandboxes of their own.
func TestFixture(t *testing.T) {
	switch act, argument, _ := strings.Cut(os.Getenv(fixture), " "); act {
	case "fail":
		t.Error("wanted")
	case "skip":
		t.Skip("wanted")
	case "panic":
		panic("wanted")
	case "exit":
		os.Exit(7)
	case "hang":
		select {}
	case "leave": // a process in a session and a cgroup of its own
		root, err := cgroupfs.Find("")
		if err != nil {
			t.Fatal(err)
		}
		deeper := root.Dir(Cgroup() + "/deeper/still")
		if err := os.MkdirAll(deeper, 0o755); err != nil {
			t.Fatal(err)
		}
		cmd := exec.Command("setsid", "sh", "-c", `echo $$ >"$0/cgroup.procs" && echo $$ >"$1" && exec sleep 1000`, deeper, argument)
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		for end := time.Now().Add(10 * time.Second); time.Now().Before(end); time.Sleep(5 * time.Millisecond) {
			if text, _ := os.ReadFile(argument); len(text) > 0 {
				return
			}
		}
		t.Fatal("the process did not start")
	}
}

func TestFixtureLast(t *testing.T) {}

// nested runs the fixtures as go test does, outside of this sandbox.
func nested(act string, args ...string) *exec.Cmd {
	cmd := exec.Command("/proc/self/exe", append([]string{"-test.run=^TestFixture"}, args...)...)
	for _, v := range os.Environ() {
		if !strings.HasPrefix(v, inside+"=") && !strings.HasPrefix(v, shared+"=") && !strings.HasPrefix(v, Limit+"=") {
			cmd.Env = append(cmd.Env, v)
		}
	}
	cmd.Env = append(cmd.Env, fixture+"="+act)
	return cmd
}

// A sandbox hides no verdict: what a test says and how it ends is what go test
// gets.
func TestVerdicts(t *testing.T) {
	need(t)
	for act, c := range map[string]struct {
		args []string
		good bool
		says string
	}{
		"pass":  {nil, true, ""},
		"fail":  {nil, false, "sandbox_test.go"},
		"skip":  {[]string{"-test.v"}, true, "--- SKIP: TestFixture"},
		"panic": {nil, false, "panic: wanted"},
		"exit":  {nil, false, "sandbox of TestFixture: exit status 7"},
		"hang":  {[]string{"-test.timeout=1s"}, false, "panic: test timed out"},
	} {
		for _, one := range []bool{false, true} { // alone its output is not held back
			args := c.args
			if one {
				args = append(args, "-test.run=^TestFixture$")
			}
			cmd := nested(act, args...)
			raw, err := cmd.CombinedOutput()
			out := string(raw)
			says := c.says
			if one && act == "exit" {
				says = "" // go test says it itself
			}
			verdicts := strings.Count("\n"+out, "\nPASS\n") + strings.Count("\n"+out, "\nFAIL\n")
			if (err == nil) != c.good || !strings.Contains(out, says) || verdicts > 1 || c.good && !strings.HasSuffix(out, "PASS\n") {
				t.Errorf("%s, one %v: %v, want %v; %d verdicts; want %q in:\n%s", act, one, err, c.good, verdicts, says, out)
			}
		}
	}
	if out, err := nested("pass", "-test.run=^TestNothing$").CombinedOutput(); err != nil || !strings.Contains(string(out), "no tests to run") {
		t.Errorf("no test: %v\n%s", err, out)
	}
}

// What a test leaves is ended, and its cgroups go.
func TestNothingStays(t *testing.T) {
	need(t)
	file := filepath.Join(t.TempDir(), "pid")
	if out, err := nested("leave "+file, "-test.v").CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	pid, err := strconv.Atoi(strings.TrimSpace(string(text)))
	if err != nil {
		t.Fatal(err)
	}
	if lives(pid) {
		t.Errorf("process %d lives in %s", pid, groupOf(pid))
	}
}

// A run that is ended by its user leaves nothing.
func TestEndedByASignal(t *testing.T) {
	need(t)
	cmd := nested("hang", "-test.v")
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	child, group := 0, ""
	for end := time.Now().Add(10 * time.Second); group == ""; time.Sleep(10 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatal("no sandbox")
		}
		for _, pid := range children(cmd.Process.Pid) {
			if g := groupOf(pid); strings.Contains(g, prefix) && g != Cgroup() {
				child, group = pid, g
			}
		}
	}
	if err := cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	if err := cmd.Wait(); err == nil {
		t.Error("exit code 0 after SIGTERM")
	}
	if lives(child) {
		t.Errorf("process %d lives", child)
	}
	root, err := cgroupfs.Find("")
	if err != nil {
		t.Skip(err)
	}
	defer root.Close()
	if _, err := os.Stat(root.Dir(group)); err == nil {
		t.Errorf("the cgroup %s stays", group)
	}
}

func children(pid int) (all []int) {
	files, _ := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/children", pid))
	for _, file := range files {
		text, _ := os.ReadFile(file)
		for _, field := range strings.Fields(string(text)) {
			if n, err := strconv.Atoi(field); err == nil {
				all = append(all, n)
			}
		}
	}
	return all
}

// groupOf returns the path of a process's cgroup, "" if it has ended.
func groupOf(pid int) string {
	text, _ := os.ReadFile(fmt.Sprintf("/proc/%d/cgroup", pid))
	for line := range strings.Lines(string(text)) {
		if path, ok := strings.CutPrefix(strings.TrimSpace(line), "0::"); ok {
			return path
		}
	}
	return ""
}

// lives says whether a process runs: it is neither gone nor waits for its parent
// to ask how it ended.
func lives(pid int) bool {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	_, rest, _ := strings.Cut(string(text), ") ")
	return err == nil && !strings.HasPrefix(rest, "Z") && !strings.HasPrefix(rest, "X")
}
