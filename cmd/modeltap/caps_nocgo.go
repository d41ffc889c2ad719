// SPDX-License-Identifier: Apache-2.0

//go:build linux && !cgo

package main

import (
	"fmt"
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
)

// withPacket says that this build can capture packets.
const withPacket = false

// raiseCapabilities makes every permitted capability effective, on all threads
// of the process.
func raiseCapabilities() error {
	header := unix.CapUserHeader{Version: unix.LINUX_CAPABILITY_VERSION_3}
	var data [2]unix.CapUserData
	if err := unix.Capget(&header, &data[0]); err != nil {
		return fmt.Errorf("read own capabilities: %w", err)
	}
	raise := false
	for i := range data {
		raise = raise || data[i].Effective != data[i].Permitted
		data[i].Effective = data[i].Permitted
	}
	if !raise {
		return nil
	}
	if _, _, errno := syscall.AllThreadsSyscall(unix.SYS_CAPSET, uintptr(unsafe.Pointer(&header)), uintptr(unsafe.Pointer(&data[0])), 0); errno != 0 {
		return fmt.Errorf("make permitted capabilities effective: %w", errno)
	}
	return nil
}
