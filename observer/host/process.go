// SPDX-License-Identifier: Apache-2.0

package host

import (
	"sync"

	"github.com/prometheus/procfs"
)

// Tree is what the processes of one server have and use: its own and all that
// descend from it.
type Tree struct {
	// CPUSeconds grows as long as the server is asked for: processes that end
	// take nothing away.
	CPUSeconds float64
	Resident   uint64 // bytes; shared pages count for each process
	Files      int    // open file descriptors; -1 where they may not be counted
	Threads    int
	Processes  int
	PIDs       []int // its processes; what else uses them can be joined by these
	// Joined are those of the other processes asked for that run in the
	// container of the server: workers that did not descend from it.
	Joined []int
}

// Trees follows the processes of servers.
type Trees struct {
	proc string
	mu   sync.Mutex
	used map[string]*account
}

// account is the processor time of one server.
type account struct {
	total float64
	last  map[instance]float64
}

// instance is one process: numbers are used again.
type instance struct {
	pid   int
	start uint64
}

// NewTrees reads processes below proc, "" for /proc.
func NewTrees(proc string) *Trees {
	if proc == "" {
		proc = procfs.DefaultMountPoint
	}
	return &Trees{proc: proc, used: map[string]*account{}}
}

// Read returns the trees of servers, by name, whose main processes are pids;
// servers without a living process are left out. Others are processes to join
// by container. It goes over all processes of the host once.
func (t *Trees) Read(pids map[string]int, others []int) map[string]Tree {
	t.mu.Lock()
	defer t.mu.Unlock()
	fs, err := procfs.NewFS(t.proc)
	if err != nil {
		return nil
	}
	all, err := fs.AllProcs()
	if err != nil {
		return nil
	}
	stats := make(map[int]procfs.ProcStat, len(all))
	children := map[int][]int{}
	for _, p := range all {
		if s, err := p.Stat(); err == nil { // it may have ended meanwhile
			stats[p.PID] = s
			children[s.PPID] = append(children[s.PPID], p.PID)
		}
	}
	trees := map[string]Tree{}
	for name, pid := range pids {
		if _, alive := stats[pid]; alive && pid > 0 {
			trees[name] = t.tree(fs, name, pid, stats, children)
		}
	}
	join(fs, trees, pids, others)
	for name := range t.used {
		if _, asked := pids[name]; !asked {
			delete(t.used, name)
		}
	}
	return trees
}

func (t *Trees) tree(fs procfs.FS, name string, root int, stats map[int]procfs.ProcStat, children map[int][]int) (tree Tree) {
	a := t.used[name]
	if a == nil {
		a = &account{}
		t.used[name] = a
	}
	now := map[instance]float64{}
	for queue, seen := []int{root}, map[int]bool{root: true}; len(queue) > 0; {
		pid := queue[0]
		queue = queue[1:]
		s := stats[pid]
		tree.Processes++
		tree.PIDs = append(tree.PIDs, pid)
		tree.Threads += s.NumThreads
		tree.Resident += uint64(max(s.ResidentMemory(), 0))
		if p, err := fs.Proc(pid); err == nil && tree.Files >= 0 {
			if n, err := p.FileDescriptorsLen(); err == nil {
				tree.Files += n
			} else {
				tree.Files = -1
			}
		}
		now[instance{pid, s.Starttime}] = s.CPUTime()
		for _, c := range children[pid] {
			if !seen[c] {
				seen[c] = true
				queue = append(queue, c)
			}
		}
	}
	for i, seconds := range now {
		a.total += max(seconds-a.last[i], 0)
	}
	a.last = now
	tree.CPUSeconds = a.total
	return tree
}
