// SPDX-License-Identifier: Apache-2.0

package target

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// processes lists the visible process ids, ascending.
func processes() []int {
	dir, err := os.ReadDir("/proc") // sorted by name: 10 before 9
	if err != nil {
		return nil
	}
	var pids []int
	for _, e := range dir {
		if pid, err := strconv.Atoi(e.Name()); err == nil {
			pids = append(pids, pid)
		}
	}
	return pids
}

// describeProcess reads comm and command line, which need no privilege.
func (c *Candidates) describeProcess(pid int) (comm string, p Process) {
	if pid <= 0 {
		return "", Process{}
	}
	raw, err := os.ReadFile(fmt.Sprintf("/proc/%d/comm", pid))
	if err != nil {
		return "", Process{}
	}
	comm = strings.TrimSpace(string(raw))
	line, _ := os.ReadFile(fmt.Sprintf("/proc/%d/cmdline", pid))
	if len(line) > 4096 {
		line = line[:4096]
	}
	var argv []string
	for a := range bytes.SplitSeq(bytes.TrimRight(line, "\x00"), []byte{0}) {
		argv = append(argv, string(a))
	}
	return comm, c.Describe(argv, comm)
}

// owners finds the processes that hold sockets, by the sockets' inodes: one
// pass over every descriptor of every process that we may look into. Needs
// CAP_SYS_PTRACE and CAP_DAC_READ_SEARCH for those of other users. Where
// several hold a socket, the one that is a known program wins, then the lowest
// process id.
func (c *Candidates) owners(want map[uint64]bool) map[uint64]Identity {
	found := make(map[uint64]Identity)
	if len(want) == 0 {
		return found
	}
	for _, pid := range processes() {
		dir := fmt.Sprintf("/proc/%d/fd", pid)
		d, err := os.Open(dir)
		if err != nil {
			continue
		}
		names, _ := d.Readdirnames(-1)
		d.Close()
		for _, name := range names {
			link, err := os.Readlink(filepath.Join(dir, name))
			if err != nil || !strings.HasPrefix(link, "socket:[") {
				continue
			}
			inode, err := strconv.ParseUint(strings.TrimSuffix(link[len("socket:["):], "]"), 10, 64)
			if err != nil || !want[inode] {
				continue
			}
			id := Identity{PID: pid}
			id.Comm, id.Process = c.describeProcess(pid)
			if old, held := found[inode]; !held || c.better(id, old) {
				found[inode] = id
			}
		}
	}
	return found
}

func (c *Candidates) better(a, b Identity) bool {
	_, known := c.Programs[a.Process.Name]
	_, knownB := c.Programs[b.Process.Name]
	if known != knownB {
		return known
	}
	return a.PID < b.PID
}

// namespaces returns one process of each network namespace but our own, by the
// namespace's inode. Needs CAP_SYS_PTRACE for those of other users.
func namespaces() map[uint64]int {
	var own unix.Stat_t
	if unix.Stat("/proc/self/ns/net", &own) != nil {
		return nil
	}
	seen := map[uint64]int{}
	for _, pid := range processes() {
		var st unix.Stat_t
		if unix.Stat(fmt.Sprintf("/proc/%d/ns/net", pid), &st) == nil && st.Ino != own.Ino {
			if _, met := seen[st.Ino]; !met {
				seen[st.Ino] = pid
			}
		}
	}
	return seen
}

// listeningIn lists the listening sockets of another process's network
// namespace and returns the namespace's cookie. It needs CAP_SYS_ADMIN.
func listeningIn(pid int) (all []tcpSocket, cookie uint64, err error) {
	onThreadThatEnds(func() {
		var fd int
		if fd, err = unix.Open(fmt.Sprintf("/proc/%d/ns/net", pid), unix.O_RDONLY|unix.O_CLOEXEC, 0); err != nil {
			return
		}
		defer unix.Close(fd)
		if err = unix.Setns(fd, unix.CLONE_NEWNET); err != nil {
			return
		}
		cookie = netnsCookie()
		all, err = listening()
	})
	return all, cookie, err
}

// onThreadThatEnds runs fn on a thread that nothing else runs on afterwards.
// The main thread will not do: the runtime parks it instead of ending it, and
// /proc/PID shows its namespaces as those of the process.
func onThreadThatEnds(fn func()) {
	done := make(chan struct{})
	go func() {
		defer close(done)
		runtime.LockOSThread()
		if unix.Gettid() == unix.Getpid() {
			defer runtime.UnlockOSThread()
			onThreadThatEnds(fn) // elsewhere: this thread is taken meanwhile
			return
		}
		fn()
	}()
	<-done
}

// netTCP lists the listening sockets of another process's network namespace
// without privilege, at 5 ms a file: the kernel walks its table of all
// connections.
func netTCP(pid int) []netSocket {
	var all []netSocket
	for _, name := range []string{"tcp", "tcp6"} {
		f, err := os.Open(fmt.Sprintf("/proc/%d/net/%s", pid, name))
		if err != nil {
			continue
		}
		part, err := parseNetTCP(f)
		f.Close()
		if err == nil {
			all = append(all, part...)
		}
	}
	return all
}

// groupPath returns the path of a process's cgroup in the v2 hierarchy.
func groupPath(pid int) string {
	raw, err := os.ReadFile(fmt.Sprintf("/proc/%d/cgroup", pid))
	if err != nil {
		return ""
	}
	for line := range strings.SplitSeq(string(raw), "\n") {
		if path, v2 := strings.CutPrefix(line, "0::"); v2 {
			return path
		}
	}
	return ""
}
