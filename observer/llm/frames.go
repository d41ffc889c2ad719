// SPDX-License-Identifier: Apache-2.0

package llm

import "github.com/modeltap/modeltap/observer/event"

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
	f.doc.failed = true
}

// Comment is a keep-alive ping: nothing.
func (f *frames) Comment() {}

// lines implements ndjson.Handler for bodies whose content events are the
// HTTP chunks: the lines give text and counts, the chunks give the times.
type lines Exchange

func (l *lines) Data(p []byte) { (*Exchange)(l).eventData(p) }

func (l *lines) End() {
	e := (*Exchange)(l)
	if e.closeDocument() {
		e.commitCounts()
	}
	e.restart()
}

func (l *lines) Lost() { (*Exchange)(l).restart() }

func (e *Exchange) openDocument() {
	e.doc.reset()
	e.doc.open = true
	if e.dialect.Content != nil {
		e.doc.before = e.account.Meter
	}
}

// eventData begins or continues the document of the present event.
func (e *Exchange) eventData(p []byte) {
	d := &e.doc
	if !d.open {
		e.openDocument()
	}
	if e.scanner != nil {
		e.scan(p)
		return
	}
	if d.raw {
		e.rawData(p)
		return
	}
	if d.firstLen == 0 && startsObject(p) {
		e.scanner = e.shard.scanner()
		e.scanner.Reset(e.dialect.Event, (*fields)(e))
		e.scan(p)
		return
	}
	n := copy(d.first[d.firstLen:], p)
	d.firstLen += n
	if !e.maybeDone() {
		d.raw = true
		e.rawData(d.first[:d.firstLen])
		e.rawData(p[n:])
	}
}

// maybeDone tells whether the data so far can still be the [DONE] mark.
func (e *Exchange) maybeDone() bool {
	d := &e.doc
	return string(d.first[:d.firstLen]) == doneMark[:d.firstLen]
}

func startsObject(p []byte) bool {
	for _, c := range p {
		if c != ' ' && c != '\t' && c != '\n' {
			return c == '{'
		}
	}
	return false
}

func (e *Exchange) scan(p []byte) {
	if e.doc.raw {
		return
	}
	if err := e.scanner.Write(p); err != nil {
		e.badJSON(err)
		e.dropScanner()
		e.doc.raw = true
		e.doc.now.text = false
	}
}

// rawData is event data that is no JSON object. For a hand-written service it
// is the text itself; in a published API it is an error of its own.
func (e *Exchange) rawData(p []byte) {
	if len(p) == 0 || !e.dialect.Generic {
		return
	}
	e.doc.now.text = true
	e.account.Text(p)
}

// closeDocument ends the present document and tells whether it counts.
func (e *Exchange) closeDocument() bool {
	d := &e.doc
	if e.scanner != nil {
		err := e.scanner.End()
		e.dropScanner()
		if err != nil {
			e.badJSON(err)
			return false
		}
		if e.dialect.Content != nil && !d.content {
			e.account.Meter = d.before
			d.now.text = false
		}
		return true
	}
	if d.firstLen == len(doneMark) && e.maybeDone() {
		e.final = true
		return false
	}
	if d.raw && !e.dialect.Generic {
		e.shard.Tally.ParseErrors[event.ProtoJSON][event.ReasonMalformed]++
		return false
	}
	return d.open
}

// endEvent commits the present event of a stream.
func (e *Exchange) endEvent() {
	counts := e.closeDocument()
	if e.final && !counts {
		e.restart()
		return
	}
	e.firstChunk()
	if counts {
		e.commitEvent()
	}
	e.restart()
}

// restart forgets the present document.
func (e *Exchange) restart() {
	e.dropScanner()
	e.doc.open = false
	e.doc.firstLen = 0
	e.doc.raw = false
}
