// SPDX-License-Identifier: Apache-2.0

package discover

import (
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/cilium/ebpf/ringbuf"
	"golang.org/x/sys/unix"

	"github.com/modeltap/modeltap/bpf"
	"github.com/modeltap/modeltap/bpf/cgroupfs"
	"github.com/modeltap/modeltap/observer/servers"
)

// stage is a Discoverer on the real kernel.
type stage struct {
	*Discoverer
	tab  *servers.Table
	root *cgroupfs.Root
	only string // the subtree that discovery is limited to, "" for none

	mu      sync.Mutex
	applied []Capture
	changed chan struct{} // signalled after each record and each Apply
}

// play starts a Discoverer with the given targets; blind leaves BPF out.
func play(t *testing.T, blind bool, targets ...string) *stage {
	t.Helper()
	return playIn(t, "", blind, targets...)
}

// playIn starts a Discoverer that is limited to a cgroup below the root.
func playIn(t *testing.T, subtree string, blind bool, targets ...string) *stage {
	t.Helper()
	s := &stage{only: subtree, changed: make(chan struct{}, 1), tab: servers.NewTable(servers.Options{Specs: specs(t, targets...)})}
	cfg := Config{Table: s.tab, Subtree: subtree, Apply: func(c Capture) error {
		s.mu.Lock()
		s.applied = append(s.applied, c)
		s.mu.Unlock()
		s.signal()
		return nil
	}}
	var p Programs
	var tap *bpf.Tap
	if !blind {
		tap = s.load(t, &p)
	}
	cfg.Kernel = Linux(p)
	s.Discoverer = New(cfg)
	if tap != nil {
		s.hear(t, tap)
	}
	if err := s.Start(time.Now()); err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		s.Run(t.Context())
	}()
	t.Cleanup(func() { <-done })
	return s
}

// load attaches discovery.
func (s *stage) load(t *testing.T, p *Programs) *bpf.Tap {
	t.Helper()
	root, err := cgroupfs.Find("")
	if err != nil {
		t.Skip("needs the root of cgroup v2: ", err)
	}
	tap, err := bpf.Load(bpf.Options{RingSize: 1 << 16})
	if errors.Is(err, unix.EPERM) {
		t.Skip("needs CAP_BPF and CAP_NET_ADMIN: ", err)
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { tap.Close() })
	d, err := bpf.LoadDiscovery(tap, root.Dir(s.only))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { d.Close() })
	p.Root, p.Discovery, s.root = root, d, root
	return tap
}

// hear hands the records of the ring to the Discoverer.
func (s *stage) hear(t *testing.T, tap *bpf.Tap) {
	t.Helper()
	r, err := ringbuf.NewReader(tap.Records())
	if err != nil {
		t.Fatal(err)
	}
	tap.Reader().Put(uint32(0), bpf.ReaderSleeps)
	done := make(chan struct{})
	t.Cleanup(func() { r.Close(); <-done })
	go func() {
		defer close(done)
		for {
			rec, err := r.Read()
			if err != nil {
				return
			}
			s.Handle(rec.RawSample[0], rec.RawSample)
			tap.Reader().Put(uint32(0), bpf.ReaderSleeps)
			s.signal()
		}
	}()
}

// names lists the servers; one that is waited for has a question mark.
func names(t *servers.Table) string {
	var out []string
	for _, s := range t.Servers() {
		n := s.Name
		if !s.Listening {
			n += "?"
		}
		out = append(out, n)
	}
	return strings.Join(out, " ")
}

func specs(t testing.TB, list ...string) []servers.Spec {
	t.Helper()
	var out []servers.Spec
	for _, s := range list {
		spec, err := servers.ParseSpec(s)
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, spec)
	}
	return out
}

func (s *stage) signal() {
	select {
	case s.changed <- struct{}{}:
	default:
	}
}

// last returns what was applied last.
func (s *stage) last() Capture {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.applied) == 0 {
		return Capture{}
	}
	return s.applied[len(s.applied)-1]
}

// until waits for a condition, looking after each change and at least often.
func (s *stage) until(t *testing.T, what string, is func() bool) {
	t.Helper()
	end := time.After(15 * time.Second)
	for !is() {
		select {
		case <-s.changed:
		case <-time.After(20 * time.Millisecond):
		case <-end:
			t.Fatalf("never: %s; servers %q, %+v", what, names(s.tab), s.last())
		}
	}
}

// child starts a command, puts it into a cgroup first if one is given, and ends
// it with the test.
func child(t *testing.T, group string, argv ...string) *exec.Cmd {
	t.Helper()
	cmd := exec.Command(argv[0], argv[1:]...)
	if group != "" {
		cmd = exec.Command("sh", append([]string{"-c", `echo $$ > "$0"/cgroup.procs && exec "$@"`, group}, argv...)...)
	}
	out := new(strings.Builder)
	cmd.Stdout, cmd.Stderr = out, out
	if err := cmd.Start(); err != nil {
		t.Skipf("needs %s: %v", argv[0], err)
	}
	t.Cleanup(func() {
		cmd.Process.Kill()
		cmd.Wait()
		if t.Failed() && out.Len() > 0 {
			t.Logf("%s: %s", argv[0], out)
		}
	})
	return cmd
}

func stop(t *testing.T, cmd *exec.Cmd) {
	t.Helper()
	cmd.Process.Kill()
	cmd.Wait()
}

// group makes a cgroup below the root.
func (s *stage) group(t *testing.T, name string) string {
	t.Helper()
	dir := s.root.Dir(fmt.Sprintf("/mt-%s-%d", name, os.Getpid()))
	if err := os.Mkdir(dir, 0o755); err != nil {
		t.Skip("needs to make a cgroup: ", err)
	}
	t.Cleanup(func() { // after the children inside are gone
		if err := os.Remove(dir); err != nil {
			t.Error(err)
		}
	})
	return dir
}

// netns makes a network namespace with its loopback up and returns its name.
func netns(t *testing.T, name string) string {
	t.Helper()
	name = fmt.Sprintf("mt-%s-%d", name, os.Getpid())
	if out, err := exec.Command("ip", "netns", "add", name).CombinedOutput(); err != nil {
		t.Skipf("needs network namespaces: %v %s", err, out)
	}
	t.Cleanup(func() { exec.Command("ip", "netns", "del", name).Run() })
	if out, err := exec.Command("ip", "-n", name, "link", "set", "lo", "up").CombinedOutput(); err != nil {
		t.Fatalf("%v %s", err, out)
	}
	return name
}

// freePort returns a port on which nothing listens.
func freePort(t *testing.T) int {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().(*net.TCPAddr).Port
}

func (s *stage) has(name string) bool { return slices.Contains(strings.Fields(names(s.tab)), name) }

func python(t *testing.T) string {
	t.Helper()
	path, err := exec.LookPath("python3")
	if err != nil {
		t.Skip("needs python3")
	}
	return path
}

// script writes a Python server that listens on the port in its argument.
func script(t *testing.T, name string) string {
	t.Helper()
	path := t.TempDir() + "/" + name
	text := `import socket, sys, signal
s = socket.socket()
s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
s.bind(("", int(sys.argv[1])))
if len(sys.argv) > 2: sys.stdin.readline()
s.listen()
while True:
    c, _ = s.accept()
    c.recv(1000)
    c.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
    c.close()
`
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func colon(name string, port int) string { return fmt.Sprintf("%s:%d", name, port) }
