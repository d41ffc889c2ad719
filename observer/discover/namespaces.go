// SPDX-License-Identifier: Apache-2.0

package discover

import (
	"errors"
	"fmt"
	"os"
	"runtime"
	"strconv"

	"golang.org/x/sys/unix"

	"github.com/modeltap/modeltap/observer/identity"
)

// namespaces lists the other network namespaces and what listens in them:
// exactly with CAP_SYS_ADMIN, else from procfs.
func namespaces(proc identity.Proc) []Namespace {
	var all []Namespace
	for node, pid := range nodes(proc) {
		ns := Namespace{Node: node}
		var err error
		if ns.Sockets, ns.Cookie, err = listeningIn(pid); err != nil {
			ns.Sockets = nil
			for _, s := range proc.Listening(strconv.Itoa(pid)) {
				ns.Sockets = append(ns.Sockets, Socket{Inode: s.Inode, Local: s.Local})
			}
		}
		all = append(all, ns)
	}
	return all
}

// listeningHere lists what listens in our own network namespace: from procfs
// where the kernel has no tcp_diag, which is a module of its own. Cookies and
// cgroups are not known then.
func listeningHere(proc identity.Proc) (all []Socket, err error) {
	all, err = listening()
	if err == nil {
		return all, nil
	}
	if _, gone := os.Stat("/proc/self/net/tcp"); gone != nil {
		return nil, errors.Join(err, gone)
	}
	all = nil
	for _, s := range proc.Listening("self") {
		all = append(all, Socket{Inode: s.Inode, Local: s.Local})
	}
	return all, nil
}

// nodeOf returns the inode of a process's network namespace, 0 unknown. Needs
// CAP_SYS_PTRACE for processes of other users.
func nodeOf(process string) uint64 {
	var st unix.Stat_t
	if unix.Stat("/proc/"+process+"/ns/net", &st) != nil {
		return 0
	}
	return st.Ino
}

// nodes returns one process of each network namespace but our own, by the
// namespace's inode.
func nodes(proc identity.Proc) map[uint64]int {
	own := nodeOf("self")
	seen := map[uint64]int{}
	for _, pid := range proc.Processes() {
		node := nodeOf(strconv.Itoa(pid))
		if old, met := seen[node]; node != 0 && node != own && (!met || pid < old) {
			seen[node] = pid
		}
	}
	return seen
}

// listeningIn lists the listening sockets of another process's network
// namespace and returns the namespace's cookie. It needs CAP_SYS_ADMIN.
func listeningIn(pid int) (all []Socket, cookie uint64, err error) {
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
