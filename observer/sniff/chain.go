// SPDX-License-Identifier: Apache-2.0

package sniff

import "github.com/modeltap/modeltap/observer/event"

// longestHeader is that of a masked WebSocket frame of 64-bit length.
const longestHeader = 14

// unit is a frame, record or chunk that a header announces.
type unit struct {
	size   int64 // bytes, header included
	weight int   // bits of evidence in the header
	exact  int   // bits more if it ends where the piece ends
}

// reader reads the header that b begins with. It returns false if b cannot
// begin one, and a unit of size 0 if more bytes are needed.
type reader func(c *chain, d event.Direction, b []byte) (unit, bool)

// chain follows the units of one direction from one header to the next.
type chain struct {
	left    int64 // bytes to the next header
	header  [longestHeader]byte
	n       uint8  // bytes of header that came in earlier pieces
	on      bool   // it is being followed; else it is looked for
	first   bool   // the header being read begins a piece
	bits    int    // evidence
	most    int    // of which there was at most
	open    bool   // WebSocket: a message is unfinished
	closed  bool   // WebSocket: none is
	over    bool   // WebSocket: Close was said
	stream  uint32 // HTTP/2: of the last frame that had one
	unended bool   // HTTP/2: its header block
	ended   uint32 // HTTP/2: that ended last
}

// follow takes the next piece. What was found by chance may hide a chain that
// begins with the piece: that of which there is more evidence is followed. The
// other is tried in anew.
func (c *chain) follow(anew *chain, read reader, d event.Direction, p []byte) {
	if !c.walk(read, d, p) {
		c.off()
	}
	*anew = chain{most: c.most}
	if anew.walk(read, d, p) && (anew.bits > c.bits || !c.on && c.n == 0) {
		*c = *anew
	}
}

// walk goes from header to header, and returns false where there is none.
func (c *chain) walk(read reader, d event.Direction, p []byte) bool {
	for c.first = true; ; c.first = false {
		n := min(c.left, int64(len(p)))
		p, c.left, c.first = p[n:], c.left-n, c.first && n == 0
		if len(p) == 0 {
			return true
		}
		cut := int(c.n)
		b := p
		if cut > 0 {
			b = c.header[:cut+copy(c.header[cut:], p)]
		}
		u, ok := read(c, d, b)
		if !ok {
			return false
		}
		if u.size == 0 {
			c.n = uint8(copy(c.header[:], b))
			return true
		}
		c.on, c.n = true, 0
		c.bits += u.weight
		c.left = u.size - int64(cut)
		if cut == 0 && c.left == int64(len(p)) {
			c.bits += u.exact
		}
		c.most = max(c.most, c.bits)
	}
}

// missing takes note that n bytes are not to be had.
func (c *chain) missing(n int64) {
	if c.left >= n {
		c.left -= n
	} else {
		c.off()
	}
}

func (c *chain) off() { *c = chain{most: c.most} }
