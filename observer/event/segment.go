// SPDX-License-Identifier: Apache-2.0

package event

import (
	"net/netip"
)

// Direction tells which way bytes travel, seen from the model server.
type Direction uint8

const (
	// Request is client to server: ingress at the server's socket.
	Request Direction = iota
	// Response is server to client: egress at the server's socket.
	Response
)

// String returns the value of the "direction" label.
func (d Direction) String() string {
	if d == Request {
		return "ingress"
	}
	return "egress"
}

// Kind tells what a Segment reports.
type Kind uint8

const (
	// KindData is a TCP segment or, for a large one, a piece of it.
	KindData Kind = iota
	// KindRelease says that the process closed the socket named by Cookie
	// (cgroup/sock_release). Bytes still in the send buffer may follow, unless
	// Flags has RST: the close itself reset the connection.
	KindRelease
	// KindRead says that the application has read everything below Seq
	// (tcp_sock.copied_seq at tcp_rcv_space_adjust). It stands for reads that
	// no later segment of the response told (flag Read).
	KindRead
)

// Flags are the low eight TCP header flags (RFC 9293 section 3.1) and, above
// them, what the source knows about the segment.
type Flags uint16

const (
	FIN Flags = 1 << 0
	SYN Flags = 1 << 1
	RST Flags = 1 << 2
	PSH Flags = 1 << 3
	ACK Flags = 1 << 4

	// Limited marks a segment that a slow client or path held up: it left
	// later than the server wrote it.
	Limited Flags = 1 << 8
	// Ordered says that the source delivers this direction in the order in
	// which the sender's TCP first sent it, so that a hole is a loss of
	// capture and never waits to be filled.
	Ordered Flags = 1 << 9
	// Skipped says that the payload was left out on purpose: Len counts,
	// Payload is empty.
	Skipped Flags = 1 << 10
	// Read says that ReadAgo is set.
	Read Flags = 1 << 11
	// First says that Seq is that of the first byte of payload that this
	// direction of the connection has, position 0. The source knows it from
	// the socket. Packets and files do not: there a SYN tells. With Len 0 it
	// comes ahead of bytes that are out of order.
	First Flags = 1 << 12
)

// Endpoint is an address and port; IPv4 is kept in its IPv4-mapped form.
type Endpoint struct {
	IP   [16]byte
	Port uint16
}

// AddrPort returns e with an IPv4-mapped address unmapped.
func (e Endpoint) AddrPort() netip.AddrPort {
	return netip.AddrPortFrom(netip.AddrFrom16(e.IP).Unmap(), e.Port)
}

// EndpointOf is the inverse of Endpoint.AddrPort.
func EndpointOf(a netip.AddrPort) Endpoint {
	return Endpoint{IP: a.Addr().As16(), Port: a.Port()}
}

// Flow is the 4-tuple of a connection, by role.
type Flow struct {
	Server, Client Endpoint
}

// Segment is one observation of one TCP socket. Sources fill it, package tcp
// consumes it. Payload aliases the source's memory and is valid only during
// the call that hands the Segment over.
type Segment struct {
	Time   int64  // ns: CLOCK_MONOTONIC live, the capture's own clock in a file
	Cookie uint64 // socket cookie (SO_COOKIE); 0 when the source has none
	Group  uint64 // cgroup id of the socket; 0 when unknown
	NetNS  uint64 // network namespace cookie; 0 when unknown
	Flow   Flow
	// Seq is the sequence number of the first payload byte of this piece (of
	// the SYN itself on a SYN); for KindRead it is copied_seq.
	Seq uint32
	Ack uint32 // acknowledgment number, valid when Flags has ACK
	// Len is the number of payload bytes this piece stands for. It exceeds
	// len(Payload) when bytes were skipped on purpose (Skipped) or cut off by
	// the source (a gap).
	Len uint32
	RTT uint32 // smoothed round-trip time in µs, 0 when unknown
	// ReadAgo is how long before Time (ns) the application had read everything
	// below Ack (tcp_sock.copied_seq at tcp_rcv_space_adjust).
	ReadAgo uint32
	Flags   Flags
	Kind    Kind
	Dir     Direction
	Payload []byte
}

// Mark is the clock of a run of bytes in one direction of a stream.
type Mark struct {
	Time    int64  // ns; never decreases along one direction
	RTT     uint32 // µs, 0 when unknown
	Limited bool   // see the flag of the same name
}
