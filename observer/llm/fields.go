// SPDX-License-Identifier: Apache-2.0

package llm

import (
	"github.com/modeltap/modeltap/observer/event"
	"github.com/modeltap/modeltap/observer/jsonscan"
	"github.com/modeltap/modeltap/observer/tokens"
)

// maxChoices bounds the choices told apart in one event and in one stream;
// those beyond share the last place.
const maxChoices = 128

// part is what one event says of one choice.
type part struct {
	index    int32
	ids      int32
	reasoned jsonscan.Field // under which name it has reasoning text, 0 for none
	text     bool
	finished bool
	finish   event.Finish
	end      tokens.Size // of the answer's text, behind this
}

// document gathers what one JSON document said, until it is known to be whole.
type document struct {
	open   bool
	first  byte // of its data, white space left out; 0 before that
	mark   [len(doneMark)]byte
	marked int          // bytes in mark
	past   bool         // the data went on behind mark
	named  bool         // the event is called an error
	before tokens.Meter // the output text before this document
	plain  tokens.Meter // the output text if all data of this event is text

	within     bool // a choice
	unfinished bool // the next answer repeats this
	mute       bool // in an output that is no text
	failed     bool
	content    bool // its type carries content
	final      bool
	usage      bool
	now        part // the choice being read, or the whole document
	parts      []part
	in, out    int64 // stated tokens; -1 not stated
	thought    int64
	cached     int64
	uncached   int64
	created    int64
	total      int64
	stating    int64 // choices that state counts
	each       bool  // they are those of one choice
	timed      bool  // they came with llama.cpp's timings
	nothing    bool  // its type is a keep-alive
}

func (d *document) reset() {
	parts := d.parts[:0]
	*d = document{parts: parts, in: -1, out: -1, thought: -1, cached: -1, uncached: -1, created: -1, total: -1}
}

// forget drops what a document said that turned out to be none.
func (d *document) forget() {
	d.failed, d.final, d.usage, d.each, d.timed = false, false, false, false, false
	d.parts = d.parts[:0]
	d.in, d.out, d.thought, d.cached, d.uncached, d.created, d.total = -1, -1, -1, -1, -1, -1, -1
}

// fields implements jsonscan.Handler for answers and events.
type fields Exchange

func (f *fields) Text(id jsonscan.Field, piece []byte) {
	if len(piece) == 0 || f.doc.mute {
		return
	}
	switch id {
	case fieldReasoning, fieldReasoning2, fieldReasoning3:
		if by := f.doc.now.reasoned; by != 0 && by != id {
			return
		}
		f.doc.now.reasoned = id
		f.account.Reasoned = true
	case fieldTool:
		f.account.Tools = true
	}
	f.doc.now.text = true
	if f.doc.within {
		f.account.Text(piece)
		return
	}
	(*Exchange)(f).text(piece)
}

func (f *fields) TextEnd(jsonscan.Field) {}

func (f *fields) Value(id jsonscan.Field, v *jsonscan.Value) {
	d := &f.doc
	switch id {
	case fieldModel:
		if f.responseModel.n == 0 {
			f.responseModel.set(v.Str)
			(*Exchange)(f).keepText()
		}
	case fieldIndex:
		d.now.index = int32(min(max(v.Int, 0), maxChoices-1))
	case fieldTokenID:
		d.now.ids = max(d.now.ids, int32(min(v.Int, 1<<20)))
	case fieldFinish:
		if c := f.dialect.Loaded; c != nil && c(v.Str) {
			f.loaded = true
		}
		d.failed = d.failed || string(v.Str) == "error"
		if r, ok := finishOf(v.Str); ok {
			d.now.finish, d.now.finished = r, true
		}
	case fieldInput:
		f.state(&d.in, v.Int)
		d.usage = true
	case fieldOutput:
		f.state(&d.out, v.Int)
		d.usage = true
	case fieldThought:
		f.state(&d.thought, v.Int)
	case fieldCached:
		f.state(&d.cached, v.Int)
	case fieldTotal:
		f.state(&d.total, v.Int)
		d.usage = true
	case fieldUncached:
		d.uncached = v.Int
	case fieldCreated:
		d.created = v.Int
	case fieldDone:
		d.final = d.final || v.Type == jsonscan.TypeTrue
	case fieldError:
		// A number is a measure in a hand-written service, or a code of 0.
		d.failed = d.failed || v.Type == jsonscan.TypeTrue || v.Type == jsonscan.TypeString && len(v.Str) > 0
	case fieldErrorCode:
		d.failed = d.failed || v.Int != 0
	case fieldEventID:
		if f.dialect.Queued {
			if f.ticket == nil {
				f.ticket = new(ticket)
			}
			f.ticket.ne = put(&f.ticket.event, v)
		}
	case fieldUnfinished:
		d.unfinished = v.Type == jsonscan.TypeTrue
	case fieldEnd:
		d.final = d.final || v.Type != jsonscan.TypeNull
	case fieldTensorName:
		d.mute = !textTensor(v.Str)
	case fieldEventType:
		(*Exchange)(f).eventType(v.Str)
	}
}

