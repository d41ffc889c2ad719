// SPDX-License-Identifier: Apache-2.0

package http1

import (
	"bytes"

	"github.com/modeltap/modeltap/observer/event"
)

const (
	// sizeLineLimit is the longest chunk-size line, extensions included, as
	// in net/http.
	sizeLineLimit = 4096
	// maxChunk keeps every sum with a chunk size within an int64.
	maxChunk = 1 << 60
)

// nibble holds the value of each hexadecimal digit, 0xff for other bytes.
var nibble = func() (t [256]uint8) {
	for i := range t {
		t[i] = 0xff
	}
	for i := range uint8(10) {
		t['0'+i] = i
	}
	for i := range uint8(6) {
		t['a'+i], t['A'+i] = 10+i, 10+i
	}
	return t
}()

// chunk consumes one chunk that lies whole at the start of p, with its line
// ends, as streaming servers write it. It returns 0 when there is none such.
func (x *Parser) chunk(p []byte) int {
	size, i := 0, 0
	for ; i < len(p) && i < 7; i++ {
		d := nibble[p[i]]
		if d == 0xff {
			break
		}
		size = size<<4 | int(d)
	}
	data, n := i+2, i+size+4
	if size == 0 || n > len(p) || p[i] != '\r' || p[i+1] != '\n' || p[n-2] != '\r' || p[n-1] != '\n' {
		return 0
	}
	x.h.Body(p[data : n-2])
	x.h.ChunkEnd()
	return n
}

// frame consumes a piece of chunk framing.
func (x *Parser) frame(p []byte) int {
	switch x.state {
	case stateSize, stateSizeSpace, stateExtension, stateSizeLF:
		return x.sizeLine(p)
	case stateDataCR, stateDataLF:
		return x.dataEnd(p)
	}
	return x.trailer(p)
}

func (x *Parser) sizeLine(p []byte) int {
	for i, c := range p {
		x.row++
		if x.row > sizeLineLimit {
			return x.broken(event.ReasonTooLarge, i)
		}
		if c == '\n' && (x.state != stateSize || x.row > 1) {
			x.sized()
			return i + 1
		}
		switch x.state {
		case stateSize:
			d := nibble[c]
			switch {
			case d != 0xff && x.left < maxChunk>>4:
				x.left = x.left<<4 | int64(d)
			case d != 0xff:
				return x.broken(event.ReasonTooLarge, i)
			case x.row == 1:
				return x.broken(event.ReasonMalformed, i)
			case c == ' ' || c == '\t':
				x.state = stateSizeSpace
			case c == '\r':
				x.state = stateSizeLF
			case c == ';':
				x.state = stateExtension
				return i + 1
			default:
				return x.broken(event.ReasonMalformed, i)
			}
		case stateSizeSpace:
			switch c {
			case ' ', '\t':
			case '\r':
				x.state = stateSizeLF
			case ';':
				x.state = stateExtension
				return i + 1
			default:
				return x.broken(event.ReasonMalformed, i)
			}
		case stateSizeLF:
			return x.broken(event.ReasonMalformed, i)
		}
	}
	return len(p)
}

// sized follows the end of a size line.
func (x *Parser) sized() {
	x.row = 0
	x.state = stateData
	if x.left == 0 {
		x.state = stateTrailer
	}
}

func (x *Parser) dataEnd(p []byte) int {
	switch {
	case p[0] == '\n':
		x.state, x.row, x.left = stateSize, 0, 0
	case p[0] == '\r' && x.state == stateDataCR:
		x.state = stateDataLF
	default:
		return x.broken(event.ReasonMalformed, 0)
	}
	return 1
}

// trailer consumes what follows the last chunk, up to the empty line.
func (x *Parser) trailer(p []byte) int {
	switch x.state {
	case stateTrailer:
		switch p[0] {
		case '\n':
			x.end(true)
			return 1
		case '\r':
			x.state = stateTrailerLF
			return 1
		}
		x.state = stateTrailerRow
	case stateTrailerLF:
		if p[0] != '\n' {
			return x.broken(event.ReasonMalformed, 0)
		}
		x.end(true)
		return 1
	}
	n := bytes.IndexByte(p, '\n') + 1
	if n > 0 {
		x.state = stateTrailer
	} else {
		n = len(p)
	}
	if int(x.row)+n > HeadLimit {
		return x.broken(event.ReasonTooLarge, n)
	}
	x.row += int32(n)
	return n
}

// broken gives up on a message whose framing is wrong at byte i of a piece,
// and returns how many bytes of the piece are consumed by that: at least one.
func (x *Parser) broken(r event.ParseReason, i int) int {
	n := max(i, 1)
	x.pool.Discarded += uint64(n)
	x.lose(r)
	return n
}
