// SPDX-License-Identifier: Apache-2.0

package identity

import (
	"bytes"
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// Proc is a mount of procfs; the processes of other users may be out of sight.
type Proc string

// maxCmdline bounds what is read of a command line.
const maxCmdline = 4096

func (p Proc) path(process string, parts ...string) string {
	return filepath.Join(append([]string{string(p), process}, parts...)...)
}

// Processes lists the ids of the processes in sight, in no order.
func (p Proc) Processes() []int {
	dir, err := os.Open(string(p))
	if err != nil {
		return nil
	}
	names, _ := dir.Readdirnames(-1)
	_ = dir.Close()
	var pids []int
	for _, name := range names {
		if pid, err := strconv.Atoi(name); err == nil {
			pids = append(pids, pid)
		}
	}
	return pids
}

// Alive says whether a process is there. Where processes are hidden (hidepid)
// it may say that one is not.
func (p Proc) Alive(pid int) bool {
	_, err := os.Stat(p.path(strconv.Itoa(pid)))
	return err == nil
}

// Command reads the name and the command line of a process, which needs no
// privilege; both are empty when it has ended.
func (p Proc) Command(pid int) (comm string, argv []string) {
	raw, err := os.ReadFile(p.path(strconv.Itoa(pid), "comm"))
	if err != nil {
		return "", nil
	}
	line, _ := os.ReadFile(p.path(strconv.Itoa(pid), "cmdline"))
	line = line[:min(len(line), maxCmdline)]
	for a := range bytes.SplitSeq(bytes.TrimRight(line, "\x00"), []byte{0}) {
		argv = append(argv, string(a))
	}
	return strings.TrimSpace(string(raw)), argv
}

// CgroupPath returns the path of a process's cgroup in the hierarchy of version
// 2, "" if it is not known.
func (p Proc) CgroupPath(pid int) string {
	for _, line := range p.cgroups(pid) {
		if path, v2 := strings.CutPrefix(line, "0::"); v2 {
			return path
		}
	}
	return ""
}

// Container returns the id of the container that a process runs in, by its
// cgroup in any hierarchy; "" for none.
func (p Proc) Container(pid int) string {
	for _, line := range p.cgroups(pid) {
		if f := strings.SplitN(line, ":", 3); len(f) == 3 {
			if id := ParseCgroup(f[2]).Container; id != "" {
				return id
			}
		}
	}
	return ""
}

func (p Proc) cgroups(pid int) []string {
	raw, err := os.ReadFile(p.path(strconv.Itoa(pid), "cgroup"))
	if err != nil {
		return nil
	}
	return strings.Split(string(raw), "\n")
}

// Holders finds the processes that hold sockets, by the sockets' inodes: one
// pass over every descriptor of every process that we may look into. Needs
// CAP_SYS_PTRACE and CAP_DAC_READ_SEARCH for those of other users.
func (p Proc) Holders(sockets map[uint64]bool) map[uint64][]int {
	held := make(map[uint64][]int)
	if len(sockets) == 0 {
		return held
	}
	for _, pid := range p.Processes() {
		dir := p.path(strconv.Itoa(pid), "fd")
		d, err := os.Open(dir)
		if err != nil {
			continue
		}
		names, _ := d.Readdirnames(-1)
		_ = d.Close()
		for _, name := range names {
			link, err := os.Readlink(filepath.Join(dir, name))
			if err != nil || !strings.HasPrefix(link, "socket:[") {
				continue
			}
			inode, err := strconv.ParseUint(strings.TrimSuffix(link[len("socket:["):], "]"), 10, 64)
			if err == nil && sockets[inode] {
				held[inode] = append(held[inode], pid)
			}
		}
	}
	return held
}
