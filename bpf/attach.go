// SPDX-License-Identifier: Apache-2.0

package bpf

import (
	"errors"
	"fmt"
	"slices"

	"github.com/cilium/ebpf"
	"github.com/cilium/ebpf/link"
	"golang.org/x/sys/unix"

	"github.com/modeltap/modeltap/bpf/cgroupfs"
	"github.com/modeltap/modeltap/bpf/hostprobe"
)

// Attachments hold the cgroups that a Tap is attached to. No attached cgroup
// contains another, because the programs of an ancestor run for its
// descendants too and each packet would be recorded twice. Not safe for
// concurrent use.
type Attachments struct {
	tap  *Tap
	held map[uint64]*attachment // by cgroup id
}

type attachment struct {
	cgroup cgroupfs.Cgroup
	links  []link.Link
}

// NewAttachments returns the attachments of tap, none so far.
func NewAttachments(tap *Tap) *Attachments {
	return &Attachments{tap: tap, held: make(map[uint64]*attachment)}
}

// Set makes the tap see exactly the cgroups in dirs and their descendants.
// Directories of cgroup v2 in any order; those that are gone are left out, and
// so are those below another of them. New cgroups are attached before old ones
// are detached, so nothing is missed on the way; a packet may be recorded
// twice. After an error the cgroups that it does not name are as asked for.
func (a *Attachments) Set(dirs []string) error {
	var errs []error
	asked := make(map[uint64]cgroupfs.Cgroup)
	for _, dir := range dirs {
		c, err := cgroupfs.Open(dir)
		if errors.Is(err, unix.ENOENT) {
			continue
		}
		if err != nil {
			errs = append(errs, err)
			continue
		}
		asked[c.ID] = c
	}
	wanted, failed := outermost(asked), make(map[uint64]bool)
	for id, c := range wanted {
		if a.held[id] != nil {
			continue
		}
		links, err := a.tap.attach(c.Path)
		if errors.Is(err, unix.ENOENT) || errors.Is(err, unix.ENODEV) {
			continue // removed since it was opened
		}
		if err != nil {
			errs = append(errs, err)
			failed[id] = true
			continue
		}
		a.held[id] = &attachment{c, links}
	}
	for id, h := range a.held {
		if _, ok := wanted[id]; ok {
			continue
		}
		// A descendant stays while its ancestor could not take over.
		_, ok := asked[id]
		if ok && slices.ContainsFunc(h.cgroup.Ancestors, func(up uint64) bool { return failed[up] }) {
			continue
		}
		errs = append(errs, h.close())
		delete(a.held, id)
	}
	return errors.Join(errs...)
}

// outermost returns those cgroups that have no ancestor among them.
func outermost(all map[uint64]cgroupfs.Cgroup) map[uint64]cgroupfs.Cgroup {
	out := make(map[uint64]cgroupfs.Cgroup)
	for id, c := range all {
		inside := slices.ContainsFunc(c.Ancestors, func(up uint64) bool { _, ok := all[up]; return ok })
		if !inside {
			out[id] = c
		}
	}
	return out
}

// Attached returns the directories that the tap is attached to, sorted.
func (a *Attachments) Attached() []string {
	var dirs []string
	for _, h := range a.held {
		dirs = append(dirs, h.cgroup.Path)
	}
	slices.Sort(dirs)
	return dirs
}

// Close detaches everything. The kernel does the same when the process ends,
// however it ends.
func (a *Attachments) Close() error { return a.Set(nil) }

func (h *attachment) close() error {
	var errs []error
	for _, l := range h.links {
		errs = append(errs, l.Close())
	}
	return errors.Join(errs...)
}

// attach attaches all programs of the tap to one cgroup, or none.
func (t *Tap) attach(dir string) ([]link.Link, error) {
	var done attachment
	for _, p := range []struct {
		program *ebpf.Program
		hook    ebpf.AttachType
	}{
		// Release first: a connection seen at all is seen to close.
		{t.objects.TapRelease, ebpf.AttachCgroupInetSockRelease},
		{t.objects.TapIngress, ebpf.AttachCGroupInetIngress},
		{t.objects.TapEgress, ebpf.AttachCGroupInetEgress},
	} {
		l, err := AttachCgroup(dir, p.program, p.hook)
		if err != nil {
			return nil, errors.Join(err, done.close())
		}
		done.links = append(done.links, l)
	}
	return done.links, nil
}

// AttachRelease attaches to the cgroup at dir the program that reports closed
// listeners (KindListenerClosed) and connections (KindRelease) alone. Each
// close is reported once, whatever else the program is attached to.
func (t *Tap) AttachRelease(dir string) (link.Link, error) {
	return AttachCgroup(dir, t.objects.TapRelease, ebpf.AttachCgroupInetSockRelease)
}

// AttachCgroup attaches a program to the cgroup at dir by a bpf_link and never
// by the older call, which would leave the program behind when this process
// is killed. Needs Linux 5.7 and CAP_NET_ADMIN; the error names the remedy.
func AttachCgroup(dir string, program *ebpf.Program, hook ebpf.AttachType) (link.Link, error) {
	fd, err := unix.Open(dir, unix.O_DIRECTORY|unix.O_RDONLY|unix.O_CLOEXEC, 0)
	if err != nil {
		return nil, fmt.Errorf("open cgroup %s: %w", dir, err)
	}
	defer unix.Close(fd)
	l, err := link.AttachRawLink(link.RawLinkOptions{Target: fd, Program: program, Attach: hook})
	if err != nil {
		return nil, fmt.Errorf("attach to cgroup %s: %w", dir, hostprobe.ExplainAttach(err))
	}
	return l, nil
}
