// SPDX-License-Identifier: Apache-2.0

package target

import (
	"bytes"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"golang.org/x/sys/unix"

	"github.com/modeltap/modeltap/bpf"
)

// maxGroups bounds the cache; a host has as many cgroups as containers.
const maxGroups = 4096

// groups turns cgroup ids into directories and keeps the answers. It takes no
// other lock, so that the Table may call it from under its own.
type groups struct {
	root *bpf.CgroupRoot // nil: nothing is found

	mu     sync.Mutex
	paths  map[uint64]string
	missed map[uint64]time.Time
}

func newGroups(root *bpf.CgroupRoot) *groups {
	return &groups{root: root, paths: make(map[uint64]string), missed: make(map[uint64]time.Time)}
}

// path returns the path of a cgroup below the root, "" if it is not found.
func (g *groups) path(id uint64) string {
	if g.root == nil || id == 0 {
		return ""
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	if path, ok := g.paths[id]; ok {
		if g.is(path, id) {
			return path
		}
		delete(g.paths, id)
	}
	if time.Since(g.missed[id]) < missFor {
		return ""
	}
	path, err := g.root.PathOf(id)
	if len(g.paths)+len(g.missed) > maxGroups {
		clear(g.paths)
		clear(g.missed)
	}
	if err != nil {
		g.missed[id] = time.Now()
		return ""
	}
	g.paths[id] = path
	return path
}

func (g *groups) is(path string, id uint64) bool {
	var st unix.Stat_t
	return unix.Stat(g.root.Dir(path), &st) == nil && st.Ino == id
}

// dir returns the directory of a cgroup, "" if it is not found.
func (g *groups) dir(id uint64) string {
	if path := g.path(id); path != "" {
		return g.root.Dir(path)
	}
	return ""
}

// id returns the id of the cgroup at a path below the root, 0 if there is none.
func (g *groups) id(path string) uint64 {
	var st unix.Stat_t
	if g.root == nil || path == "" || unix.Stat(g.root.Dir(path), &st) != nil {
		return 0
	}
	return st.Ino
}

// of returns the id of a process's cgroup, 0 if it is not found.
func (g *groups) of(pid int) uint64 {
	path := groupPath(pid)
	if !strings.HasPrefix(path, "/..") {
		return g.id(path)
	}
	// In a cgroup namespace of our own, as containers have it, paths are told
	// from our cgroup on: the last parts of the path and the process have to do.
	for strings.HasPrefix(path, "/..") {
		path = strings.TrimPrefix(path, "/..")
	}
	if g.root == nil || path == "" {
		return 0
	}
	var found uint64
	_ = filepath.WalkDir(g.root.Path+"/", func(dir string, entry fs.DirEntry, err error) error {
		if err != nil || !entry.IsDir() || !strings.HasSuffix(dir, path) {
			return nil // cgroups come and go during the walk
		}
		var st unix.Stat_t
		if unix.Stat(dir, &st) == nil && slices.Contains(listed(dir), pid) {
			found = st.Ino
			return fs.SkipAll
		}
		return nil
	})
	return found
}

// processes lists the processes of a cgroup; nil for the root, which holds
// whatever nobody has put elsewhere.
func (g *groups) processes(id uint64) []int {
	dir := g.dir(id)
	if dir == "" || id == 1 {
		return nil
	}
	return listed(dir)
}

// listed lists the processes of the cgroup in a directory.
func listed(dir string) []int {
	raw, err := os.ReadFile(dir + "/cgroup.procs")
	if err != nil {
		return nil
	}
	var pids []int
	for f := range bytes.FieldsSeq(raw) {
		if pid, err := strconv.Atoi(string(f)); err == nil && pid > 0 { // 0: invisible from here
			pids = append(pids, pid)
		}
	}
	return pids
}
