// SPDX-License-Identifier: Apache-2.0

package main

import (
	"io"
	"os"
)

// captures are files that were opened together, to be read one after another.
type captures []capture

type capture struct {
	name string
	file *os.File
	err  error // of opening it, told when it is its turn
}

// openCaptures opens files while there is the right to. Standard input is open
// already.
func openCaptures(names []string) (all captures) {
	for _, name := range names {
		if name == "-" {
			continue
		}
		c := capture{name: name}
		c.file, c.err = os.Open(name)
		all = append(all, c)
	}
	return all
}

// next hands over the next of the files of that name.
func (all captures) next(name string) (io.ReadCloser, error) {
	for i := range all {
		if c := &all[i]; c.name == name && (c.file != nil || c.err != nil) {
			file, err := c.file, c.err
			c.file, c.err = nil, nil
			if err != nil {
				return nil, err
			}
			return file, nil
		}
	}
	return nil, &os.PathError{Op: "open", Path: name, Err: os.ErrNotExist}
}

// close closes what was not handed over.
func (all captures) close() {
	for _, c := range all {
		if c.file != nil {
			_ = c.file.Close()
		}
	}
}
