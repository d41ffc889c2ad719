// SPDX-License-Identifier: Apache-2.0

package http1

import (
	"bytes"

	"github.com/modeltap/modeltap/observer/event"
)

// methods are those of RFC 9110 section 9 and PATCH (RFC 5789).
var methods = [...]string{"POST", "GET", "PUT", "HEAD", "OPTIONS", "DELETE", "PATCH", "CONNECT", "TRACE"}

// prefixLimit is how much of an unfinished start line is looked at, so that a
// long one that comes in single bytes costs linear time.
const prefixLimit = 64

// plausible reports whether p can be the beginning of a head, leniently.
func plausible(d event.Direction, p []byte) bool {
	p = p[:min(len(p), prefixLimit)]
	if d == event.Response {
		return prefix(p, "HTTP/1.")
	}
	for i, c := range p {
		if !tokenByte[c] {
			return c == ' ' && i > 0
		}
	}
	return true
}

// Opening reports whether p can be the beginning of a head to one who doubts:
// see Init.
func Opening(d event.Direction, p []byte) bool {
	if d == event.Response {
		return prefix(p, "HTTP/1.") &&
			(len(p) <= 7 || p[7] == '0' || p[7] == '1') &&
			(len(p) <= 8 || p[8] == ' ') &&
			(len(p) <= 9 || p[9] >= '1' && p[9] <= '9')
	}
	for _, m := range methods {
		if !prefix(p, m) {
			continue
		}
		if len(p) <= len(m) {
			return true
		}
		p = p[len(m):]
		return p[0] == ' ' && (len(p) == 1 || p[1] == '/' || p[1] == '*' || m == "CONNECT" || prefix(p[1:], "http"))
	}
	return false
}

// prefix reports whether one of p and s begins with the other.
func prefix(p []byte, s string) bool {
	n := min(len(p), len(s))
	return string(p[:n]) == s[:n]
}

// sync consumes up to one line in search of a head. Lines that may belong to
// one are kept in buf.
func (x *Parser) sync(p []byte) int {
	n := bytes.IndexByte(p, '\n') + 1
	whole := n > 0
	if !whole {
		n = len(p)
	}
	first := len(x.buf) == 0
	switch {
	case first && !(x.fresh && Opening(x.dir, p[:n])):
		x.pool.Discarded += uint64(n)
	case len(x.buf)+n > HeadLimit || !x.pool.room(len(x.buf), n, false):
		x.drop()
		x.pool.Discarded += uint64(n)
	default:
		if first {
			x.h.Begin()
			x.row, x.alt = 0, 0
		}
		x.buf = x.pool.append(x.buf, p[:n])
		x.weigh(whole)
	}
	x.fresh = whole
	return n
}

type verdict uint8

const (
	wrong verdict = iota
	wait
	complete
)

// weigh judges the candidate in buf after its last line has grown, and turns
// to a later beginning within it as often as it proves wrong.
func (x *Parser) weigh(whole bool) {
	for {
		switch x.judge(whole) {
		case wait:
			return
		case complete:
			x.found()
			return
		}
		next := x.row
		if next == 0 {
			next = x.alt
		}
		if next == 0 || int(next) >= len(x.buf) {
			x.drop()
			return
		}
		x.pool.Discarded += uint64(next)
		x.buf = append(x.buf[:0], x.buf[next:]...)
		x.row, x.alt = 0, max(x.alt-next, 0)
		if Opening(x.dir, x.buf) {
			x.h.Begin()
		}
	}
}

// found hands over the candidate, unless it is no head after all.
func (x *Parser) found() {
	h := &x.pool.head
	if !h.parse(x.dir, x.buf) || h.n == 0 || h.Minor > 0 && x.dir == event.Request && h.Host == nil {
		x.drop()
		return
	}
	b := x.buf
	x.buf = nil
	defer x.pool.release(b)
	x.enter(h)
}

// judge looks at the last line of the candidate.
func (x *Parser) judge(whole bool) verdict {
	line := x.buf[x.row:]
	switch {
	case !whole:
		if x.row == 0 && len(line) <= prefixLimit && !Opening(x.dir, line) {
			return wrong
		}
		return wait
	case x.row > 0 && string(line) == "\r\n":
		return complete
	case x.row > 0 && !strictField(line):
		return wrong
	case x.row == 0:
		var h Head
		if !Opening(x.dir, line) || !bytes.HasSuffix(line, crlf) || !h.startLine(x.dir, line[:len(line)-2]) ||
			h.Minor > 1 || !clean(line[:len(line)-2]) {
			return wrong
		}
	}
	x.row = int32(len(x.buf))
	return wait
}
