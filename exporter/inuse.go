// SPDX-License-Identifier: Apache-2.0

package exporter

import (
	"fmt"
	"slices"

	"github.com/modeltap/modeltap/observer/identity"
)

// listenerOf names, for an error message, a process that listens on a TCP port
// of this network namespace. It walks all processes once, so it is for a
// program that is about to exit.
func listenerOf(proc identity.Proc, port int) string {
	sockets := make(map[uint64]bool)
	for _, s := range proc.Listening("self") {
		if int(s.Local.Port()) == port {
			sockets[s.Inode] = true
		}
	}
	for _, pids := range proc.Holders(sockets) {
		pid := slices.Min(pids)
		if comm, _ := proc.Command(pid); comm != "" {
			return fmt.Sprintf("%s (pid %d)", comm, pid)
		}
	}
	return "another process"
}
