// SPDX-License-Identifier: Apache-2.0

package sandbox

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// endGroup ends every process of the cgroup and those below it, and removes them
// all. A process that forks while it is looked for does not escape
// (Documentation/admin-guide/cgroup-v2.rst, cgroup.kill, Linux 5.14; before, it
// is looked for until none is left).
func endGroup(dir string) error {
	var err error
	for end := time.Now().Add(10 * time.Second); time.Now().Before(end); time.Sleep(5 * time.Millisecond) {
		dirs := below(dir)
		if os.WriteFile(filepath.Join(dir, "cgroup.kill"), []byte("1"), 0) != nil {
			for _, d := range dirs {
				killAll(d)
			}
		}
		if err = removeAll(dirs); err == nil {
			return nil
		}
	}
	return fmt.Errorf("the sandbox's cgroup stays: %w", err)
}

// below lists the directories of a cgroup and those below it, children first.
func below(dir string) (dirs []string) {
	_ = filepath.WalkDir(dir, func(path string, entry fs.DirEntry, err error) error {
		if err == nil && entry.IsDir() {
			dirs = append(dirs, path)
		}
		return nil
	})
	slices.Reverse(dirs)
	return dirs
}

func removeAll(dirs []string) error {
	for _, d := range dirs {
		if err := os.Remove(d); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	return nil
}

func killAll(dir string) {
	text, err := os.ReadFile(filepath.Join(dir, "cgroup.procs"))
	if err != nil {
		return
	}
	for _, field := range strings.Fields(string(text)) {
		if pid, err := strconv.Atoi(field); err == nil && pid > 0 {
			_ = syscall.Kill(pid, syscall.SIGKILL)
		}
	}
}

// sweep removes what runs that were killed have left below root: cgroups in which
// nothing lives. A new one is empty too, until its first process.
func sweep(root string) {
	left, _ := filepath.Glob(filepath.Join(root, prefix+"*"))
	for _, dir := range left {
		if at, err := os.Stat(dir); err == nil && time.Since(at.ModTime()) > time.Hour {
			_ = removeAll(below(dir))
		}
	}
}
