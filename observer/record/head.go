// SPDX-License-Identifier: Apache-2.0

package record

import "github.com/modeltap/modeltap/observer/event"

const (
	pathLimit  = 256
	valueLimit = 256
)

type headPlace uint8

const (
	inMethod headPlace = iota
	inPath
	inQuery
	inVersion
	inStatus // what follows the version of a response
	inReason
	atField // start of a field line
	inName
	inValue
)

// headMask masks message heads and trailers, one byte at a time.
type headMask struct {
	text  scrambler
	match matcher
	path  pathMask
	at    headPlace
	keep  bool  // what the current word or value consists of may pass
	left  int16 // bytes of it that may still pass
	value bool  // the field's value is one that is kept
	cr    bool  // the last byte was CR
}

// begin prepares for the start line of direction d.
func (h *headMask) begin(d event.Direction) {
	*h = headMask{keep: true}
	h.match.reset(methods)
	if d == event.Response {
		h.at = inStatus
		h.match.reset(versions)
	}
}

// next returns what replaces c.
func (h *headMask) next(c byte) byte {
	if h.cr && c != '\n' { // which no peer takes for the end of a line
		h.keep, h.value, h.left = false, false, 0
	}
	h.cr = c == '\r'
	switch c {
	case '\n':
		h.at, h.text, h.value = atField, scrambler{}, false
		return c
	case '\r':
		return c
	}
	switch h.at {
	case inMethod:
		if c == ' ' {
			h.at = inPath
			h.path.begin()
			h.path.ok = h.match.word() != ""
			return c
		}
		return h.matched(c)
	case inPath:
		switch {
		case c == ' ':
			h.at, h.keep = inVersion, true
			h.match.reset(versions)
			return c
		case c == '?':
			h.at = inQuery
			return c
		}
		return h.path.next(c)
	case inQuery:
		if c == ' ' {
			h.at, h.keep = inVersion, true
			h.match.reset(versions)
			return c
		}
	case inVersion:
		return h.matched(c)
	case inStatus:
		if c == ' ' && h.match.word() != "" {
			h.at, h.left = inReason, 3
			return c
		}
		return h.matched(c)
	case inReason:
		switch {
		case h.left > 0 && c >= '0' && c <= '9':
			h.left--
			return c
		case c != ' ':
			h.left = 0
		}
	case atField:
		if c == ' ' || c == '\t' { // goes on with the value before: masked
			h.at = inValue
			return c
		}
		h.at, h.keep, h.value, h.left = inName, true, false, valueLimit
		h.match.reset(knownFields)
		return h.matched(c)
	case inName:
		if c == ':' {
			h.at = inValue
			h.value = h.keep && keptFields.has(h.match.word())
			return c
		}
		return h.matched(c)
	case inValue:
		if h.value && h.left > 0 {
			h.left--
			return c
		}
	}
	return h.text.next(c)
}

// matched lets c pass as long as a known word begins with what was seen,
// regardless of case in field names.
func (h *headMask) matched(c byte) byte {
	low := c
	if h.at == inName && c >= 'A' && c <= 'Z' {
		low = c | 0x20
	}
	if h.keep = h.keep && h.match.next(low); h.keep {
		return c
	}
	if c == '-' || c == '_' {
		return c // a name stays a token
	}
	return h.text.next(c)
}
