// SPDX-License-Identifier: Apache-2.0

//go:build linux

package cgroup

import (
	"errors"
	"fmt"
	"os"
	"sync/atomic"
	"syscall"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"

	"github.com/modeltap/modeltap/bpf"
)

// alarm waits for a time, for the kernel's wake-up, or for ring. It waits in
// the runtime's own poller, which is edge-triggered: records that arrive
// without a wake-up do not end the wait.
type alarm struct {
	file *os.File
	conn syscall.RawConn
	page []byte
	word *atomic.Uint32 // read by the kernel, see reader_wake in bpf/record.h
}

func newAlarm(ringFD, wordFD int) (*alarm, error) {
	page, err := unix.Mmap(wordFD, 0, os.Getpagesize(), unix.PROT_READ|unix.PROT_WRITE, unix.MAP_SHARED)
	if err != nil {
		return nil, fmt.Errorf("map the reader's state: %w", err)
	}
	a := &alarm{page: page, word: (*atomic.Uint32)(unsafe.Pointer(&page[0]))}
	fd, err := unix.FcntlInt(uintptr(ringFD), unix.F_DUPFD_CLOEXEC, 0)
	if err != nil {
		return nil, errors.Join(fmt.Errorf("duplicate the ring's descriptor: %w", err), unix.Munmap(page))
	}
	if err := unix.SetNonblock(fd, true); err != nil {
		return nil, errors.Join(err, unix.Close(fd), unix.Munmap(page))
	}
	a.file = os.NewFile(uintptr(fd), "ring buffer")
	if err := a.file.SetReadDeadline(time.Time{}); err != nil {
		return nil, errors.Join(fmt.Errorf("poll the ring: %w", err), a.close())
	}
	if a.conn, err = a.file.SyscallConn(); err != nil {
		return nil, errors.Join(err, a.close())
	}
	return a, nil
}

// set makes the next wait end after d at the latest.
func (a *alarm) set(d time.Duration) error { return a.file.SetReadDeadline(time.Now().Add(d)) }

// ring ends the wait that is going on, or the next one unless set comes first.
// It may be called from any goroutine.
func (a *alarm) ring() { _ = a.file.SetReadDeadline(time.Unix(1, 0)) }

// wait tells the kernel that it waits in the given state, which lasts until
// awake, and waits unless ready says that there is work already.
func (a *alarm) wait(state uint32, ready func() bool) error {
	asked := false
	err := a.conn.Read(func(uintptr) bool {
		// Here and not before: an edge that came earlier is forgotten as
		// Read begins.
		if asked {
			return true
		}
		asked = true
		a.word.Store(state)
		return ready()
	})
	if errors.Is(err, os.ErrDeadlineExceeded) {
		return nil
	}
	return err
}

// awake tells the kernel that no wake-up is needed.
func (a *alarm) awake() { a.word.Store(bpf.ReaderDrains) }

func (a *alarm) close() error { return errors.Join(a.file.Close(), unix.Munmap(a.page)) }
