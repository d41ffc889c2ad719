// SPDX-License-Identifier: Apache-2.0

package http1

import (
	"bytes"

	"github.com/modeltap/modeltap/observer/event"
	"github.com/modeltap/modeltap/observer/message"
)

// Head is a message head: Streamed means chunked. Its slices are valid during the Head call only.
// Field values are trimmed; a folded one (RFC 9112 section 5.2) still contains
// its line ends. Of a field that comes twice the last value is held, except
// that Connection and the framing consider all.
type Head struct {
	message.Head     // its ContentLength is -1 when overruled by Transfer-Encoding too
	Minor        int // of HTTP/1.Minor
	Size         int // bytes, the empty line included

	Close   bool // the sender will not keep the connection
	Upgrade bool // Upgrade is named in Connection and present
	// ExpectContinue says that the client waits for a 100 before the body.
	ExpectContinue bool

	Host []byte // nil when absent

	fields []byte
	n      int
}

// Field returns the value of the first field with this name, which must be in
// lower case, and whether there is one.
func (h *Head) Field(name string) ([]byte, bool) {
	for rest := h.fields; ; {
		var f field
		var ok bool
		if f, rest, ok = nextField(rest); !ok || f.name == nil {
			return nil, false
		}
		if fold(f.name, name) {
			return f.value, true
		}
	}
}

// parse reads the head that b begins with and reports whether it is all there
// and one that a peer would read.
func (h *Head) parse(d event.Direction, b []byte) bool {
	*h = Head{Head: message.Head{ContentLength: -1}}
	line, rest := cutLine(b)
	if !h.startLine(d, line) {
		return false
	}
	h.fields = rest
	var c coding
	var keepAlive, upgrade bool
	for {
		f, next, ok := nextField(rest)
		if !ok {
			return false
		}
		rest = next
		if f.name == nil {
			break
		}
		h.n++
		switch len(f.name) {
		case 4:
			if fold(f.name, "host") {
				h.Host = f.value
			}
		case 6:
			if fold(f.name, "expect") {
				h.ExpectContinue = fold(f.value, "100-continue")
			}
		case 7:
			if fold(f.name, "upgrade") {
				upgrade = len(f.value) > 0
			}
		case 10:
			switch {
			case !fold(f.name, "connection"):
			case fold(f.value, "keep-alive"):
				keepAlive = true
			default:
				for t := range tokens(f.value) {
					h.Close = h.Close || fold(t, "close")
					h.Upgrade = h.Upgrade || fold(t, "upgrade")
					keepAlive = keepAlive || fold(t, "keep-alive")
				}
			}
		case 11:
			if fold(f.name, "traceparent") {
				h.TraceParent = f.value
			}
		case 12:
			if fold(f.name, "content-type") {
				h.ContentType = f.value
			}
		case 14:
			if fold(f.name, "content-length") && !h.length(f.value) {
				return false
			}
		case 16:
			if fold(f.name, "content-encoding") {
				h.ContentEncoding = f.value
			}
		case 17:
			if fold(f.name, "transfer-encoding") {
				c.add(f.value)
			}
		}
	}
	h.Size = len(b) - len(rest)
	h.Upgrade = h.Upgrade && upgrade
	if h.Minor == 0 {
		h.Close = h.Close || !keepAlive
		return true
	}
	return h.transfer(d, c)
}

// startLine reads a request line (RFC 9112 section 3) or status line (4).
func (h *Head) startLine(d event.Direction, line []byte) bool {
	if d == event.Request {
		i := 0
		for i < len(line) && tokenByte[line[i]] {
			i++
		}
		if i == 0 || i == len(line) || line[i] != ' ' {
			return false
		}
		h.Method = line[:i]
		i++
		at := i
		for i < len(line) && line[i] > ' ' && line[i] != 0x7f {
			i++
		}
		h.Target = line[at:i]
		return i > at && len(line) == i+1+len("HTTP/1.1") && line[i] == ' ' && h.version(line[i+1:])
	}
	if len(line) < 12 || !h.version(line[:8]) || line[8] != ' ' {
		return false
	}
	s := bytes.TrimLeft(line[9:], " ")
	if len(s) < 3 || len(s) > 3 && s[3] != ' ' {
		return false
	}
	for _, c := range s[:3] {
		if c < '0' || c > '9' {
			return false
		}
		h.Status = h.Status*10 + int(c-'0')
	}
	return h.Status >= 100
}

func (h *Head) version(v []byte) bool {
	h.Minor = int(v[7]) - '0'
	return string(v[:7]) == "HTTP/1." && h.Minor >= 0 && h.Minor <= 9
}

// length reads a Content-Length (RFC 9110 section 8.6), of which every further
// one must agree with the first.
func (h *Head) length(v []byte) bool {
	if n, ok := number(v); ok && h.ContentLength < 0 {
		h.ContentLength = n
		return true
	}
	some := false
	for t := range tokens(v) {
		n, ok := number(t)
		if !ok || h.ContentLength >= 0 && h.ContentLength != n {
			return false
		}
		h.ContentLength, some = n, true
	}
	return some
}

func number(v []byte) (n int64, ok bool) {
	for _, c := range v {
		if c < '0' || c > '9' || n > (maxLength-int64(c-'0'))/10 {
			return 0, false
		}
		n = n*10 + int64(c-'0')
	}
	return n, len(v) > 0
}

const maxLength = 1<<63 - 1

// coding gathers Transfer-Encoding.
type coding struct {
	any     bool // a coding other than identity
	chunked int  // how often chunked was named
	last    bool // and last
}

func (c *coding) add(v []byte) {
	for t := range tokens(v) {
		c.last = fold(t, "chunked")
		if c.last {
			c.chunked++
		}
		c.any = c.any || !fold(t, "identity")
	}
}

// transfer applies Transfer-Encoding (RFC 9112 section 6.1).
func (h *Head) transfer(d event.Direction, c coding) bool {
	if !c.any {
		return true
	}
	h.ContentLength = -1
	h.Streamed = c.last
	return c.chunked == 1 && c.last || c.chunked == 0 && d == event.Response
}
