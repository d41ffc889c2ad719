// SPDX-License-Identifier: Apache-2.0

package exporter

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// listenerOf names, for an error message, a process that listens on a TCP port
// of this network namespace. proc is where procfs is mounted. It walks all
// processes once, so it is for a program that is about to exit.
func listenerOf(proc string, port int) string {
	const unknown = "another process"
	sockets := make(map[string]bool)
	for _, table := range []string{"tcp", "tcp6"} {
		data, err := os.ReadFile(filepath.Join(proc, "self", "net", table))
		if err != nil {
			continue
		}
		for _, inode := range listenInodes(string(data), port) {
			sockets["socket:["+inode+"]"] = true
		}
	}
	if len(sockets) == 0 {
		return unknown
	}
	fds, err := filepath.Glob(filepath.Join(proc, "[0-9]*", "fd", "*"))
	if err != nil {
		return unknown
	}
	for _, fd := range fds {
		if to, err := os.Readlink(fd); err != nil || !sockets[to] {
			continue
		}
		dir := filepath.Dir(filepath.Dir(fd))
		comm, err := os.ReadFile(filepath.Join(dir, "comm"))
		if err != nil {
			continue
		}
		return fmt.Sprintf("%s (pid %s)", strings.TrimSpace(string(comm)), filepath.Base(dir))
	}
	return unknown
}

// listenInodes reads a table in the format of /proc/net/tcp (tcp4_seq_show) and
// returns the inodes of the sockets that listen on port.
func listenInodes(table string, port int) []string {
	const listen = "0A"
	var out []string
	for line := range strings.Lines(table) {
		f := strings.Fields(line)
		if len(f) < 10 || f[3] != listen {
			continue
		}
		_, hex, ok := strings.Cut(f[1], ":")
		if n, err := strconv.ParseUint(hex, 16, 16); ok && err == nil && int(n) == port {
			out = append(out, f[9])
		}
	}
	return out
}
