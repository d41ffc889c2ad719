// SPDX-License-Identifier: Apache-2.0

// Package ndjson splits a stream of documents, each on a line of its own, that
// arrives in pieces, cut anywhere. It holds nothing of a line.
package ndjson

import "bytes"

// Handler is told what a Parser finds. The slices are valid during the call
// only and are not to be changed.
type Handler interface {
	// Data hands over a piece of the current line, without its end; never
	// empty. White space before a document is left out, and so is a line that
	// has nothing else.
	Data(p []byte)
	// End says that the current line is complete.
	End()
	// Lost says that a gap cut the current line, if any: what was handed over
	// since the last End is void. What comes next is a new line.
	Lost()
}

// Parser splits one stream. The zero Parser must be Reset before use.
type Parser struct {
	h     Handler
	sep   byte
	state state
	cr    [1]byte
	held  bool // a CR that ends the line, or belongs to it
}

type state uint8

const (
	lineStart state = iota
	inLine
	lost // between a gap and the next separator
)

// Reset makes p ready for a new stream of documents that end in sep: '\n', also
// with a CR before it, or 0 as in FastChat's workers.
func (p *Parser) Reset(h Handler, sep byte) {
	*p = Parser{h: h, sep: sep, cr: [1]byte{'\r'}}
}

// Write reads the next piece of the stream.
func (p *Parser) Write(b []byte) {
	for len(b) > 0 {
		end := bytes.IndexByte(b, p.sep)
		if end < 0 {
			p.line(b)
			return
		}
		p.line(b[:end])
		p.endLine()
		b = b[end+1:]
	}
}

// line reads a piece of a line, without its separator.
func (p *Parser) line(b []byte) {
	if p.state == lineStart {
		b = bytes.TrimLeft(b, " \t\r\n")
		if len(b) > 0 {
			p.state = inLine
		}
	}
	if p.state != inLine || len(b) == 0 {
		return
	}
	if p.held {
		p.held = false
		p.h.Data(p.cr[:])
	}
	if n := len(b) - 1; b[n] == '\r' {
		p.held = true
		b = b[:n]
	}
	if len(b) > 0 {
		p.h.Data(b)
	}
}

func (p *Parser) endLine() {
	if p.state == inLine {
		p.h.End()
	}
	p.state, p.held = lineStart, false
}

// Gap says that some bytes of the stream were not seen. The stream is read on
// behind the next separator.
func (p *Parser) Gap() {
	if p.state != lost {
		p.h.Lost()
	}
	p.state, p.held = lost, false
}

// EOF says that the stream is over, which completes a last line without a
// separator.
func (p *Parser) EOF() { p.endLine() }
