// SPDX-License-Identifier: Apache-2.0

package http1

import (
	"bytes"

	"github.com/modeltap/modeltap/observer/event"
)

// Framing is the owner's word on what follows a head.
type Framing uint8

const (
	// AsFramed follows the head: RFC 9112 section 6.3 without the rules that
	// need the request (HEAD, CONNECT). After status 101 it means Tunnel.
	AsFramed Framing = iota
	// NoBody ends the message with its head, as for the answer to HEAD.
	NoBody
	// Tunnel says that everything from here on is something else: the Handler
	// is not called again, neither with End.
	Tunnel
)

// Handler receives what a Parser finds. Slices are valid during the call only.
// A Handler must not call the Parser that is calling it.
type Handler interface {
	// Begin is the first byte of a message head. While the parser searches
	// for a head, it is the first byte of what may be one: only the last
	// Begin before a Head counts, and one may come to nothing.
	Begin()
	// Head is a complete head. A response with status 1xx other than 101 has
	// no body and no End; the head of the final response follows.
	Head(h *Head) Framing
	// Body is a piece of the body, without chunk framing, never empty.
	Body(p []byte)
	// BodySkip stands for n bytes of the body that the source left out on
	// purpose. When Skip went over a chunk's end, the bytes of the chunk
	// framing are among them, and so are all later bytes of the message.
	BodySkip(n int)
	// BodyGap stands for n bytes of the body that capture lost. The framing
	// survived.
	BodyGap(n int)
	// ChunkEnd follows the last data byte of each chunk that has data.
	ChunkEnd()
	// End follows the last byte of a message that had a Head: complete if it
	// ended as framed. Chunk trailers belong to the message.
	End(complete bool)
	// Lost says that the parser no longer knows where it is and searches for
	// the next head. The message in progress, if it had a Head, was ended by
	// End(false) before.
	Lost(r event.ParseReason)
}

type state uint8

const (
	stateHead       state = iota // between messages or within a head
	stateSync                    // searching for a head
	stateLength                  // body, left bytes to go
	stateClose                   // body until EOF
	stateSize                    // digits of a chunk size
	stateSizeSpace               // white space after them
	stateExtension               // chunk extension, to the end of its line
	stateSizeLF                  // LF after the CR of a size line
	stateData                    // chunk data, left bytes to go
	stateDataCR                  // line end after chunk data
	stateDataLF                  //
	stateTrailer                 // start of a trailer line
	stateTrailerLF               // LF of the empty line that ends the message
	stateTrailerRow              // rest of a trailer line
	stateOpaque                  // rest of a chunked body of unknown framing
	stateDone                    // tunnel or EOF: nothing is looked at
)

// Parser follows one direction of a connection. Its zero value is not usable:
// call Init. It belongs to one goroutine, the one of its Pool.
type Parser struct {
	h    Handler
	pool *Pool
	buf  []byte // head so far, when it did not come in one Write
	left int64  // bytes of body or chunk to go, or the chunk size so far
	// row is the number of bytes of the current size line or of the trailer
	// section; in stateSync where the current line starts in buf.
	row int32
	// alt is where in buf the last Write started (stateSync).
	alt   int32
	state state
	eol   uint8 // progress of the end of head: 1 after LF, 2 after LF CR
	fresh bool  // stateSync: the next byte starts a line
	dir   event.Direction
}

// Init prepares x for direction d. A parser that joins a connection in the
// middle begins by searching for a head, silently. While it searches, a head
// is accepted at the start of a Write or of a line only, and only as a whole:
// start line with a method of RFC 9110 or PATCH, a target that looks like one,
// HTTP/1.0 or 1.1, at least one header field, a Host in an HTTP/1.1 request,
// every line ended by CRLF and no obs-fold. Text that merely mentions a start
// line does not pass; a complete HTTP message quoted verbatim in a body does.
func (x *Parser) Init(pool *Pool, d event.Direction, h Handler, joined bool) {
	*x = Parser{h: h, pool: pool, dir: d}
	if joined {
		x.state = stateSync
	}
}

// Searching reports whether the parser is looking for a head after a loss or
// since it joined.
func (x *Parser) Searching() bool { return x.state == stateSync }

// Held returns the bytes of memory in use for an unfinished head.
func (x *Parser) Held() int { return cap(x.buf) }

// Write consumes p and returns what of it follows a Tunnel. Pieces of Body are
// slices of p.
func (x *Parser) Write(p []byte) (rest []byte) {
	x.start()
	for len(p) > 0 && x.state != stateDone {
		if x.state == stateSize && x.row == 0 {
			if n := x.chunk(p); n > 0 {
				p = p[n:]
				continue
			}
		}
		p = p[x.step(p):]
	}
	return p
}

