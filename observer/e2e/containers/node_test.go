// SPDX-License-Identifier: Apache-2.0

package containers

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// node is a machine of its own as far as containers can tell: root file system,
// mounts, network and a container runtime.
type node struct {
	dir    string // what is written; run and var are its /run and /var
	cmd    *exec.Cmd
	mounts uint64   // its mount namespace
	held   *os.File // the same: the number of one that is gone goes to the next that is made, which may be another node's
	mu     sync.Mutex
	groups []string // what was made in the cgroup hierarchy, from the root
	output *os.File
}

// startNode runs command as the node's runtime and waits for its socket, a path
// below /run. At the end of the test nothing of it is left.
func startNode(t *testing.T, socket string, files map[string]string, command ...string) *node {
	t.Helper()
	dir, err := os.MkdirTemp("", "node") // t.TempDir is too long for the path of a socket
	if err != nil {
		t.Fatal(err)
	}
	n := &node{dir: dir}
	for name, text := range files {
		n.write(t, filepath.Join("upper", name), text)
	}
	bin := filepath.Join(dir, "upper/usr/local/bin/runc")
	if err := errors.Join(os.MkdirAll(filepath.Dir(bin), 0o755), copyFile(built.guest, bin), os.Symlink("runc", filepath.Join(filepath.Dir(bin), "enter"))); err != nil {
		t.Fatal(err)
	}
	if n.output, err = os.Create(filepath.Join(dir, "log")); err != nil {
		t.Fatal(err)
	}
	n.cmd = exec.Command("unshare", append([]string{"--mount", "--net", "--propagation", "private", "sh", "node.sh", built.root("node"), dir}, command...)...)
	n.cmd.Stdout, n.cmd.Stderr = n.output, n.output
	if err := n.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { n.stop(t) })
	await(t, "the runtime's socket", func() bool {
		if state(n.cmd.Process.Pid) == "Z" {
			err := n.cmd.Wait()
			t.Fatalf("the runtime ended: %v\n%s", err, n.log())
		}
		c, err := net.Dial("unix", n.path(socket))
		if err == nil {
			c.Close()
		}
		return err == nil
	})
	if n.held, err = os.Open(fmt.Sprintf("/proc/%d/ns/mnt", n.cmd.Process.Pid)); err != nil {
		t.Fatal(err)
	}
	n.mounts = inode(n.held.Name())
	return n
}

// path returns where a path of the node is on this machine; only /run, /var and
// /tmp are.
func (n *node) path(name string) string { return filepath.Join(n.dir, name) }

func (n *node) write(t *testing.T, name, text string) {
	t.Helper()
	file := n.path(name)
	if err := errors.Join(os.MkdirAll(filepath.Dir(file), 0o755), os.WriteFile(file, []byte(text), 0o644)); err != nil {
		t.Fatal(err)
	}
}

// owns notes a cgroup that ends with the node.
func (n *node) owns(group string) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.groups = append(n.groups, group)
}

// run runs a command on the node.
func (n *node) run(t *testing.T, argv ...string) string {
	t.Helper()
	out, err := n.try(argv...)
	if err != nil {
		t.Fatalf("%v: %v\n%s\n%s", argv, err, out, n.log())
	}
	return out
}

func (n *node) try(argv ...string) (string, error) {
	cmd := exec.Command("nsenter", append([]string{"-t", strconv.Itoa(n.cmd.Process.Pid), "-m", "-n", "--"}, argv...)...)
	cmd.Env = []string{"PATH=/usr/local/bin:/usr/sbin:/usr/bin", "HOME=/tmp"}
	out, err := cmd.CombinedOutput()
	return string(out), err
}

func (n *node) log() string {
	b, _ := os.ReadFile(n.output.Name())
	return string(b[max(0, len(b)-4000):])
}

