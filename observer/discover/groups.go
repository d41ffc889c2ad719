// SPDX-License-Identifier: Apache-2.0

package discover

import (
	"bytes"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"github.com/modeltap/modeltap/bpf/cgroupfs"
	"github.com/modeltap/modeltap/observer/identity"
)

// maxGroups bounds the cache; a host has as many cgroups as containers.
const maxGroups = 4096

// missFor is how long a cgroup that was not found is not looked for again: a
// search may walk the whole hierarchy.
const missFor = time.Second

// groups turns cgroup ids into paths and keeps the answers. Not safe for
// concurrent use.
type groups struct {
	root   *cgroupfs.Root
	proc   identity.Proc
	paths  map[uint64]string
	missed map[uint64]time.Time
	gone   map[uint64]bool
}

func newGroups(root *cgroupfs.Root, proc identity.Proc) *groups {
	return &groups{root: root, proc: proc, gone: make(map[uint64]bool), paths: make(map[uint64]string), missed: make(map[uint64]time.Time)}
}

// path returns the path of a cgroup below the root, "" if it is not found.
func (g *groups) path(id uint64) string {
	if id == 0 || g.gone[id] {
		return ""
	}
	if path, ok := g.paths[id]; ok {
		if g.is(path, id) {
			return path
		}
		delete(g.paths, id)
		g.gone[id] = true // ids are not used again
		return ""
	}
	since, missed := g.missed[id]
	if missed && time.Since(since) < missFor {
		return ""
	}
	path, err := g.root.PathOf(id)
	if len(g.paths)+len(g.missed)+len(g.gone) > maxGroups {
		clear(g.paths)
		clear(g.missed)
		clear(g.gone)
	}
	switch {
	case err == nil:
		delete(g.missed, id)
		g.paths[id] = path
		return path
	case missed: // twice: no walk was too quick for a new one
		delete(g.missed, id)
		g.gone[id] = true
	default:
		g.missed[id] = time.Now()
	}
	return ""
}

func (g *groups) is(path string, id uint64) bool {
	var st unix.Stat_t
	return unix.Stat(g.root.Dir(path), &st) == nil && st.Ino == id
}

// life tells what has become of a cgroup that was found before.
func (g *groups) life(id uint64) Life {
	path := g.path(id)
	switch {
	case path == "" && g.gone[id]:
		return Vanished
	case path == "":
		return Unknown
	case id == 1:
		return Peopled
	}
	raw, err := os.ReadFile(g.root.Dir(path) + "/cgroup.events")
	switch {
	case err != nil:
		return Unknown
	case bytes.Contains(raw, []byte("populated 0")):
		return Deserted
	}
	return Peopled
}

// id returns the id of the cgroup at a path below the root, 0 if there is none.
func (g *groups) id(path string) uint64 {
	var st unix.Stat_t
	if path == "" || unix.Stat(g.root.Dir(path), &st) != nil {
		return 0
	}
	return st.Ino
}

// of returns the id of a process's cgroup, 0 if it is not found.
func (g *groups) of(pid int) uint64 {
	path := g.proc.CgroupPath(pid)
	if !strings.HasPrefix(path, "/..") {
		return g.id(path)
	}
	// In a cgroup namespace of our own, as containers have it, paths are told
	// from our cgroup on: the last parts of the path and the process have to do.
	for strings.HasPrefix(path, "/..") {
		path = strings.TrimPrefix(path, "/..")
	}
	if path == "" {
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

// members lists the processes of a cgroup; nil for the root, which holds
// whatever nobody has put elsewhere.
func (g *groups) members(id uint64) []int {
	path := g.path(id)
	if path == "" || id == 1 {
		return nil
	}
	return listed(g.root.Dir(path))
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
