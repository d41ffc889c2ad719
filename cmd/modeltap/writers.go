// SPDX-License-Identifier: Apache-2.0

package main

import (
	"os"
	"path/filepath"
	"slices"
	"syscall"
)

// gpuDevices are the device files that NVML opens (nvidia driver, README,
// chapter "Device nodes").
func gpuDevices() []string {
	files, _ := filepath.Glob("/dev/nvidia*") // the pattern is good
	return slices.DeleteFunc(files, func(f string) bool {
		info, err := os.Stat(f)
		return err != nil || info.Mode()&os.ModeCharDevice == 0
	})
}

// writers returns the groups whose members may read and write those files that
// not everybody may; root, if one of them is not even for its group. What is not
// there is passed over.
func writers(files []string) (groups []int, root bool) {
	for _, f := range files {
		info, err := os.Stat(f)
		if err != nil {
			continue
		}
		switch mode := info.Mode().Perm(); {
		case mode&0o006 == 0o006:
		case mode&0o060 == 0o060:
			if gid := int(info.Sys().(*syscall.Stat_t).Gid); !slices.Contains(groups, gid) {
				groups = append(groups, gid)
			}
		default:
			root = true
		}
	}
	return groups, root
}
