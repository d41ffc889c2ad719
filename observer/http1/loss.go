// SPDX-License-Identifier: Apache-2.0

package http1

import "github.com/modeltap/modeltap/observer/event"

// Skip stands for the next n bytes, left out by the source on purpose. In a
// body their number is enough; in a chunked body that they may leave, the rest
// of the message is BodySkip until Giveup or EOF. Elsewhere the parser is lost.
func (x *Parser) Skip(n int) {
	if n <= 0 {
		return
	}
	switch x.state {
	case stateLength:
		m := x.advance(n)
		x.h.BodySkip(m)
		if x.left == 0 {
			x.end(true)
		}
		if n > m {
			x.lose(event.ReasonTruncated)
		}
	case stateData:
		m := int64(n)
		if m <= x.left {
			x.left -= m
		} else {
			x.state = stateOpaque
		}
		x.h.BodySkip(n)
		if x.state == stateData && x.left == 0 {
			x.state = stateDataCR
			x.h.ChunkEnd()
		}
	case stateClose, stateOpaque:
		x.h.BodySkip(n)
	case stateHead, stateSync, stateDone:
		x.hole()
	default:
		x.state = stateOpaque
		x.h.BodySkip(n)
	}
}

// Gap stands for the next n bytes, lost by capture. A gap within the body or
// within the data of one chunk is survived; any other loses the framing.
func (x *Parser) Gap(n int) {
	if n <= 0 {
		return
	}
	switch x.state {
	case stateLength:
		m := x.advance(n)
		x.h.BodyGap(m)
		if n > m {
			x.lose(event.ReasonTruncated)
		} else if x.left == 0 {
			x.end(true)
		}
	case stateData:
		m := x.advance(n)
		x.h.BodyGap(m)
		if n > m {
			x.lose(event.ReasonTruncated)
		} else if x.left == 0 {
			x.state = stateDataCR
			x.h.ChunkEnd()
		}
	case stateClose:
		x.h.BodyGap(n)
	case stateOpaque:
		x.h.BodySkip(n)
	case stateHead, stateSync, stateDone:
		x.hole()
	default:
		x.lose(event.ReasonTruncated)
	}
}

// advance takes up to n bytes off the body or chunk and returns how many.
func (x *Parser) advance(n int) int {
	m := int(min(int64(n), x.left))
	x.left -= int64(m)
	return m
}

// hole is bytes missing outside of any body.
func (x *Parser) hole() {
	switch x.state {
	case stateHead:
		x.lose(event.ReasonTruncated)
	case stateSync:
		x.drop()
		x.fresh = false
	}
}

// EOF says that this direction has ended. A body that lasts until the close
// is complete; any other message in progress is ended incomplete. A head in
// progress comes to nothing, without a call. Later calls are ignored.
func (x *Parser) EOF() {
	s := x.state
	x.Release()
	switch s {
	case stateHead, stateSync, stateDone:
	default:
		x.h.End(s == stateClose)
	}
}

// Giveup abandons the message in progress, without a call to the Handler, and
// searches for the next head: its owner knows that the message is over, for
// example because its answer has come. Between messages and in a tunnel it
// does nothing.
func (x *Parser) Giveup() {
	switch x.state {
	case stateSync, stateDone:
		return
	case stateHead:
		if len(x.buf) == 0 {
			return
		}
	}
	x.drop()
	x.state, x.fresh = stateSync, false
}

// Release gives all memory back and ignores all later calls but Init: for the
// end of a connection, and for the other direction of a tunnel.
func (x *Parser) Release() {
	x.drop()
	x.state = stateDone
}

// lose ends the message in progress and goes searching.
func (x *Parser) lose(r event.ParseReason) {
	s := x.state
	x.drop()
	x.state, x.fresh = stateSync, false
	if s != stateHead && s != stateSync {
		x.h.End(false)
	}
	x.h.Lost(r)
}

// drop forgets the head in progress.
func (x *Parser) drop() {
	if x.buf != nil {
		x.pool.Discarded += uint64(len(x.buf))
		x.pool.release(x.buf)
		x.buf = nil
	}
	x.row, x.alt, x.eol, x.left = 0, 0, 0, 0
}
