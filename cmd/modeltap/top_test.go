// SPDX-License-Identifier: Apache-2.0

package main

import (
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// terminal is a tmux of its own with one pane.
type terminal struct {
	*testing.T
	socket string
}

// newTerminal runs a shell command in a terminal of width by height cells.
func newTerminal(t *testing.T, width, height int, command string) *terminal {
	t.Helper()
	if _, err := exec.LookPath("tmux"); err != nil {
		t.Fatalf("%v: make e2e-setup installs it", err)
	}
	term := &terminal{t, filepath.Join(t.TempDir(), "tmux")}
	t.Cleanup(func() { _ = exec.Command("tmux", "-S", term.socket, "kill-server").Run() })
	term.tmux("-u", "-f", "/dev/null", "new-session", "-d", "-x", fmt.Sprint(width), "-y", fmt.Sprint(height), command)
	term.tmux("set", "-g", "remain-on-exit", "on")
	return term
}

func (t *terminal) tmux(args ...string) string {
	t.Helper()
	cmd := exec.Command("tmux", append([]string{"-S", t.socket}, args...)...)
	cmd.Env = append(os.Environ(), "LC_ALL=C.UTF-8", "TERM=xterm-256color", "NO_COLOR=", asProgram)
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("tmux %q: %v: %s", args, err, out)
	}
	return string(out)
}

func (t *terminal) keys(keys ...string) {
	t.Helper()
	t.tmux(append([]string{"send-keys"}, keys...)...)
}

func (t *terminal) screen() string { return t.tmux("capture-pane", "-p") }

// waits for all of want on the screen and none of what begins with "!no ".
func (t *terminal) waits(want ...string) {
	t.Helper()
	screen := ""
	for end := time.Now().Add(deadline); time.Now().Before(end); time.Sleep(100 * time.Millisecond) {
		screen = t.screen()
		fits := true
		for _, w := range want {
			unwanted, not := strings.CutPrefix(w, "!no ")
			fits = fits && strings.Contains(screen, unwanted) != not
		}
		if fits {
			return
		}
	}
	t.Fatalf("the screen never showed %q:\n%s", want, screen)
}

// demoAt starts the demo with made-up GPUs and waits until it serves.
func demoAt(t *testing.T, address string) *program {
	t.Helper()
	p := start(t, "demo", "--gpu.backend=demo", "--web.listen-address="+address)
	for end := time.Now().Add(deadline); time.Now().Before(end); time.Sleep(50 * time.Millisecond) {
		if c, err := net.Dial("tcp", address); err == nil {
			_ = c.Close()
			return p
		}
	}
	t.Fatalf("the demo does not serve at %s", address)
	return nil
}

func freeAddress(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}

// A user looks at a daemon from a terminal: every view, sorting, a filter, a
// wider window; the daemon dies and comes back; the terminal is left as it was.
func TestTopInATerminal(t *testing.T) {
	needRoot(t)
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	address := freeAddress(t)
	daemon := demoAt(t, address)
	term := newTerminal(t, 80, 24, fmt.Sprintf(
		`before=$(stty -g); %s top --url=http://%s; echo "exit code $?"; [ "$(stty -g)" = "$before" ] && echo the terminal is as before; exec sleep 60`, self, address))

	term.waits("live", "GPU1 util [||", "demo-1b", "TTFT95", " ok ", "[1 servers]", "lost 0", "█", "!no TREND")
	for _, v := range []struct {
		key  string
		want []string
	}{
		{"2", []string{"[2 requests]", "in socket", "█"}},
		{"3", []string{"[3 latency]", "TIME TO FIRST TOKEN  p50 ", "▓"}},
		{"4", []string{"[4 gpu]", "Demo GPU", "HOST"}},
		{"5", []string{"[5 self]", "nothing lost", "packets lost"}},
		{"?", []string{"KEYS", "COLUMNS"}},
		{"1", []string{"[1 servers]", "!no KEYS", "sort:tok/s▼"}},
		{"s", []string{"sort:server▲"}},
		{"S", []string{"sort:server▼"}},
		{"Enter", []string{"inter-token latency", "openai_chat", "outcomes"}},
		{"Escape", []string{"TTFT95", "!no inter-token latency"}},
		{"Space", []string{"paused"}},
		{"Space", []string{"live"}},
		{"+", []string{"  2s  "}},
		{"-", []string{"  1s  "}},
	} {
		term.keys(v.key)
		term.waits(v.want...)
	}
	term.keys("/", "no-such-server", "Enter")
	term.waits("filter:no-such-server", "nothing fits the filter")
	term.keys("Escape")
	term.waits("filter:–", "demo-1b")

	term.tmux("resize-window", "-x", "120", "-y", "30")
	term.waits("TREND", "SOCKW95", "demo-1b")
	term.tmux("resize-window", "-x", "40", "-y", "8")
	term.waits("demo", "!no TREND")
	term.tmux("resize-window", "-x", "80", "-y", "24")

	_ = daemon.Process.Kill()
	_ = daemon.Wait()
	term.waits("! stale", " s ", "demo-1b", "nothing listens there")
	demoAt(t, address)
	term.waits("live", "!no stale", "demo-1b", "!no nothing listens")

	term.keys("q")
	term.waits("exit code 0", "the terminal is as before")
	if flags := strings.TrimSpace(term.tmux("display", "-p", "#{alternate_on} #{cursor_flag} #{mouse_any_flag}")); flags != "0 1 0" {
		t.Errorf("alternate screen, cursor and mouse are left as %q", flags)
	}
}

// A signal ends it as q does, and a daemon that was never there does not.
func TestTopIsStopped(t *testing.T) {
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	term := newTerminal(t, 80, 24, fmt.Sprintf(`%s top --ascii --url=%s; echo "exit code $?"; exec sleep 60`, self, freeAddress(t)))
	term.waits("! no answer", "nothing listens there", "trying again every 1s")
	shell := strings.TrimSpace(term.tmux("display", "-p", "#{pane_pid}"))
	children, err := os.ReadFile(filepath.Join("/proc", shell, "task", shell, "children"))
	if err != nil {
		t.Fatal(err)
	}
	if out, err := exec.Command("kill", "-TERM", strings.TrimSpace(string(children))).CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	term.waits("exit code 0", "!no trying again")
	if got := strings.TrimSpace(term.tmux("display", "-p", "#{alternate_on}")); got != "0" {
		t.Errorf("the alternate screen is left on: %q", got)
	}
}

// In a pipe it is a table, measured through the kernel.
func TestTopInAPipe(t *testing.T) {
	needRoot(t)
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	address := freeAddress(t)
	demoAt(t, address)
	text := ""
	for end := time.Now().Add(deadline); !(strings.Contains(text, "demo-1b") && strings.Contains(text, "Demo_GPU")) && time.Now().Before(end); {
		cmd := exec.Command("/bin/sh", "-c", `"$0" top --url=http://$1 --interval=2s | cat`, self, address)
		cmd.Env = append(os.Environ(), asProgram, "LC_ALL=C")
		out, err := cmd.CombinedOutput()
		if err != nil {
			t.Fatalf("%v: %s", err, out)
		}
		text = string(out)
	}
	for _, want := range []string{"SERVER", "demo    demo-1b", "Demo_GPU", "0 lost, 0 gaps", "over 2."} {
		if !strings.Contains(text, want) {
			t.Errorf("the table lacks %q:\n%s", want, text)
		}
	}
	for _, r := range text {
		if r > '~' || r < ' ' && r != '\n' {
			t.Errorf("the table has %q in a locale without UTF-8", r)
		}
	}
}
