// SPDX-License-Identifier: Apache-2.0

package hostprobe

import (
	"fmt"
	"math"

	"golang.org/x/sys/unix"
)

const (
	minKernel     = 5<<8 | 10
	memcgKernel   = 5<<8 | 11 // maps are charged to the memory cgroup
	neededMemlock = 64 << 20
)

// kernel returns the version of the running kernel, 256 major + minor, its
// release and what it says of its build.
func kernel() (version int, release, built string, ok bool) {
	var u unix.Utsname
	if unix.Uname(&u) != nil {
		return 0, "", "", false
	}
	release = unix.ByteSliceToString(u.Release[:])
	version, ok = parseRelease(release)
	return version, release, unix.ByteSliceToString(u.Version[:]), ok
}

func parseRelease(release string) (version int, ok bool) {
	var major, minor int
	if n, _ := fmt.Sscanf(release, "%d.%d", &major, &minor); n < 2 || minor > 255 {
		return 0, false
	}
	return major<<8 | minor, true
}

func kernelVersion() Feature {
	version, release, built, ok := kernel()
	return kernelOf(version, release, built, ok)
}

func kernelOf(version int, release, built string, ok bool) Feature {
	f := Feature{Name: "kernel", Required: true, Detail: release}
	switch {
	case !ok:
		f.Remedy = "the release is not of the form MAJOR.MINOR"
	case gvisor(release, built):
		f.State, f.Detail, f.Remedy = No, release+" of gVisor", gvisorRemedy
	case version >= minKernel:
		f.State = Yes
	default:
		f.State, f.Remedy = No, "capture by cgroup needs Linux 5.10 or later; --capture=packet works on older kernels"
	}
	return f
}

// memlock matters before 5.11, where maps are charged to RLIMIT_MEMLOCK.
func memlock() Feature {
	version, _, _, ok := kernel()
	var limit unix.Rlimit
	err := unix.Getrlimit(unix.RLIMIT_MEMLOCK, &limit)
	return memlockOf(version, ok && err == nil, limit.Cur)
}

func memlockOf(version int, known bool, limit uint64) Feature {
	f := Feature{Name: "memlock", State: Yes, Required: true}
	switch {
	case !known:
		f.State, f.Detail, f.Remedy = Unknown, "the limit cannot be read", "before Linux 5.11 set it to 64 MiB"
	case version >= memcgKernel:
		f.Detail = "not charged since Linux 5.11"
	case limit == math.MaxUint64:
		f.Detail = "unlimited"
	case limit >= neededMemlock:
		f.Detail = fmt.Sprintf("%d MiB", limit>>20)
	default:
		f.State, f.Detail = No, fmt.Sprintf("%d KiB", limit>>10)
		f.Remedy = "raise RLIMIT_MEMLOCK to 64 MiB (LimitMEMLOCK=64M, ulimit -l 65536)"
	}
	return f
}
