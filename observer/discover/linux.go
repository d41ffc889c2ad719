// SPDX-License-Identifier: Apache-2.0

package discover

import (
	"strconv"

	"github.com/modeltap/modeltap/bpf"
	"github.com/modeltap/modeltap/bpf/cgroupfs"
	"github.com/modeltap/modeltap/bpf/hostprobe"
	"github.com/modeltap/modeltap/observer/identity"
)

// Programs is what the capture offers to a Discoverer.
type Programs struct {
	Root      *cgroupfs.Root // nil: the hierarchy is not used
	Discovery *bpf.Discovery // nil: new listeners are found in our own namespace only
	Lost      func() (uint64, error)
}

// Linux returns the kernel that this process runs on. It belongs to the
// goroutine of one Discoverer.
func Linux(p Programs) Kernel {
	proc := identity.Proc("/proc")
	k := Kernel{
		NetNS: netnsCookie(), HostPIDs: hostprobe.HostPIDs(),
		Listening: func() ([]Socket, error) { return listeningHere(proc) }, Connected: connected,
		Namespaces: func() []Namespace { return namespaces(proc) },
		Holders:    proc.Holders, Command: proc.Command,
		Node: func(pid int) uint64 { return nodeOf(strconv.Itoa(pid)) },
		Lost: p.Lost,
	}
	if p.Root != nil {
		g := newGroups(p.Root, proc)
		k.Groups = Groups{Of: g.of, Path: g.path, Dir: p.Root.Dir, Members: g.members, Life: g.life}
	}
	if d := p.Discovery; d != nil {
		k.Watch, k.Scout, k.ForgetAnswers, k.Missed = d.Watch, d.Scout, d.ForgetAnswers, d.Missed
		k.Untold = d.Untold
		k.Unwatch = d.Unwatch
	}
	return k
}
