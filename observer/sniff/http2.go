// SPDX-License-Identifier: Apache-2.0

package sniff

import (
	"encoding/binary"

	"github.com/modeltap/modeltap/observer/event"
)

// Frame types of RFC 9113 section 6.
const (
	frameData = iota
	frameHeaders
	framePriority
	frameReset
	frameSettings
	framePush
	framePing
	frameGoAway
	frameWindow
	frameContinuation
)

// http2Flags holds the flags that a type of frame may have.
var http2Flags = [...]byte{frameData: 0x09, frameHeaders: 0x2d, framePriority: 0, frameReset: 0, frameSettings: 0x01,
	framePush: 0x0c, framePing: 0x01, frameGoAway: 0, frameWindow: 0, frameContinuation: 0x04}

const (
	endStream  = 0x01
	endHeaders = 0x04
	// streamSpan is how far apart the streams of two frames in a row may be:
	// far more than run side by side.
	streamSpan = 1 << 13
)

// http2Frame reads the header of an HTTP/2 frame (RFC 9113 section 4.1).
func http2Frame(c *chain, d event.Direction, b []byte) (unit, bool) {
	const size = 9
	if len(b) >= 4 && b[3] > frameContinuation || len(b) >= 5 && b[4]&^http2Flags[b[3]] != 0 {
		return unit{}, false
	}
	if len(b) < size {
		return unit{}, true
	}
	n := int64(b[0])<<16 | int64(b[1])<<8 | int64(b[2])
	kind, flags, id := b[3], b[4], binary.BigEndian.Uint32(b[5:])
	request := id&1 == 1 && id>>31 == 0
	// A type, flags, the reserved bit and the stream leave one header in
	// 2^12, fewer in small numbers; a fixed length or the stream 0 leave one in
	// 2^30.
	u := unit{size: size + n, weight: 8, exact: 12}
	ok := false
	if c.unended && (kind != frameContinuation || id != c.stream) {
		return unit{}, false // RFC 9113 section 6.10
	}
	if id != 0 {
		if c.stream != 0 && max(c.stream, id)-min(c.stream, id) > streamSpan {
			return unit{}, false
		}
		c.stream = id
	}
	switch kind {
	case frameData:
		ok = request && id != c.ended && (n > 0 || flags&endStream != 0)
	case frameHeaders:
		ok = request && id != c.ended && n > 0
	case frameContinuation:
		ok = request && n > 0
	case framePush:
		ok = request && n > 4 && d == event.Response
	case framePriority:
		u.weight, ok = 30, n == 5 && request
	case frameReset:
		u.weight, ok = 30, n == 4 && request
	case frameWindow:
		u.weight, ok = 30, n == 4 && id>>31 == 0
	case framePing:
		u.weight, ok = 30, n == 8 && id == 0
	case frameSettings:
		u.weight, ok = 30, n%6 == 0 && id == 0 && (n == 0 || flags == 0)
	case frameGoAway:
		u.weight, ok = 30, n >= 8 && id == 0
	}
	if kind <= frameHeaders && flags&endStream != 0 {
		c.ended = id
	}
	c.unended = (kind == frameHeaders || kind == framePush || kind == frameContinuation) && flags&endHeaders == 0
	return u, ok
}
