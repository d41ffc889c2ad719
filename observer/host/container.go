// SPDX-License-Identifier: Apache-2.0

package host

import "github.com/modeltap/modeltap/observer/identity"

// join gives each of others that is in no tree to the server in whose container
// it runs. Where several servers share a container, nothing tells whose it is.
func join(proc identity.Proc, trees map[string]Tree, pids map[string]int, others []int) {
	known := map[int]bool{}
	for _, t := range trees {
		for _, pid := range t.PIDs {
			known[pid] = true
		}
	}
	var servers map[string][]string // by container
	for _, pid := range others {
		if known[pid] {
			continue
		}
		known[pid] = true // it may use several GPUs
		id := proc.Container(pid)
		if id == "" {
			continue
		}
		if servers == nil {
			servers = map[string][]string{}
			for name := range trees {
				if c := proc.Container(pids[name]); c != "" {
					servers[c] = append(servers[c], name)
				}
			}
		}
		if in := servers[id]; len(in) == 1 {
			t := trees[in[0]]
			t.Joined = append(t.Joined, pid)
			trees[in[0]] = t
		}
	}
}