// state takes a count. One inside a choice is of that alone.
func (f *fields) state(total *int64, n int64) {
	d := &f.doc
	if n = min(n, maxCount); d.within && *total > 0 {
		n += *total
	}
	if d.within && total == &d.in {
		d.stating++
	}
	d.each = d.each || d.within
	*total = n
}

// maxCount bounds a count of one choice, so that sums of it stay numbers.
const maxCount = 1 << 40

func (f *fields) Enter(id jsonscan.Field) {
	switch id {
	case fieldChoice:
		f.doc.now, f.doc.within = part{}, true
	case fieldToken:
		f.doc.now.ids, f.recognised = 1, true
	case fieldTensor:
		f.doc.mute = true // until its name says otherwise
	case fieldMetaInfo:
		if d := f.dialect.Told; d != nil {
			(*Exchange)(f).become(d)
		}
	case fieldTimings:
		f.doc.timed = true
	case fieldError:
		f.doc.failed = true
	}
}

func (f *fields) Leave(id jsonscan.Field) {
	d := &f.doc
	if id != fieldChoice {
		d.mute = d.mute && id != fieldTensor
		return
	}
	d.now.end = f.account.Size()
	if len(d.parts) < maxChoices {
		(*Exchange)(f).part()
	}
	d.now, d.within = part{}, false
	f.recognised = true
}

func (e *Exchange) eventType(t []byte) {
	d := &e.doc
	if c := e.dialect.Content; c != nil {
		d.content = c(t)
	}
	if c := e.dialect.Reasoned; c != nil && c(t) {
		e.account.Reasoned = true
	}
	if c := e.dialect.Called; c != nil && c(t) {
		e.account.Tools = true
	}
	if c := e.dialect.Nothing; c != nil && c(t) {
		d.nothing = true
	}
	if c := e.dialect.Final; c != nil && c(t) {
		d.final = true
	}
	if c := e.dialect.Failed; c != nil && c(t) {
		d.failed = true
	}
}

// requestFields implements jsonscan.Handler for request bodies.
type requestFields Exchange

func (f *requestFields) Text(id jsonscan.Field, piece []byte) {
	f.asked |= 1 << id
	f.input.Write(piece)
}

func (f *requestFields) TextEnd(id jsonscan.Field) {
	if id == fieldPrompt {
		f.prompts++
	}
}

func (f *requestFields) Value(id jsonscan.Field, v *jsonscan.Value) {
	f.asked |= 1 << id
	switch id {
	case fieldModel:
		f.requestModel.set(v.Str)
	case fieldPromptID:
		f.inputIDs += max(v.Int-int64(f.prompts), 0) // texts stand in such lists, too
	case fieldSamples:
		f.samples = min(v.Int, maxChoices)
	case fieldEcho:
		f.echo = v.Type == jsonscan.TypeTrue
	case fieldSession:
		if f.ticket == nil {
			f.ticket = new(ticket)
		}
		f.ticket.ns = put(&f.ticket.session, v)
	}
}

func (f *requestFields) Enter(id jsonscan.Field) {
	f.asked |= 1 << id
	if id == fieldMessage {
		f.messages++
	}
}

func (f *requestFields) Leave(jsonscan.Field) {}

// start returns p without what may stand before a document: white space, the
// record separator of application/json-seq (RFC 7464 section 2.2), and a byte
// order mark, whole or a part of it (RFC 8259 section 8.1).
func start(p []byte) []byte {
	for i, c := range p {
		switch c {
		case ' ', '\t', '\r', '\n', 0x1e, 0xef, 0xbb, 0xbf:
		default:
			return p[i:]
		}
	}
	return nil
}

// first returns the first byte of a document's data, and another that begins no
// document for NUL, which stands for none.
func first(p []byte) byte { return max(p[0], 1) }
