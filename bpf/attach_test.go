// SPDX-License-Identifier: Apache-2.0

package bpf

import (
	"fmt"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/modeltap/modeltap/bpf/cgroupfs"
)

func testRoot(t *testing.T) *cgroupfs.Root {
	t.Helper()
	if os.Getuid() != 0 {
		t.Skip("needs root: makes cgroups and attaches BPF programs to them")
	}
	root, err := cgroupfs.Find("")
	if err != nil {
		t.Skip(err)
	}
	t.Cleanup(func() { root.Close() })
	return root
}

// makeCgroup makes a cgroup that is removed at the end of the test.
func makeCgroup(t *testing.T, path string) string {
	t.Helper()
	if err := os.Mkdir(path, 0o755); err != nil {
		t.Skipf("cannot make cgroups here: %v", err)
	}
	t.Cleanup(func() { os.Remove(path) })
	return path
}

// ownCgroup finds the path of the cgroup v2 hierarchy in /proc/PID/cgroup.
func ownCgroup(text string) string {
	for line := range strings.Lines(text) {
		if path, ok := strings.CutPrefix(strings.TrimSpace(line), "0::"); ok {
			return path
		}
	}
	return "/"
}

// listenIn listens on loopback with a socket that belongs to the cgroup: a
// socket's cgroup is that of the thread's process as it is made.
func listenIn(t *testing.T, cgroup, home string) net.Listener {
	t.Helper()
	move := func(dir string) {
		if err := os.WriteFile(filepath.Join(dir, "cgroup.procs"), []byte("0"), 0); err != nil {
			t.Fatal(err)
		}
	}
	move(cgroup)
	defer move(home)
	l, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	return l
}

// exchange sends one request and reads one answer, and returns when both ends
// are closed.
func exchange(t *testing.T, l net.Listener) {
	t.Helper()
	done := make(chan error, 1)
	go func() {
		c, err := l.Accept()
		if err == nil {
			_, err = c.Read(make([]byte, 10))
			_, _ = c.Write([]byte("answer"))
			c.Close()
		}
		done <- err
	}()
	c, err := net.Dial("tcp", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if _, err := c.Write([]byte("request")); err != nil {
		t.Fatal(err)
	}
	for {
		if _, err := c.Read(make([]byte, 10)); err != nil {
			break
		}
	}
	if err := <-done; err != nil {
		t.Fatal(err)
	}
}

// TestOneRecordPerSegment moves the attachments among nested cgroups. Each
// request and answer of a server in the innermost one must be counted once.
func TestOneRecordPerSegment(t *testing.T) {
	root := testRoot(t)
	name := root.Dir(fmt.Sprintf("mt-nested-%d", os.Getpid()))
	outer := makeCgroup(t, name)
	inner := makeCgroup(t, filepath.Join(name, "inner"))
	beside := makeCgroup(t, name+"-beside")
	home, err := os.ReadFile("/proc/self/cgroup")
	if err != nil {
		t.Fatal(err)
	}
	homeDir := root.Dir(ownCgroup(string(home)))
	l := listenIn(t, inner, homeDir)

	tap, err := Load(Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer tap.Close()
	if err := tap.SetPorts([]uint16{l.Addr().(*net.TCPAddr).AddrPort().Port()}); err != nil {
		t.Fatal(err)
	}
	attachments := NewAttachments(tap)
	defer attachments.Close()
	for _, step := range []struct {
		name     string
		set      []string
		attached []string
		seen     bool
	}{
		{"inner", []string{inner}, []string{inner}, true},
		{"inner twice", []string{inner, inner + "/."}, []string{inner}, true},
		{"an ancestor besides", []string{inner, outer}, []string{outer}, true},
		{"the root besides", []string{outer, root.Path, inner, beside}, []string{root.Path}, true},
		{"two, not nested", []string{beside, inner}, []string{inner, beside}, true},
		{"another", []string{beside}, []string{beside}, false},
		{"one that is gone", []string{name + "-gone", outer}, []string{outer}, true},
		{"none", nil, nil, false},
	} {
		if err := attachments.Set(step.set); err != nil {
			t.Fatalf("%s: %v", step.name, err)
		}
		slices.Sort(step.attached)
		if got := attachments.Attached(); !slices.Equal(got, step.attached) {
			t.Errorf("%s: attached to %v, want %v", step.name, got, step.attached)
		}
		before, _ := tap.Counters()
		exchange(t, l)
		after, err := tap.Counters()
		if err != nil {
			t.Fatal(err)
		}
		want := [2]uint64{}
		if step.seen {
			want = [2]uint64{uint64(len("request")), uint64(len("answer"))}
		}
		if got := [2]uint64{after.Bytes[0] - before.Bytes[0], after.Bytes[1] - before.Bytes[1]}; got != want {
			t.Errorf("%s: %d bytes recorded, want %d", step.name, got, want)
		}
	}
	if err := attachments.Set([]string{t.TempDir(), inner}); err == nil {
		t.Error("a directory that is no cgroup was accepted")
	}
	if got := attachments.Attached(); !slices.Equal(got, []string{inner}) {
		t.Errorf("beside an error: attached to %v", got)
	}
}
