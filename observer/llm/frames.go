// SPDX-License-Identifier: Apache-2.0

package llm

import (
	"bytes"

	"github.com/modeltap/modeltap/observer/jsonscan"
)

// doneMark is the data of the event that ends OpenAI's streams.
const doneMark = "[DONE]"

// frames implements sse.Handler and ndjson.Handler for streams whose events
// are the content events.
type frames Exchange

// Data takes a piece of an event's data.
func (f *frames) Data(p []byte) { (*Exchange)(f).eventData(p) }

// End commits the event: its last byte is in.
func (f *frames) End() {
	e := (*Exchange)(f)
	if e.rec.Status >= 400 {
		e.restart()
		return
	}
	e.endEvent()
}

// Lost voids what was handed over of the present event.
func (f *frames) Lost() { (*Exchange)(f).restart() }

// Name takes the event field of the present event.
func (f *frames) Name(p []byte) {
	if string(p) != "error" {
		return
	}
	if !f.doc.open {
		(*Exchange)(f).openDocument()
	}
	f.doc.named = true
}

// Comment is a keep-alive ping: nothing.
func (f *frames) Comment() {}

// lines implements ndjson.Handler for bodies whose content events are the
// HTTP chunks: the lines give text and counts, the chunks give the times.
type lines Exchange

func (l *lines) Data(p []byte) { (*Exchange)(l).eventData(p) }

// End ends a line, and the document with it unless that goes on: one document
// may be spread over many lines.
func (l *lines) End() {
	e := (*Exchange)(l)
	if e.scanner != nil && !e.scanner.Done() && e.scanner.Write(newline) == nil {
		return
	}
	if e.closeDocument() {
		e.commitCounts()
	}
	e.restart()
}

// Lost voids what was handed over of the present document.
func (l *lines) Lost() { (*Exchange)(l).restart() }

var newline = []byte{'\n'}

func (e *Exchange) openDocument() {
	e.doc.reset()
	e.doc.open = true
	e.keepText()
	e.doc.before = e.account.Meter
	if e.repeats.pos > 0 {
		e.repeats.begin()
	}
	if e.dialect.Generic {
		e.doc.plain = e.account.Fork()
	}
}

// eventData begins or continues the document of the present event.
func (e *Exchange) eventData(p []byte) {
	d := &e.doc
	if !d.open {
		e.openDocument()
	}
	if e.dialect.Generic {
		d.plain.Write(p)
	}
	if d.first == 0 {
		if p = start(p); len(p) == 0 {
			return
		}
		d.first = first(p)
		if d.first == '{' || e.dialect.Generic && (d.first == '"' || d.first == '[') {
			e.scanner = e.shard.scanner()
			e.scanner.Reset(e.dialect.Event, (*fields)(e))
		}
	}
	if e.scanner != nil {
		// What is wrong with it shows when the document is closed.
		_ = e.scanner.Write(p)
	}
	if d.first == doneMark[0] {
		d.maybeDone(p)
	}
}

// maybeDone takes data that may be the mark that ends OpenAI's streams.
func (d *document) maybeDone(p []byte) {
	n := copy(d.mark[d.marked:], p)
	d.marked += n
	d.past = d.past || len(bytes.TrimRight(p[n:], " \t\r\n")) > 0
}

func (d *document) done() bool {
	return d.marked == len(doneMark) && !d.past && string(d.mark[:]) == doneMark
}

// closeDocument ends the present document and tells whether it counts. One
// that does not leaves nothing behind.
func (e *Exchange) closeDocument() bool {
	d := &e.doc
	if !d.open || d.first == 0 && !e.dialect.Generic {
		return false
	}
	if d.done() {
		e.final = true
		e.dropScanner()
		return false
	}
	err := jsonscan.ErrSyntax
	if e.scanner != nil {
		err = e.scanner.End()
		e.dropScanner()
	}
	switch {
	case err == nil:
		if e.dialect.Content != nil && !d.content {
			e.account.Meter = d.before
			d.now.text = false
		}
		if d.failed {
			e.account.Meter = d.before // an error's text is no output
			d.now.text = false
			return true
		}
		if e.repeats.pos > 0 {
			e.settleText()
		}
		return true
	case e.dialect.Generic && err != jsonscan.ErrDepth && (e.body == bodySSE || e.body == bodyUntyped):
		// A hand-written service may send the bare text, "{" included.
		e.account.Meter = d.plain.Join()
		d.now = part{text: d.plain.Bytes() > d.before.Bytes()}
		d.forget()
		return true
	}
	e.account.Meter = d.before
	e.badJSON(err)
	return false
}

// endEvent commits the present event of a stream.
func (e *Exchange) endEvent() {
	counts := e.closeDocument()
	e.failed = e.failed || e.doc.named
	if e.final && !counts || e.doc.nothing {
		e.restart()
		return
	}
	e.firstChunk()
	if counts {
		e.commitEvent()
	}
	e.restart()
}

// restart forgets the present document, and its text if it was not closed.
func (e *Exchange) restart() {
	if e.scanner != nil {
		e.account.Meter = e.doc.before
		e.dropScanner()
	}
	e.doc.open, e.doc.named = false, false
}
