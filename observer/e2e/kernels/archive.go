// SPDX-License-Identifier: Apache-2.0

//go:build linux

package main

import (
	"fmt"
	"io"
)

// archive writes the cpio format that the kernel unpacks (Linux,
// Documentation/driver-api/early-userspace/buffer-format.rst, "newc").
type archive struct {
	to    io.Writer
	inode int
	err   error
}

func (a *archive) directory(names ...string) {
	for _, name := range names {
		a.entry(name, 0o040755, nil)
	}
}

func (a *archive) file(name string, text []byte) { a.entry(name, 0o100755, text) }

func (a *archive) end() error {
	a.entry("TRAILER!!!", 0, nil)
	return a.err
}

func (a *archive) entry(name string, mode int, text []byte) {
	a.inode++
	fields := [13]int{a.inode, mode, 0, 0, 1, 0, len(text), 0, 0, 0, 0, len(name) + 1, 0}
	head := "070701"
	for _, f := range fields {
		head += fmt.Sprintf("%08X", f)
	}
	head += name + "\x00"
	a.write([]byte(head))
	a.pad(len(head))
	a.write(text)
	a.pad(len(text))
}

func (a *archive) pad(n int) { a.write(make([]byte, -n&3)) }

func (a *archive) write(b []byte) {
	if a.err == nil {
		_, a.err = a.to.Write(b)
	}
}
