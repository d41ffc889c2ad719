// SPDX-License-Identifier: Apache-2.0

//go:build linux && cgo

package main

/*
#include <linux/capability.h>
#include <sys/syscall.h>
#include <unistd.h>

// Capabilities belong to threads. A constructor runs while there is one, so
// that every thread of the Go runtime inherits what is raised here. A file
// with capabilities "+p" can so be started where "+ep" is refused because one
// of them is missing from the bounding set.
__attribute__((constructor)) static void raise_permitted(void) {
	struct __user_cap_header_struct header = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct data[_LINUX_CAPABILITY_U32S_3];
	if (syscall(SYS_capget, &header, data))
		return;
	for (int i = 0; i < _LINUX_CAPABILITY_U32S_3; i++)
		data[i].effective = data[i].permitted;
	syscall(SYS_capset, &header, data);
}
*/
import "C"

// withPacket says that this build can capture packets.
const withPacket = true

// raiseCapabilities makes every permitted capability effective. With cgo that
// happened before the Go runtime started.
func raiseCapabilities() error { return nil }
