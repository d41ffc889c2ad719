// SPDX-License-Identifier: Apache-2.0

package cgroupfs

import (
	"fmt"
	"path/filepath"

	"golang.org/x/sys/unix"
)

// Cgroup is a directory of cgroup v2. The id of a cgroup is the inode of
// its directory (cgroup_id in kernel/cgroup/cgroup.c).
type Cgroup struct {
	Path      string
	ID        uint64
	Ancestors []uint64 // ids of those that are visible, nearest first
}

// Open looks at the cgroup at path.
func Open(path string) (Cgroup, error) {
	c := Cgroup{Path: filepath.Clean(path)}
	var err error
	if c.ID, err = ID(c.Path); err != nil {
		return c, err
	}
	// ".." of the kernel's, not of the name: the path may lead through
	// symbolic links or /proc/self/fd.
	for up := c.Path + "/.."; ; up += "/.." {
		id, err := ID(up)
		if err != nil || id == c.ID || len(c.Ancestors) > 0 && id == c.Ancestors[len(c.Ancestors)-1] {
			return c, nil
		}
		c.Ancestors = append(c.Ancestors, id)
		if len(up) > unix.PathMax-3 {
			return c, nil
		}
	}
}

// ID returns the id of the cgroup at path, an error if path is not a
// directory of cgroup v2.
func ID(path string) (uint64, error) {
	var fs unix.Statfs_t
	if err := unix.Statfs(path, &fs); err != nil {
		return 0, fmt.Errorf("cgroup %s: %w", path, err)
	}
	if fs.Type != unix.CGROUP2_SUPER_MAGIC {
		return 0, fmt.Errorf("%s is not in a cgroup v2 file system: %w", path, unix.EINVAL)
	}
	var st unix.Stat_t
	if err := unix.Stat(path, &st); err != nil {
		return 0, fmt.Errorf("cgroup %s: %w", path, err)
	}
	if st.Mode&unix.S_IFMT != unix.S_IFDIR {
		return 0, fmt.Errorf("%s is not a directory: %w", path, unix.ENOTDIR)
	}
	return st.Ino, nil
}
