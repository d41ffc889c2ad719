// SPDX-License-Identifier: Apache-2.0

package llm

import (
	"bytes"
	"strings"

	"github.com/modeltap/modeltap/observer/event"
	"github.com/modeltap/modeltap/observer/jsonscan"
)

// bodyKind says how the body of an answer is to be read.
type bodyKind uint8

const (
	bodyOpaque      bodyKind = iota // size only
	bodyJSON                        // one document
	bodySSE                         // text/event-stream
	bodyNDJSON                      // one document for each line
	bodyText                        // text, one event for each HTTP chunk
	bodyMarkup                      // the same with more than text in it
	bodyNUL                         // one document for each NUL
	bodyUntyped                     // the last two or the next, its first HTTP chunk tells
	bodyChunkedJSON                 // JSON lines that a hand-written service calls application/json
)

func (k bodyKind) stream() bool { return k == bodySSE || k == bodyNDJSON || k == bodyNUL }

// byChunk tells whether an HTTP chunk is the content event.
func (k bodyKind) byChunk() bool {
	return k == bodyText || k == bodyMarkup || k == bodyChunkedJSON || k == bodyUntyped
}

// ResponseHead takes the final response head, whose first byte came at t.
// It returns false when the exchange turns out to be no model request.
func (e *Exchange) ResponseHead(t int64, status int, contentType, contentEncoding []byte, chunked bool) bool {
	e.dropScanner()
	if !e.requestDone {
		e.choose()
	}
	e.doc.first = 0
	e.expectEcho()
	e.rec.Headers, e.rec.Status = max(t, e.rec.Start), status
	e.body = kindOf(contentType, chunked, e.dialect.Generic)
	if status < 400 && e.body != bodyJSON {
		f := e.dialect.Form
		switch {
		case e.dialect.Stream != bodyOpaque:
			e.body = e.dialect.Stream
		case f != bodyOpaque && e.body != f, e.chosen && e.body == bodyOpaque:
			e.become(generic)
			e.body = kindOf(contentType, chunked, true)
		}
	}
	if len(contentEncoding) > 0 && !bytes.EqualFold(contentEncoding, []byte("identity")) {
		e.compressed = true
		e.shard.Tally.Unobserved[event.UnobservedCompressed]++
	}
	if e.provisional && e.body.proves(status, chunked) {
		e.provisional = false
	}
	switch e.body {
	case bodySSE:
		e.sse.Reset((*frames)(e))
	case bodyNDJSON:
		e.ndjson.Reset((*frames)(e), '\n')
	case bodyNUL:
		e.ndjson.Reset((*frames)(e), 0)
	case bodyChunkedJSON:
		e.ndjson.Reset((*lines)(e), '\n')
	}
	return !e.provisional
}

// proves tells whether such an answer makes a request without a body one of a
// model: it streams.
func (k bodyKind) proves(status int, chunked bool) bool {
	return status < 400 && (k.stream() || (k == bodyText || k == bodyUntyped) && chunked)
}

// Streams tells whether an answer with this head makes a request to a
// hand-written service that has no body one of a model.
func Streams(status int, contentType []byte, chunked bool) bool {
	return kindOf(contentType, chunked, true).proves(status, chunked)
}

func kindOf(contentType []byte, chunked, generic bool) bodyKind {
	if i := bytes.IndexByte(contentType, ';'); i >= 0 {
		contentType = contentType[:i]
	}
	contentType = bytes.TrimSpace(contentType)
	is := func(s string) bool { return len(contentType) == len(s) && strings.EqualFold(string(contentType), s) }
	switch {
	case is("text/event-stream"):
		return bodySSE
	case is("application/x-ndjson"), is("application/ndjson"), is("application/jsonl"),
		is("application/x-jsonlines"), is("application/jsonlines"), is("application/json-seq"):
		return bodyNDJSON
	case is("application/json"), bytes.HasSuffix(contentType, []byte("+json")):
		if chunked && generic {
			return bodyChunkedJSON
		}
		return bodyJSON
	case generic && is("text/plain"):
		return bodyText
	case generic && len(contentType) == 0:
		if chunked {
			return bodyUntyped
		}
		return bodyText
	case generic && len(contentType) > 5 && bytes.EqualFold(contentType[:5], []byte("text/")):
		return bodyMarkup
	}
	return bodyOpaque
}