// start notes that a Write begins: heads mostly start where segments do.
func (x *Parser) start() {
	if x.state == stateSync {
		x.fresh = true
		x.alt = int32(len(x.buf))
	}
}

// step consumes at least one byte of p, all of one region, and returns how
// many.
func (x *Parser) step(p []byte) int {
	switch x.state {
	case stateHead:
		return x.head(p)
	case stateSync:
		return x.sync(p)
	case stateLength:
		n := x.body(p)
		if x.left == 0 {
			x.end(true)
		}
		return n
	case stateClose:
		x.h.Body(p)
		return len(p)
	case stateData:
		n := x.body(p)
		if x.left == 0 {
			x.state = stateDataCR
			x.h.ChunkEnd()
		}
		return n
	case stateOpaque:
		x.h.BodySkip(len(p))
		return len(p)
	case stateDone:
		return len(p)
	}
	return x.frame(p)
}

func (x *Parser) body(p []byte) int {
	if int64(len(p)) > x.left {
		p = p[:x.left]
	}
	x.left -= int64(len(p))
	x.h.Body(p)
	return len(p)
}

// head consumes a head or the beginning of one.
func (x *Parser) head(p []byte) int {
	if len(x.buf) == 0 {
		blank := 0
		for blank < len(p) && (p[blank] == '\r' || p[blank] == '\n') {
			blank++
		}
		if blank > 0 {
			return blank
		}
		x.h.Begin()
		x.eol = 0
		// Nearly every head comes whole and is one.
		if h := &x.pool.head; h.parse(x.dir, p) && h.Size <= HeadLimit {
			n := h.Size
			x.enter(h)
			return n
		}
		if !plausible(x.dir, p) {
			x.lose(event.ReasonMalformed)
			x.fresh = true
			return x.sync(p)
		}
	}
	end, eol := headEnd(x.eol, p)
	x.eol = eol
	n := len(p)
	if end > 0 {
		n = end
	}
	if len(x.buf)+n > HeadLimit || !x.pool.room(len(x.buf), n, end > 0) {
		x.lose(event.ReasonTooLarge)
		x.pool.Discarded += uint64(n)
		return n
	}
	if end > 0 && len(x.buf) == 0 {
		return x.accept(p[:end])
	}
	x.buf = x.pool.append(x.buf, p[:n])
	if end > 0 {
		b := x.buf
		x.buf = nil
		defer x.pool.release(b)
		// A refused head is searched again, except for its first line.
		for rest := b[x.accept(b):]; len(rest) > 0; {
			rest = rest[x.step(rest):]
		}
	} else if len(x.buf) <= prefixLimit && !plausible(x.dir, x.buf) {
		x.lose(event.ReasonMalformed)
	}
	return n
}

// accept hands a complete head over and returns how much of it was consumed:
// all, or the first line when it is malformed.
func (x *Parser) accept(b []byte) int {
	h := &x.pool.head
	if !h.parse(x.dir, b) {
		x.lose(event.ReasonMalformed)
		n := bytes.IndexByte(b, '\n') + 1
		x.pool.Discarded += uint64(n)
		x.fresh = true
		return n
	}
	x.enter(h)
	return len(b)
}

// enter hands over h and prepares for what follows it.
func (x *Parser) enter(h *Head) {
	x.state = stateHead
	f := x.h.Head(h)
	status := h.Status
	switch {
	case f == Tunnel || f == AsFramed && status == 101:
		x.state = stateDone
	case x.dir == event.Response && status < 200:
	case f == NoBody || status == 204 || status == 304:
		x.end(true)
	case h.Streamed:
		x.state, x.row, x.left = stateSize, 0, 0
	case h.ContentLength > 0:
		x.state, x.left = stateLength, h.ContentLength
	case h.ContentLength < 0 && x.dir == event.Response:
		x.state = stateClose
	default:
		x.end(true)
	}
}

func (x *Parser) end(complete bool) {
	x.state, x.row, x.left = stateHead, 0, 0
	x.h.End(complete)
}

// headEnd returns the length of the part of p that completes a head, or -1,
// and the progress of the search, to be handed in with the next piece.
func headEnd(eol uint8, p []byte) (int, uint8) {
	for i := 0; i < len(p); {
		switch {
		case eol == 0:
			j := bytes.IndexByte(p[i:], '\n')
			if j < 0 {
				return -1, 0
			}
			i += j
			eol = 1
		case p[i] == '\n':
			return i + 1, 0
		case p[i] == '\r' && eol == 1:
			eol = 2
		default:
			eol = 0
			continue
		}
		i++
	}
	return -1, eol
}
