// SPDX-License-Identifier: Apache-2.0

package pcapfile

import (
	"bufio"
	"compress/gzip"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
)

// BrokenError says that a file is no capture, or is damaged.
type BrokenError struct {
	Path   string
	Offset int64 // in the uncompressed data
	Err    error
}

func (e *BrokenError) Error() string {
	return fmt.Sprintf("capture file %s: byte %d: %v (record it again with tcpdump -w or modeltap record)", e.Path, e.Offset, e.Err)
}

func (e *BrokenError) Unwrap() error { return e.Err }

// TruncatedError says that a file ends inside a packet. Everything before it
// was read.
type TruncatedError struct {
	Path   string
	Offset int64 // where the incomplete packet begins, in the uncompressed data
}

func (e *TruncatedError) Error() string {
	return fmt.Sprintf("capture file %s: ends inside a packet that begins at byte %d; everything before it was read (was the recorder interrupted, or the copy?)", e.Path, e.Offset)
}

// input is the uncompressed file.
type input struct {
	r      *bufio.Reader
	offset int64
	start  int64 // of the block being read
	order  binary.ByteOrder
}

func newInput(r io.Reader) (*input, error) {
	raw := bufio.NewReaderSize(r, 256<<10)
	if magic, _ := raw.Peek(2); len(magic) == 2 && magic[0] == 0x1f && magic[1] == 0x8b {
		z, err := gzip.NewReader(raw)
		if err != nil {
			return nil, err
		}
		return &input{r: bufio.NewReaderSize(z, 256<<10)}, nil
	}
	return &input{r: raw}, nil
}

// full fills b. At the end of the file it returns io.ErrUnexpectedEOF even if
// nothing was read, unless b is the begin of a block.
func (in *input) full(b []byte) error {
	n, err := io.ReadFull(in.r, b)
	begin := in.offset == in.start
	in.offset += int64(n)
	if errors.Is(err, io.EOF) && !begin {
		err = io.ErrUnexpectedEOF
	}
	return err
}

func (in *input) skip(n int64) error {
	k, err := io.CopyN(io.Discard, in.r, n)
	in.offset += k
	if errors.Is(err, io.EOF) {
		err = io.ErrUnexpectedEOF
	}
	return err
}

// pipe hands on what r has. Unlike a read of r, a read of it can be ended: a
// terminal, or a pipe that was inherited, gives back what reads it only with
// data.
func pipe(r io.Reader) io.ReadCloser {
	out, in := io.Pipe()
	go func() {
		_, err := io.Copy(in, r)
		in.CloseWithError(err) // nil is the end
	}()
	return out
}