// at sets the clock. The two directions have clocks of their own, which may
// disagree by the time between a stamp and its record.
func (e *Exchange) at(m event.Mark) {
	e.mark = m
	e.mark.Time = max(m.Time, e.rec.Headers)
	if m.RTT != 0 {
		e.rec.RTT = m.RTT
	}
}

// ResponseBody takes the next bytes of the answer's body.
func (e *Exchange) ResponseBody(m event.Mark, p []byte) {
	e.at(m)
	e.rec.ResponseBytes += int64(len(p))
	e.rec.End = e.mark.Time
	if e.compressed {
		return
	}
	switch e.body {
	case bodySSE:
		e.sse.Write(p)
	case bodyNDJSON, bodyNUL, bodyChunkedJSON:
		e.ndjson.Write(p)
	case bodyUntyped:
		e.sniff(p)
	case bodyText:
		e.keepText()
		e.account.Text(p)
	case bodyJSON:
		e.answerData(p)
	}
}

// answerData begins or continues an answer in one document.
func (e *Exchange) answerData(p []byte) {
	if e.scanner == nil {
		if e.doc.first != 0 {
			return // no JSON, or what was wrong with it has been counted
		}
		if p = start(p); len(p) == 0 {
			return
		}
		e.openDocument()
		if e.doc.first = first(p); !startsJSON(p[0]) {
			return
		}
		e.scanner = e.shard.scanner()
		e.scanner.Reset(e.dialect.Answer, (*fields)(e))
	}
	if err := e.scanner.Write(p); err != nil {
		e.badJSON(err)
		e.restart()
	}
}

// ResponseMissing counts n bytes of the answer's body that were not captured.
func (e *Exchange) ResponseMissing(m event.Mark, n int) {
	e.at(m)
	e.rec.ResponseBytes += int64(n)
	e.rec.End = e.mark.Time
	e.hole = true
	switch e.body {
	case bodySSE:
		e.sse.Gap()
	case bodyNDJSON, bodyNUL, bodyChunkedJSON:
		e.ndjson.Gap()
	case bodyUntyped:
		e.body = bodyText
	}
	e.restart()
	e.doc.first = ' '
	// Nobody knows how many events were lost between two that were seen.
	for i := range e.choices {
		e.choices[i].last = 0
	}
}

// ChunkEnd says that the data of one HTTP chunk is complete.
func (e *Exchange) ChunkEnd(m event.Mark) {
	if !e.body.byChunk() || e.compressed || e.rec.Status >= 400 {
		return
	}
	e.at(m)
	e.firstChunk()
	if e.body == bodyUntyped {
		e.sniffed()
	}
	text, held := e.account.Bytes() > e.chunkText, 1.0
	e.chunkText = e.account.Bytes()
	if text {
		held = e.account.Event(e.size())
	}
	e.content(0, held, text)
}

// EndBody says that no more of the answer's body will come.
func (e *Exchange) EndBody() {
	if e.compressed || e.ended || e.rec.Headers == 0 {
		return
	}
	e.ended = true
	switch e.body {
	case bodySSE:
		if e.sse.EOF() {
			// A last event without its blank line: some servers leave it out.
			(*frames)(e).End()
		}
	case bodyUntyped:
		e.sniffed()
	case bodyNDJSON, bodyNUL, bodyChunkedJSON:
		e.ndjson.EOF()
		if e.scanner != nil {
			e.badJSON(jsonscan.ErrIncomplete)
		}
		e.restart()
	case bodyJSON:
		if e.scanner == nil {
			return
		}
		if err := e.scanner.End(); err != nil {
			e.badJSON(err)
			e.restart()
			return
		}
		e.dropScanner()
		e.commitAnswer()
	}
}
