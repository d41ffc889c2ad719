// SPDX-License-Identifier: Apache-2.0

// Package afpacket captures with an AF_PACKET socket: for hosts without cgroup
// v2, or where BPF programs are refused. It needs CAP_NET_RAW and cgo.
//
// What it cannot do, compared with the cgroup tap: it sees the network
// namespace in which it runs and no other, so not the loopback traffic of a
// container; it has no socket cookie, no cgroup, no close of a socket and no
// read by the application; every packet of every socket passes its filter;
// its clock is the wall clock, which may be set.
//
// With receive and send offload a packet is up to 64 KiB long (with BIG TCP
// 512 KiB), so the snapshot length is the length of a ring block. What does
// not fit is cut off and becomes a gap.
package afpacket

// Config says what to capture.
type Config struct {
	// Interface restricts the capture to one interface; "" means all.
	Interface string
	// Ports are the ports of the servers to observe; see SetPorts.
	Ports []uint16
	// RingBytes is the size of the ring shared with the kernel, rounded to
	// blocks of 1 MiB; 0 means 8 MiB.
	RingBytes int
}
