// SPDX-License-Identifier: Apache-2.0

package sniff

import "github.com/modeltap/modeltap/observer/event"

// http1Chunk reads the size line of an HTTP/1 chunk (RFC 9112 section 7.1)
// without extension. The unit ends with the line end after the data, which must
// be one if it is there.
func http1Chunk(_ *chain, _ event.Direction, b []byte) (unit, bool) {
	const digits = 6
	n := int64(0)
	for i, c := range b {
		switch {
		case i <= digits && c >= '0' && c <= '9':
			n = n<<4 | int64(c-'0')
		case i <= digits && (c|0x20) >= 'a' && (c|0x20) <= 'f':
			n = n<<4 | int64((c|0x20)-'a'+10)
		case i > 0 && c == '\r':
			if i+1 == len(b) {
				return unit{}, true
			}
			size := int64(i) + n + 4
			if b[i+1] != '\n' || int64(len(b)) >= size && string(b[size-2:size]) != "\r\n" {
				return unit{}, false
			}
			return unit{size: size, weight: 12, exact: 12}, true
		default:
			return unit{}, false
		}
	}
	return unit{}, true
}
