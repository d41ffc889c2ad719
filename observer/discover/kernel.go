// SPDX-License-Identifier: Apache-2.0

package discover

import "net/netip"

// Kernel is what a Discoverer asks of the host. A function may take its time,
// and is called on the goroutine of the Discoverer only.
type Kernel struct {
	NetNS    uint64 // cookie of our own network namespace, 0 unknown
	HostPIDs bool   // process ids in events are those of procfs

	// Listening lists the TCP sockets that listen in our network namespace.
	Listening func() ([]Socket, error)
	// Connected returns the cookies of those that are connections there.
	Connected func() (map[uint64]bool, error)
	// Namespaces lists the other network namespaces in sight.
	Namespaces func() []Namespace
	// Holders finds the processes that hold sockets, by the sockets' inodes. It
	// passes over all processes.
	Holders func(inodes map[uint64]bool) map[uint64][]int
	// Command returns the name and the command line of a process, "" and nil
	// when it has ended or is out of sight.
	Command func(pid int) (comm string, argv []string)
	// Node returns the inode of a process's network namespace, 0 unknown.
	Node func(pid int) uint64

	Groups Groups

	// What follows is nil where the capture has no such program.

	// Watch has the close of a socket reported that no bind event told of;
	// Unwatch forgets one whose end was found out otherwise.
	Watch, Unwatch func(cookie uint64) error
	// Scout attaches or detaches the program that reports local ports which
	// answer in HTTP/1; ForgetAnswers has it report those again that it has.
	Scout         func(on bool) error
	ForgetAnswers func() error
	// Untold returns, once, the cookies of listeners whose close could not be
	// reported as it happened.
	Untold func() ([]uint64, error)
	// Missed counts binds, Lost closes, that were not reported and will not be.
	Missed, Lost func() (uint64, error)
}

// Groups is what a Discoverer asks of the cgroup hierarchy, by ids; nil
// functions where there is none.
type Groups struct {
	// Of returns the cgroup of a process, 0 unknown.
	Of func(pid int) uint64
	// Path returns the path below the root, "" if it is not found.
	Path func(id uint64) string
	// Dir returns the directory of a path below the root.
	Dir func(path string) string
	// Members lists the processes in it that are in sight; nil for the root,
	// which holds whatever nobody has put elsewhere.
	Members func(id uint64) []int
	// Life tells whether there may still be sockets in it.
	Life func(id uint64) Life
}

// Life says what has become of a cgroup.
type Life uint8

const (
	Unknown  Life = iota // out of sight
	Peopled              // a process is in it or below it
	Deserted             // nobody is
	Vanished             // it was seen, and is no more
)

// Socket is a listening TCP socket.
type Socket struct {
	Cookie uint64 // 0 unknown
	Group  uint64 // cgroup id, 0 unknown
	Inode  uint64
	Local  netip.AddrPort
}

// Namespace is a network namespace that is not our own and what listens in it.
type Namespace struct {
	Cookie  uint64 // 0 unknown
	Node    uint64 // inode
	Sockets []Socket
}
