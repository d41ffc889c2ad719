// SPDX-License-Identifier: Apache-2.0

// Package sse splits an event stream (HTML Living Standard, section 9.2.6,
// "Interpreting an event stream") that arrives in pieces, cut anywhere. It
// holds nothing of an event but its name.
package sse

import "bytes"

// MaxName is the number of bytes of an event's name that are kept.
const MaxName = 64

// Handler is told what a Parser finds. The slices are valid during the call
// only and are not to be changed.
type Handler interface {
	// Data hands over a piece of the current event's data; never empty. The
	// lines of an event are joined by "\n".
	Data(p []byte)
	// Name is the value of an event field, the first MaxName bytes of it. It
	// belongs to the current event, before or after its data, even if End never
	// comes for want of data; the last one counts.
	Name(p []byte)
	// End says that the current event, which had a data field, is complete.
	End()
	// Comment says that a comment was read: a keep-alive.
	Comment()
	// Lost says that a gap cut the current event, if any: what was handed over
	// since the last End is void. What comes next is a new event.
	Lost()
}

// Parser splits one stream. The zero Parser must be Reset before use.
type Parser struct {
	h     Handler
	state state
	field field
	first bool // this is the first line
	cr    bool // the last byte was a CR, so that an LF now belongs to it
	blank bool // lost: nothing but a line end was seen since the last line end
	data  bool // the event has a data field
	n     int  // bytes in buf
	buf   [MaxName]byte
	lf    [1]byte
}

type state uint8

const (
	lineStart state = iota
	inField         // in the name of the field
	afterColon
	inValue
	lost // between a gap and the next empty line
)

type field uint8

const (
	other field = iota
	data
	event
	comment
)

// Reset makes p ready for a new stream.
func (p *Parser) Reset(h Handler) {
	*p = Parser{h: h, first: true, lf: [1]byte{'\n'}}
}

// Write reads the next piece of the stream.
func (p *Parser) Write(b []byte) {
	i := 0
	if p.cr && len(b) > 0 {
		p.cr = false
		if b[0] == '\n' {
			i = 1
		}
	}
	lf := -1 // index of the first LF at or after i, len(b) if there is none
	for i < len(b) {
		if lf < i {
			lf = len(b)
			if j := bytes.IndexByte(b[i:], '\n'); j >= 0 {
				lf = i + j
			}
		}
		// Most streams have no CR; where there are, each search ends at the
		// first, so that the whole stays linear.
		end := lf
		if j := bytes.IndexByte(b[i:lf], '\r'); j >= 0 {
			end = i + j
		}
		if end < len(b) && p.state == lineStart && isData(b[i:end]) {
			p.dataLine(b[i:end])
			// What nearly all events consist of: one line, LF, LF.
			if i = end + 1; b[end] == '\n' && i < len(b) && b[i] == '\n' {
				p.data = false
				p.h.End()
				i++
				continue
			}
		} else {
			p.line(b[i:end])
			if end == len(b) {
				return
			}
			p.endLine()
			i = end + 1
		}
		if b[end] == '\r' {
			if i == len(b) {
				p.cr = true
			} else if b[i] == '\n' {
				i++
			}
		}
	}
}

func isData(line []byte) bool { return len(line) >= 5 && string(line[:5]) == "data:" }

// dataLine reads a whole line of data, without its end.
func (p *Parser) dataLine(line []byte) {
	p.beginData()
	p.first = false
	if line = line[5:]; len(line) > 0 && line[0] == ' ' {
		line = line[1:]
	}
	if len(line) > 0 {
		p.h.Data(line)
	}
}

// line reads a piece of a line, without its end.
func (p *Parser) line(b []byte) {
	if len(b) == 0 {
		return
	}
	switch p.state {
	case lineStart:
		if len(b) > 5 && string(b[:5]) == "data:" {
			p.field, p.state = data, inValue
			p.beginData()
			if b = b[5:]; b[0] == ' ' {
				b = b[1:]
			}
			break
		}
		p.state, p.n = inField, 0
		fallthrough
	case inField:
		if b = p.name(b); p.state == inField || len(b) == 0 {
			return
		}
		fallthrough
	case afterColon:
		p.state = inValue
		if b[0] == ' ' {
			b = b[1:]
		}
	case lost:
		p.blank = false
		return
	}
	switch {
	case len(b) == 0:
	case p.field == data:
		p.h.Data(b)
	case p.field == event:
		p.n += copy(p.buf[p.n:], b)
	}
}

// name reads the name of a field, and its colon if that is there. It returns
// what follows the colon.
func (p *Parser) name(b []byte) []byte {
	const bom = "\xef\xbb\xbf"
	for i, c := range b {
		if c == ':' {
			p.state = afterColon
			p.begin()
			return b[i+1:]
		}
		if p.n < len(p.buf) {
			p.buf[p.n] = c
			p.n++
		}
		if p.first && p.n == len(bom) && string(p.buf[:p.n]) == bom {
			p.first, p.n = false, 0
		}
	}
	return nil
}

// begin acts on a field whose name is known.
func (p *Parser) begin() {
	switch string(p.buf[:p.n]) {
	case "data":
		p.field = data
		p.beginData()
	case "event":
		p.field = event
	case "":
		p.field = comment
	default:
		p.field = other
	}
	p.n = 0
}

func (p *Parser) beginData() {
	if p.data {
		p.h.Data(p.lf[:])
	}
	p.data = true
}

func (p *Parser) endLine() {
	switch p.state {
	case lineStart:
		if p.data {
			p.h.End()
		}
		p.data = false
	case inField:
		if p.n > 0 { // not a mere byte order mark
			p.begin()
			p.endField()
		} else if p.data {
			p.h.End()
			p.data = false
		}
	case afterColon, inValue:
		p.endField()
	case lost:
		if !p.blank {
			p.blank = true
			return
		}
	}
	p.state, p.first = lineStart, false
}

func (p *Parser) endField() {
	switch p.field {
	case event:
		p.h.Name(p.buf[:p.n])
	case comment:
		p.h.Comment()
	}
}

// Gap says that some bytes of the stream were not seen. The stream is read on
// at the first event that begins for certain: after the next empty line.
func (p *Parser) Gap() {
	if p.state != lost {
		p.h.Lost()
	}
	p.state, p.cr, p.blank, p.data, p.first = lost, false, false, false, false
}

// EOF says that the stream is over. It reports whether an event with data was
// left without the empty line that completes it: a browser discards it, and
// End was not called for it.
func (p *Parser) EOF() (pending bool) {
	pending = p.data
	p.state, p.data, p.cr = lineStart, false, false
	return pending
}