// stop ends every process of the node, and fails the test if anything is left.
func (n *node) stop(t *testing.T) {
	for _, g := range n.groups { // the containers
		_ = os.WriteFile(filepath.Join(built.cgroups, g, "cgroup.kill"), []byte("1"), 0)
	}
	_ = n.cmd.Process.Signal(syscall.SIGTERM)
	ended := make(chan error, 1)
	go func() { ended <- n.cmd.Wait() }()
	select {
	case <-ended:
	case <-time.After(10 * time.Second):
		_ = n.cmd.Process.Kill()
		<-ended
	}
	awaitOr(func() { t.Errorf("still running: %v", n.left()) }, func() bool {
		left := n.left()
		for _, pid := range left { // shims outlive their runtime on purpose
			_ = syscall.Kill(pid, syscall.SIGKILL)
		}
		return len(left) == 0
	})
	if n.held != nil {
		_ = n.held.Close()
	}
	for _, g := range n.groups {
		awaitOr(func() { t.Errorf("the cgroup %s is left", g) }, func() bool { return removeTree(filepath.Join(built.cgroups, g)) == nil })
	}
	for _, above := range []string{"kubepods/burstable", "kubepods"} {
		_ = unix.Rmdir(filepath.Join(built.cgroups, above)) // unless another node has pods
	}
	if mounts, err := os.ReadFile("/proc/self/mounts"); err != nil || strings.Contains(string(mounts), n.dir) {
		t.Errorf("a mount is left: %v", err)
	}
	if err := os.RemoveAll(n.dir); err != nil {
		t.Error(err)
	}
	_ = n.output.Close()
}

// left lists the processes in the node's mount namespace or its cgroups.
func (n *node) left() (pids []int) {
	all, _ := filepath.Glob("/proc/[0-9]*")
	for _, dir := range all {
		pid, _ := strconv.Atoi(filepath.Base(dir))
		group, _ := os.ReadFile(dir + "/cgroup")
		mine := n.mounts != 0 && inode(dir+"/ns/mnt") == n.mounts
		for _, g := range n.groups {
			mine = mine || strings.Contains(string(group), "0::/"+g+"/") || strings.Contains(string(group), "0::/"+g+"\n")
		}
		if s := state(pid); mine && s != "" && s != "Z" {
			pids = append(pids, pid)
		}
	}
	return pids
}

// state returns the state of a process, empty if there is none.
func state(pid int) string {
	b, _ := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	_, after, _ := strings.Cut(string(b), ") ")
	s, _, _ := strings.Cut(after, " ")
	return s
}

// removeTree removes a cgroup and those in it; one that is not there is fine.
func removeTree(dir string) error {
	below, _ := os.ReadDir(dir)
	for _, d := range below {
		if d.IsDir() {
			_ = removeTree(filepath.Join(dir, d.Name()))
		}
	}
	if err := unix.Rmdir(dir); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}

func inode(path string) uint64 {
	var st unix.Stat_t
	if unix.Stat(path, &st) != nil {
		return 0
	}
	return st.Ino
}

// client returns an HTTP client whose sockets are in the network of a process.
func client(pid int) *http.Client {
	dial := func(_ context.Context, network, address string) (net.Conn, error) {
		ns, err := os.Open(fmt.Sprintf("/proc/%d/ns/net", pid))
		if err != nil {
			return nil, err
		}
		defer ns.Close()
		type result struct {
			conn net.Conn
			err  error
		}
		done := make(chan result)
		go func() { // the thread ends with it
			runtime.LockOSThread()
			if err := unix.Setns(int(ns.Fd()), unix.CLONE_NEWNET); err != nil {
				done <- result{err: err}
				return
			}
			conn, err := net.DialTimeout(network, address, 5*time.Second)
			done <- result{conn, err}
		}()
		r := <-done
		return r.conn, r.err
	}
	return &http.Client{Timeout: 30 * time.Second, Transport: &http.Transport{DialContext: dial, DisableKeepAlives: true}}
}

// await waits until ok says so, for 30 s at most.
func await(t *testing.T, what string, ok func() bool) {
	t.Helper()
	awaitOr(func() { t.Fatalf("%s: not within 30 s", what) }, ok)
}

func awaitOr(late func(), ok func() bool) {
	for end := time.Now().Add(30 * time.Second); !ok(); time.Sleep(50 * time.Millisecond) {
		if time.Now().After(end) {
			late()
			return
		}
	}
}

func copyFile(from, to string) error {
	b, err := os.ReadFile(from)
	if err != nil {
		return err
	}
	return os.WriteFile(to, b, 0o755)
}
