// SPDX-License-Identifier: Apache-2.0

package bpf

import (
	"fmt"
	"path/filepath"

	"golang.org/x/sys/unix"
)

// cgroupDir is a directory of cgroup v2. The id of a cgroup is the inode of
// its directory (cgroup_id in kernel/cgroup/cgroup.c).
type cgroupDir struct {
	path      string
	id        uint64
	ancestors []uint64 // ids of those that are visible, nearest first
}

// openCgroup looks at the cgroup at path.
func openCgroup(path string) (cgroupDir, error) {
	c := cgroupDir{path: filepath.Clean(path)}
	var err error
	if c.id, err = cgroupID(c.path); err != nil {
		return c, err
	}
	// ".." of the kernel's, not of the name: the path may lead through
	// symbolic links or /proc/self/fd.
	for up := c.path + "/.."; ; up += "/.." {
		id, err := cgroupID(up)
		if err != nil || id == c.id || len(c.ancestors) > 0 && id == c.ancestors[len(c.ancestors)-1] {
			return c, nil
		}
		c.ancestors = append(c.ancestors, id)
		if len(up) > unix.PathMax-3 {
			return c, nil
		}
	}
}

// cgroupID returns the id of the cgroup at path, an error if path is not a
// directory of cgroup v2.
func cgroupID(path string) (uint64, error) {
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
