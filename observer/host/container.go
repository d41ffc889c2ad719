// SPDX-License-Identifier: Apache-2.0

package host

import (
	"regexp"

	"github.com/prometheus/procfs"
)

// containerID is how the runtimes name the cgroups of containers: 64
// hexadecimal digits, as a name or within one (docker-ID.scope,
// cri-containerd-ID.scope, crio-ID.scope, libpod-ID.scope). The monitor of
// CRI-O has a cgroup of its own, crio-conmon-ID.
var containerID = regexp.MustCompile(`(conmon-)?([0-9a-f]{64})`)

// container returns the container that a process runs in, "" for none.
func container(fs procfs.FS, pid int) string {
	p, err := fs.Proc(pid)
	if err != nil {
		return ""
	}
	groups, err := p.Cgroups()
	if err != nil {
		return ""
	}
	for _, g := range groups {
		all := containerID.FindAllStringSubmatch(g.Path, -1)
		if len(all) == 0 {
			continue
		}
		if last := all[len(all)-1]; last[1] == "" { // of a container in a container, the inner one
			return last[2]
		}
	}
	return ""
}

// join gives each of others that is in no tree to the server in whose container
// it runs. Where several servers share a container, nothing tells whose it is.
func join(fs procfs.FS, trees map[string]Tree, pids map[string]int, others []int) {
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
		id := container(fs, pid)
		if id == "" {
			continue
		}
		if servers == nil {
			servers = map[string][]string{}
			for name := range trees {
				if c := container(fs, pids[name]); c != "" {
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
