// SPDX-License-Identifier: Apache-2.0

//go:build linux

package cgroup

import (
	"errors"
	"fmt"
	"os"
	"sync/atomic"
	"unsafe"

	"golang.org/x/sys/unix"
)

// The header of a record and the flags in its length (BPF_RINGBUF_BUSY_BIT and
// following in include/uapi/linux/bpf.h).
const (
	headerSize = 8
	busy       = 1 << 31
	discarded  = 1 << 30
)

// ring is a BPF ring buffer mapped into this process: a page with the
// consumer's position, a page with the producer's, and the data twice in a
// row, so that no record is ever cut in two (kernel/bpf/ringbuf.c).
type ring struct {
	consumerPage, dataPages []byte

	consumer, producer *atomic.Uint64
	data               unsafe.Pointer
	size               uint64
	next               uint64 // position after the records that were taken
	freed              uint64 // position that the kernel has been told
}

func mapRing(fd, size int) (*ring, error) {
	page := os.Getpagesize()
	consumer, err := unix.Mmap(fd, 0, page, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_SHARED)
	if err != nil {
		return nil, fmt.Errorf("map the ring's consumer page: %w", err)
	}
	data, err := unix.Mmap(fd, int64(page), page+2*size, unix.PROT_READ, unix.MAP_SHARED)
	if err != nil {
		return nil, errors.Join(fmt.Errorf("map %d bytes of ring: %w", 2*size, err), unix.Munmap(consumer))
	}
	r := &ring{
		consumerPage: consumer,
		dataPages:    data,
		consumer:     (*atomic.Uint64)(unsafe.Pointer(&consumer[0])),
		producer:     (*atomic.Uint64)(unsafe.Pointer(&data[0])),
		data:         unsafe.Pointer(&data[page]),
		size:         uint64(size),
	}
	r.next = r.consumer.Load()
	r.freed = r.next
	return r, nil
}

// take returns the next record, or nil when the next one is not complete. The
// record stays as it is until free.
func (r *ring) take(produced uint64) []byte {
	for r.next < produced {
		head := unsafe.Add(r.data, r.next&(r.size-1))
		n := (*atomic.Uint32)(head).Load()
		if n&busy != 0 {
			return nil
		}
		length := n &^ discarded
		r.next += uint64(length+headerSize+7) &^ 7
		if n&discarded == 0 {
			return unsafe.Slice((*byte)(unsafe.Add(head, headerSize)), length)
		}
	}
	return nil
}

// free gives the space of all records taken back to the kernel.
func (r *ring) free() {
	if r.freed != r.next {
		r.freed = r.next
		r.consumer.Store(r.next)
	}
}

// fill returns the number of bytes that have been produced and not taken.
func (r *ring) fill() uint64 { return r.producer.Load() - r.next }

func (r *ring) close() error {
	return errors.Join(unix.Munmap(r.consumerPage), unix.Munmap(r.dataPages))
}
