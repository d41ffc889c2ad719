// SPDX-License-Identifier: Apache-2.0

package bpf

import "unsafe"

// Kinds of records. Those below KindListenerClosed are the values of
// event.Kind.
const (
	KindData    = 0
	KindRelease = 1
	KindRead    = 2
	// KindListenerClosed is a Record with the cookie of a listening socket
	// that was closed, and the time.
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
type Record = tapRecord

// RecordSize is the size of a Record.
const RecordSize = int(unsafe.Sizeof(Record{}))

// RecordOf returns the head of a record of the ring, which stays in the ring's
// memory; nil when raw is of another layout or short. raw must be aligned to 8
// bytes, as records are.
func RecordOf(raw []byte) *Record {
	if len(raw) < RecordSize || raw[0] > KindListenerClosed {
		return nil
	}
	return (*Record)(unsafe.Pointer(unsafe.SliceData(raw)))
}
