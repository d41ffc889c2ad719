// SPDX-License-Identifier: Apache-2.0

package record

const bom = "\xef\xbb\xbf"

type linePlace uint8

const (
	atLine linePlace = iota
	inField
	atData // after the colon of a data line
	inData
	atEvent
	inEvent
	inOther // the rest of a line that is masked whole
)

// eventMask masks server-sent events (WHATWG HTML section 9.2.6).
type eventMask struct {
	text  scrambler
	match matcher
	at    linePlace
	cr    bool  // the last byte was CR
	more  bool  // the event has a data line already
	known bool  // the API is, so that its names of events are
	start uint8 // progress through a byte order mark; 3 and above: past it
	left  uint8
}

// lose says that bytes are missing: the event they are of is masked as text.
func (e *eventMask) lose() { *e = eventMask{at: inOther, start: 3, known: e.known} }

// next returns what replaces c; j masks the data.
func (e *eventMask) next(c byte, j *jsonMask) byte {
	if e.start < 3 {
		if c == bom[e.start] {
			e.start++
			return c
		}
		e.start = 3
	}
	cr := e.cr
	e.cr = c == '\r'
	switch c {
	case '\n', '\r':
		if cr && c == '\n' {
			return c
		}
		if e.at == atLine { // an empty line ends the event
			j.reset()
			e.more = false
		}
		e.at, e.text = atLine, scrambler{}
		return c
	}
	switch e.at {
	case atLine:
		e.at = inField
		e.match.reset(eventFields)
		if c == ':' {
			e.at = inOther
			return c
		}
		return e.name(c)
	case inField:
		if c == ':' {
			return e.colon(j)
		}
		return e.name(c)
	case atData:
		e.at = inData
		if c == ' ' {
			return c
		}
		return j.next(c)
	case inData:
		return j.next(c)
	case atEvent:
		e.at, e.left = inEvent, wordLimit
		e.match.reset(eventNames)
		if c == ' ' {
			return c
		}
		fallthrough
	case inEvent:
		if e.left > 0 && (e.match.next(c) || e.known && plain(c)) {
			e.left--
			return c
		}
		e.left = 0
	}
	return e.text.next(c)
}

// name masks a byte of a field name.
func (e *eventMask) name(c byte) byte {
	if e.match.next(c) {
		return c
	}
	e.at = inOther
	return e.text.next(c)
}

// colon follows the end of a field name.
func (e *eventMask) colon(j *jsonMask) byte {
	switch e.match.word() {
	case "data":
		e.at = atData
		if e.more {
			j.next('\n') // data lines are joined by it
		}
		e.more = true
	case "event":
		e.at = atEvent
	default:
		e.at = inOther
	}
	return ':'
}
