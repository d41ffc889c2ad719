// SPDX-License-Identifier: Apache-2.0

package cgroupfs

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/sys/unix"
)

// rootID is the id of the root of the cgroup v2 hierarchy.
const rootID = 1

// fileidKernfs is the type of a file handle that is a kernfs node id
// (FILEID_KERNFS in include/linux/exportfs.h).
const fileidKernfs = 0xfe

// Root is the root of the host's cgroup v2 hierarchy.
type Root struct {
	// Path of the root directory; below /proc/self/fd if it is mounted
	// nowhere in sight.
	Path string

	dir *os.File // keeps such a Path valid
}

// Find looks for the host's root: at hint if it is not empty and
// nowhere else, then where hosts and containers mount it, then through
// processes 1 and 2 (init may be out of bounds, kthreadd is not), then by file
// handle. Inside a container /sys/fs/cgroup is the
// container's own cgroup: attaching there succeeds and sees nothing else, so
// only inode 1 of a cgroup v2 file system counts. The error names the mount
// that is missing.
func Find(hint string) (*Root, error) {
	places := []string{hint}
	if hint == "" {
		places = []string{"/host/sys/fs/cgroup", "/sys/fs/cgroup", "/proc/1/root/sys/fs/cgroup", "/proc/2/root/sys/fs/cgroup"}
	}
	own := "" // a cgroup that is not the root
	for _, place := range places {
		for _, dir := range []string{place, filepath.Join(place, "unified")} {
			id, err := ID(dir)
			if err == nil && id == rootID {
				return &Root{Path: dir}, nil
			}
			if err == nil && own == "" {
				own = dir
			}
		}
	}
	if hint != "" {
		return nil, fmt.Errorf("--capture.cgroup-root %s is not the root of the host's cgroup v2 hierarchy (inode 1): name the directory where it is mounted", hint)
	}
	if own == "" {
		return nil, noHierarchy()
	}
	dir, err := openByID(own, rootID)
	if err == nil {
		return &Root{Path: fmt.Sprintf("/proc/self/fd/%d", dir.Fd()), dir: dir}, nil
	}
	if strings.HasPrefix(own, "/host/") {
		return nil, fmt.Errorf("%s is not the root of the hierarchy: what counts as the host is a container itself; grant CAP_DAC_READ_SEARCH to find the root from there, or run modeltap on the machine below", own)
	}
	return nil, fmt.Errorf("%s is this container's own cgroup and nothing else is in sight: mount the host's /sys/fs/cgroup at /host/sys/fs/cgroup, read-only", own)
}

// noHierarchy tells how to come by a cgroup v2 hierarchy.
func noHierarchy() error {
	const inContainer = "in a container bind the host's /sys/fs/cgroup to /host/sys/fs/cgroup"
	if known, err := os.ReadFile("/proc/filesystems"); err == nil && !strings.Contains(string(known), "\tcgroup2\n") {
		return errors.New("this kernel has no cgroup v2: use --capture=packet")
	}
	// Version 1 alone: its controllers stay where they are, a hierarchy of
	// version 2 without any is enough.
	return errors.New("no cgroup v2 file system found: mount one anywhere (mkdir /run/cgroup2 && mount -t cgroup2 none /run/cgroup2) and name it with --capture.cgroup-root; " + inContainer + "; or use --capture=packet")
}

// Close releases what keeps Path valid.
func (r *Root) Close() error {
	if r.dir == nil {
		return nil
	}
	return r.dir.Close()
}

// Dir returns the directory of the cgroup with the given path relative to the
// root, as PathOf returns it.
func (r *Root) Dir(path string) string { return filepath.Join(r.Path, path) }

// Subtree returns the path of a cgroup as PathOf does. It is given as a path
// below the root, with or without a leading slash, or as the directory itself
// in any mount of the hierarchy. The error names the remedy.
func (r *Root) Subtree(name string) (string, error) {
	path := filepath.Clean("/" + name)
	if _, err := ID(r.Dir(path)); err == nil {
		return path, nil
	}
	id, err := ID(name)
	if err == nil {
		path, err = r.PathOf(id)
	}
	if err != nil {
		return "", fmt.Errorf("there is no cgroup %s below %s: create it first (mkdir, or start its unit or container), or name the path that follows 0:: in /proc/PID/cgroup", name, r.Path)
	}
	return path, nil
}

// PathOf returns the path, relative to the root and with a leading slash, of
// the cgroup with the given id; fs.ErrNotExist if there is none. Without
// CAP_DAC_READ_SEARCH it walks the whole hierarchy: callers keep the answer.
func (r *Root) PathOf(id uint64) (string, error) {
	if id == rootID {
		return "/", nil
	}
	if dir, err := openByID(r.Path, id); err == nil {
		defer dir.Close()
		path, err := os.Readlink(fmt.Sprintf("/proc/self/fd/%d", dir.Fd()))
		base, err2 := filepath.EvalSymlinks(r.Path)
		if rel, ok := strings.CutPrefix(path, base+"/"); ok && err == nil && err2 == nil {
			return "/" + rel, nil
		}
	}
	return r.walk(id)
}

func (r *Root) walk(id uint64) (string, error) {
	found := ""
	err := filepath.WalkDir(r.Path+"/", func(path string, entry fs.DirEntry, err error) error {
		if err != nil || !entry.IsDir() {
			return nil // cgroups come and go during the walk
		}
		var st unix.Stat_t
		if unix.Stat(path, &st) == nil && st.Ino == id {
			found = path
			return fs.SkipAll
		}
		return nil
	})
	if err != nil || found == "" {
		return "", fmt.Errorf("cgroup %d: %w", id, fs.ErrNotExist)
	}
	return "/" + strings.TrimLeft(strings.TrimPrefix(found, r.Path), "/"), nil
}

// openByID opens the directory of a cgroup by its id; at is any directory
// of the same file system. Needs CAP_DAC_READ_SEARCH.
func openByID(at string, id uint64) (*os.File, error) {
	mount, err := unix.Open(at, unix.O_RDONLY|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	if err != nil {
		return nil, err
	}
	defer unix.Close(mount)
	handle := unix.NewFileHandle(fileidKernfs, binary.NativeEndian.AppendUint64(nil, id))
	fd, err := unix.OpenByHandleAt(mount, handle, unix.O_RDONLY|unix.O_DIRECTORY|unix.O_CLOEXEC)
	if err != nil {
		return nil, err
	}
	return os.NewFile(uintptr(fd), "cgroup"), nil
}
