// SPDX-License-Identifier: Apache-2.0

package main

import (
	"fmt"
	"log/slog"
	"slices"
	"strings"

	"golang.org/x/sys/unix"
	"kernel.org/pub/linux/libs/security/libcap/cap"
)

// kept are the capabilities that a running daemon has a use for: to capture
// what starts later (BPF, NET_ADMIN; NET_RAW for packets), to measure the wait
// in the socket (PERFMON), to name processes and to find cgroups (SYS_PTRACE,
// DAC_READ_SEARCH), to open the kernel's log again (SYSLOG).
var kept = []cap.Value{cap.BPF, cap.NET_ADMIN, cap.NET_RAW, cap.PERFMON, cap.SYS_PTRACE, cap.DAC_READ_SEARCH, cap.SYSLOG}

// raiseCapabilities makes every permitted capability effective, on all threads.
// A file with capabilities "+p" can so be started where "+ep" is refused because
// one of them is missing from the bounding set.
func raiseCapabilities() error {
	c := cap.GetProc()
	if d, err := c.Cf(cap.NewSet()); err != nil || d == 0 {
		return nil // there are none
	}
	if err := c.Fill(cap.Effective, cap.Permitted); err != nil {
		return err
	}
	return c.SetProc()
}

// harden forbids what no part of the program needs at any time: to gain
// privileges by running another program, and to leave a memory image, which
// would hold what requests and answers said.
func harden() error {
	if err := unix.Prctl(unix.PR_SET_DUMPABLE, 0, 0, 0, 0); err != nil {
		return fmt.Errorf("forbid core dumps: %w", err)
	}
	if _, err := cap.Prctlw(unix.PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0, 0); err != nil {
		return fmt.Errorf("forbid new privileges: %w", err)
	}
	return nil
}

// keep returns what stays of the permitted capabilities. Where CAP_SYS_ADMIN
// stands for those that a kernel or container engine does not know
// (capabilities(7)), it stays.
func keep(permitted func(cap.Value) bool) (stay []cap.Value) {
	for _, v := range kept {
		if permitted(v) {
			stay = append(stay, v)
		}
	}
	if permitted(cap.SYS_ADMIN) && !(permitted(cap.BPF) && permitted(cap.PERFMON)) {
		stay = append(stay, cap.SYS_ADMIN)
	}
	return stay
}

// dropPrivileges gives up, on all threads and for good, what a daemon that has
// started does not need any more.
func dropPrivileges(log *slog.Logger) error {
	now := cap.GetProc()
	stay := keep(func(v cap.Value) bool {
		on, err := now.GetFlag(cap.Permitted, v)
		return err == nil && on
	})
	// The bounding set first: that takes CAP_SETPCAP.
	if can, err := now.GetFlag(cap.Effective, cap.SETPCAP); err == nil && can {
		for v := range cap.MaxBits() {
			if !slices.Contains(stay, v) {
				if err := cap.DropBound(v); err != nil {
					return fmt.Errorf("drop %v from the bounding set: %w", v, err)
				}
			}
		}
	}
	after := cap.NewSet()
	for _, f := range []cap.Flag{cap.Permitted, cap.Effective} {
		if err := after.SetFlag(f, true, stay...); err != nil {
			return err
		}
	}
	if err := after.SetProc(); err != nil {
		return fmt.Errorf("drop capabilities: %w", err)
	}
	names := make([]string, len(stay))
	for i, v := range stay {
		names[i] = v.String()
	}
	log.Info("privileges dropped", "kept", strings.Join(names, ","))
	return nil
}
