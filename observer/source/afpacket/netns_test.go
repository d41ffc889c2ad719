// SPDX-License-Identifier: Apache-2.0

//go:build linux && cgo

package afpacket

import (
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

// netns is a network namespace of a test, gone with the last of its users.
type netns struct {
	t    testing.TB
	file *os.File
}

// newNetns makes a namespace with its loopback device up.
func newNetns(t testing.TB) *netns {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Skip("needs root for a network namespace and AF_PACKET")
	}
	n := &netns{t: t}
	made := make(chan error)
	go func() {
		runtime.LockOSThread() // and never back: the thread ends with the goroutine
		err := unix.Unshare(unix.CLONE_NEWNET)
		if err == nil {
			n.file, err = os.Open(fmt.Sprintf("/proc/self/task/%d/ns/net", unix.Gettid()))
		}
		made <- err
	}()
	if err := <-made; err != nil {
		t.Skipf("no network namespace: %v", err)
	}
	t.Cleanup(func() { n.file.Close() })
	n.ip("link set lo up")
	return n
}

// do runs f on a thread in the namespace and waits for it.
func (n *netns) do(f func()) { <-n.start(f) }

// start runs f on a thread in the namespace; the channel closes at its end.
func (n *netns) start(f func()) <-chan struct{} {
	done := make(chan struct{})
	go func() {
		defer close(done)
		runtime.LockOSThread()
		if err := unix.Setns(int(n.file.Fd()), unix.CLONE_NEWNET); err != nil {
			n.t.Error(err)
			return
		}
		f()
	}()
	return done
}

// ip runs the command of that name in the namespace.
func (n *netns) ip(args string) {
	n.t.Helper()
	n.do(func() {
		if out, err := exec.Command("ip", strings.Fields(args)...).CombinedOutput(); err != nil {
			n.t.Errorf("ip %s: %v\n%s", args, err, out)
		}
	})
}

// join connects two namespaces by a veth pair with the addresses of server
// and client.
func join(server, client *netns) {
	server.do(func() {
		// A file descriptor of this process is a name that ip understands.
		cmd := exec.Command("ip", "link", "add", "mt-srv", "type", "veth", "peer", "name", "mt-cli", "netns", "/proc/self/fd/3")
		cmd.ExtraFiles = []*os.File{client.file}
		if out, err := cmd.CombinedOutput(); err != nil {
			server.t.Errorf("%v: %s", err, out)
		}
	})
	server.ip("addr add 10.99.0.1/24 dev mt-srv")
	server.ip("link set mt-srv up")
	client.ip("addr add 10.99.0.2/24 dev mt-cli")
	client.ip("link set mt-cli up")
}
