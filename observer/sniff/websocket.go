// SPDX-License-Identifier: Apache-2.0

package sniff

import (
	"encoding/binary"

	"github.com/modeltap/modeltap/observer/event"
)

// Parts of a frame's first two bytes (RFC 6455 section 5.2).
const (
	wsFinal      = 0x80
	wsCompressed = 0x40 // RSV1, as permessage-deflate has it (RFC 7692)
	wsControl    = 0x08
	wsClose      = 0x08
	wsOpcode     = 0x0f
	wsMasked     = 0x80
)

// websocketFrame reads the header of a WebSocket frame: masked if a client sent
// it. A chain does not begin with one whose first byte could be text or a small
// number, and empty messages prove nothing.
func websocketFrame(c *chain, d event.Direction, b []byte) (unit, bool) {
	first := b[0]
	op, final := first&wsOpcode, first&wsFinal != 0
	switch {
	case c.over, first&0x30 != 0, op > 2 && op < 8, op > 10: // RSV2, RSV3, reserved
		return unit{}, false
	case op&wsControl != 0 && (!final || first&wsCompressed != 0):
		return unit{}, false
	case op == 0 && (first&wsCompressed != 0 || c.closed), op == 1 && c.open, op == 2 && c.open:
		return unit{}, false
	case !c.on && c.n == 0 && (!final || op == 0):
		return unit{}, false
	}
	if len(b) < 2 {
		return unit{}, true
	}
	if masked := b[1]&wsMasked != 0; masked != (d == event.Request) {
		return unit{}, false
	}
	size, n := 2, int64(b[1]&^wsMasked)
	u := unit{weight: 3, exact: 9}
	switch {
	case n >= 126 && op&wsControl != 0:
		return unit{}, false
	case n == 126:
		if size = 4; len(b) < size {
			return unit{}, true
		}
		n, u.exact = int64(binary.BigEndian.Uint16(b[2:])), 25
		if n < 126 {
			return unit{}, false
		}
	case n == 127:
		if size = 10; len(b) < size {
			return unit{}, true
		}
		n, u.weight, u.exact = int64(binary.BigEndian.Uint64(b[2:])), 24, 25
		if n>>40 != 0 || n>>16 == 0 {
			return unit{}, false
		}
	case n == 0:
		// An empty ping may be all that is said in a minute. In a row they are
		// equal numbers.
		if u.weight = 0; op&wsControl == 0 || !c.first {
			u.exact = 0
		}
	}
	if d == event.Request {
		size += 4
	}
	u.size = int64(size) + n
	c.over = op == wsClose
	if op&wsControl == 0 {
		c.open, c.closed = !final, final
	}
	return u, true
}
