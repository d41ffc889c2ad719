// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"slices"
	"strings"
	"time"

	"golang.org/x/sys/unix"
	"kernel.org/pub/linux/libs/security/libcap/cap"

	"github.com/modeltap/modeltap/observer"
	"github.com/modeltap/modeltap/observer/event"
)

// nobody is user and group of what has no need to be root: the kernel's
// overflow id.
const nobody = 65534

// need is what is left to a program once its start is over.
type need struct {
	caps []cap.Value
	// groups are those of files that must be opened for writing later; root says
	// of one that not even its group may do that.
	groups []int
	root   bool
}

// needs returns what the command of s has a use for, once what it measures has
// been opened. Source is event.SourceStats.Source, "" without a capture.
func (s *settings) needs(source string) (n need) {
	switch source {
	case "": // a file, or another daemon
		return n
	case "cgroup": // to attach where a server appears, and to change what is watched
		n.caps = append(n.caps, cap.BPF, cap.NET_ADMIN)
	}
	// To name processes and to find cgroups; and to read what belongs to root
	// again: the configuration, certificates.
	n.caps = append(n.caps, cap.SYS_PTRACE, cap.DAC_READ_SEARCH)
	var files []string
	if s.command != cmdRecord && s.gpu && s.gpuBackend == "nvml" {
		if files = gpuDevices(); s.kernelLog != "" { // opened anew with each opening of the driver
			n.caps = append(n.caps, cap.SYSLOG)
		}
	}
	if s.criSocket != "" {
		files = append(files, s.criSocket)
	}
	n.groups, n.root = writers(files)
	return n
}

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
// stands for CAP_BPF, which a kernel or container engine does not know
// (capabilities(7)), it stays.
func keep(wanted []cap.Value, permitted func(cap.Value) bool) (stay []cap.Value) {
	for _, v := range wanted {
		if permitted(v) {
			stay = append(stay, v)
		}
	}
	if slices.Contains(wanted, cap.BPF) && permitted(cap.SYS_ADMIN) && !permitted(cap.BPF) {
		stay = append(stay, cap.SYS_ADMIN)
	}
	return stay
}

// dropOnce gives up privileges as soon as o is ready: the programs are attached,
// and the reader has its priority. It goes on without when it cannot.
func (s *settings) dropOnce(ctx context.Context, o *observer.Observer, log *slog.Logger) {
	if !s.dropPrivileges {
		return
	}
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for o.Ready() != nil {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
	snap, err := o.Snapshot(ctx)
	if err != nil || len(snap.Sources) == 0 {
		return // it ends
	}
	s.drop(snap.Sources[0], log)
}

// drop gives up what s does not need any more while it captures from a source.
func (s *settings) drop(source event.SourceStats, log *slog.Logger) {
	if !s.dropPrivileges {
		return
	}
	if err := dropPrivileges(s.needs(source.Source), log); err != nil {
		log.Warn("privileges are kept", "err", err)
	}
}

// dropPrivileges gives up, on all threads and for good, what is not needed.
func dropPrivileges(n need, log *slog.Logger) error {
	now := cap.GetProc()
	has := func(f cap.Flag) func(cap.Value) bool {
		return func(v cap.Value) bool { on, err := now.GetFlag(f, v); return err == nil && on }
	}
	stay := keep(n.caps, has(cap.Permitted))
	// The bounding set first: that takes CAP_SETPCAP.
	if has(cap.Effective)(cap.SETPCAP) {
		for v := range cap.MaxBits() {
			if !slices.Contains(stay, v) {
				if err := cap.DropBound(v); err != nil {
					return fmt.Errorf("drop %v from the bounding set: %w", v, err)
				}
			}
		}
	}
	if os.Geteuid() == 0 {
		if err := leaveRoot(n, stay, has(cap.Effective)); err != nil {
			log.Info("the user stays root", "reason", err)
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
	level := slog.LevelInfo
	if len(n.caps) == 0 { // nothing to wonder at
		level = slog.LevelDebug
	}
	log.Log(context.Background(), level, "privileges dropped", "kept", strings.Join(names, ","), "uid", os.Geteuid())
	return nil
}

// leaveRoot makes the process that of nobody, with the capabilities that it has.
// Root without capabilities still owns most files and may look into processes of
// its own, so what is needed must not rest on that.
func leaveRoot(n need, stay []cap.Value, effective func(cap.Value) bool) error {
	switch {
	case !effective(cap.SETUID) || !effective(cap.SETGID):
		return errors.New("CAP_SETUID and CAP_SETGID, to be another, are not to be had")
	case n.root:
		return errors.New("a GPU device or the container runtime's socket is for root alone")
	}
	for _, v := range []cap.Value{cap.SYS_PTRACE, cap.DAC_READ_SEARCH} {
		if slices.Contains(n.caps, v) && !slices.Contains(stay, v) {
			return fmt.Errorf("%v, for what only root can do else, is not to be had", v)
		}
	}
	if err := cap.SetGroups(nobody, n.groups...); err != nil {
		return fmt.Errorf("leave root's groups: %w", err)
	}
	if err := cap.SetUID(nobody); err != nil {
		return fmt.Errorf("leave root: %w", err)
	}
	// A change of user sets what fs.suid_dumpable says.
	return unix.Prctl(unix.PR_SET_DUMPABLE, 0, 0, 0, 0)
}
