// SPDX-License-Identifier: Apache-2.0

package bpf

import "structs"

// Kinds of records. Those below KindListenerClosed are the values of
// event.Kind.
const (
	KindData    = 0
	KindRelease = 1
	KindRead    = 2
	// KindListenerClosed is a Record with the cookie of a listening socket
	// that was closed, the process that closed it, and the time.
	KindListenerClosed = 16
	// KindDiscovery is the first kind whose layout discovery defines.
	KindDiscovery = 17
)

// States of the ring's reader. The kernel sets ReaderDrains as it wakes the
// reader, so that it wakes it once.
const (
	ReaderDrains uint32 = iota
	// ReaderNaps asks to be woken when the ring is half full.
	ReaderNaps
	// ReaderSleeps asks to be woken by the next record.
	ReaderSleeps
)

// Record is struct record of record.h: the head of each record up to
// KindListenerClosed. In host byte order; Captured payload bytes follow it.
type Record struct {
	_          structs.HostLayout
	Kind       uint8
	Dir        uint8
	Flags      uint16
	Len        uint32
	Time       int64
	Cookie     uint64
	Group      uint64
	NetNS      uint64
	Seq        uint32
	Ack        uint32
	RTT        uint32
	PID        uint32 // KindData: event.Segment.ReadAgo
	ServerPort uint16
	ClientPort uint16
	Captured   uint16
	_          uint16
	Server     [16]byte
	Client     [16]byte
}

// RecordSize is the size of a Record.
const RecordSize = 96
