// SPDX-License-Identifier: Apache-2.0

package host

import (
	"bytes"
	"os"
	"strconv"
	"sync"
	"syscall"

	"github.com/prometheus/procfs"

	"github.com/modeltap/modeltap/observer/identity"
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
	parents, err := parentsOf(t.proc)
	if err != nil {
		return nil
	}
	children := make(map[int][]int, len(parents))
	for pid, parent := range parents {
		children[parent] = append(children[parent], pid)
	}
	trees := map[string]Tree{}
	for name, pid := range pids {
		if _, alive := parents[pid]; alive && pid > 0 {
			if tree := t.tree(fs, name, pid, children); tree.Processes > 0 {
				trees[name] = tree
			}
		}
	}
	join(identity.Proc(t.proc), trees, pids, others)
	for name := range t.used {
		if _, asked := pids[name]; !asked {
			delete(t.used, name)
		}
	}
	return trees
}

func (t *Trees) tree(fs procfs.FS, name string, root int, children map[int][]int) (tree Tree) {
	a := t.used[name]
	if a == nil {
		a = &account{}
		t.used[name] = a
	}
	now := map[instance]float64{}
	for queue, seen := []int{root}, map[int]bool{root: true}; len(queue) > 0; {
		pid := queue[0]
		queue = queue[1:]
		p, err := fs.Proc(pid)
		if err != nil {
			continue // it has ended meanwhile
		}
		s, err := p.Stat()
		if err != nil {
			continue
		}
		tree.Processes++
		tree.PIDs = append(tree.PIDs, pid)
		tree.Threads += s.NumThreads
		tree.Resident += uint64(max(s.ResidentMemory(), 0))
		if tree.Files >= 0 {
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

// parentsOf returns all processes with their parents. It reads no more of each
// than the start of its stat (proc_pid_stat(5)), since a host may have
// thousands.
func parentsOf(proc string) (map[int]int, error) {
	dir, err := os.Open(proc)
	if err != nil {
		return nil, err
	}
	defer func() { _ = dir.Close() }()
	names, err := dir.Readdirnames(-1)
	if err != nil {
		return nil, err
	}
	parents := make(map[int]int, len(names))
	var buf [512]byte
	for _, name := range names {
		pid, err := strconv.Atoi(name)
		if err != nil {
			continue
		}
		fd, err := syscall.Open(proc+"/"+name+"/stat", syscall.O_RDONLY|syscall.O_CLOEXEC, 0)
		if err != nil {
			continue // it has ended meanwhile
		}
		n, err := syscall.Read(fd, buf[:])
		_ = syscall.Close(fd)
		if err != nil {
			continue
		}
		if parent, ok := parentIn(buf[:n]); ok {
			parents[pid] = parent
		}
	}
	return parents, nil
}

// parentIn returns the parent that a stat tells of: the second field behind the
// name, which may hold anything, brackets too.
func parentIn(stat []byte) (int, bool) {
	i := bytes.LastIndexByte(stat, ')')
	if i < 0 {
		return 0, false
	}
	f := bytes.Fields(stat[i+1:])
	if len(f) < 2 {
		return 0, false
	}
	n, err := strconv.Atoi(string(f[1]))
	return n, err == nil
}
