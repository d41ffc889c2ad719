// SPDX-License-Identifier: Apache-2.0

package llm

import (
	"github.com/modeltap/modeltap/observer/event"
	"github.com/modeltap/modeltap/observer/tokens"
)

// promptOverhead is what a chat template adds to each message, in tokens
// (OpenAI cookbook, "How to count tokens with tiktoken": 3 to 4).
const promptOverhead = 4

// ResponseEnd ends the exchange at the last byte of its answer, which came at
// t. clientGone says that the client had closed or half-closed before that.
func (e *Exchange) ResponseEnd(t int64, clientGone bool) {
	e.EndBody()
	e.rec.End = max(t, e.rec.Headers)
	switch {
	case e.rec.Status >= 400:
		e.report(event.HTTPError)
	case e.failed:
		e.report(event.StreamError)
	case e.hole && e.streams():
		e.report(event.Incomplete)
	case clientGone && e.cutOff():
		// Some servers write the final chunk to a client that has left.
		e.report(event.ClientAbort)
	default:
		e.report(event.OK)
	}
}

// cutOff tells whether a stream of this API lacks the event that ends it.
func (e *Exchange) cutOff() bool {
	return e.dialect.Marked && e.body.stream() && !e.compressed && !e.over()
}

// Abort ends an exchange whose connection ended before its answer did.
func (e *Exchange) Abort(t int64, o event.Outcome) {
	whole := e.over() && !e.hole && e.rec.Status < 400
	e.ended = true
	e.restart() // what is cut off is not counted
	switch {
	case whole && o == event.ClientAbort:
		// The client had all it wanted and did not wait for the last chunk.
		o = event.OK
		if e.failed {
			o = event.StreamError
		}
	case o != event.Incomplete && e.failed:
		o = event.StreamError
	case o != event.Incomplete && e.hole && e.streams():
		o = event.Incomplete
	}
	if e.rec.End == 0 {
		e.rec.End = max(t, e.rec.Start, e.rec.Headers)
	}
	e.report(o)
}

// Discard forgets the exchange without counting it.
func (e *Exchange) Discard() {
	e.dropScanner()
	e.shard.drop(e)
}

// Status returns the HTTP status, 0 before the response head.
func (e *Exchange) Status() int { return e.rec.Status }

// Recognised tells whether the answer so far is one that a model gives: it is
// the proof for a discovered server.
func (e *Exchange) Recognised() bool {
	return e.recognised && e.rec.Status < 400
}

// Shared tells whether nothing so far says which of the APIs that share its
// route it calls, if any.
func (e *Exchange) Shared() bool { return e.dialect.Choose != nil }

// Provisional tells whether the exchange still has to prove that it is a
// model request.
func (e *Exchange) Provisional() bool { return e.provisional }

func (e *Exchange) report(o event.Outcome) {
	e.dropScanner()
	if e.loaded && e.rec.Status < 400 && e.account.Bytes() == 0 && e.account.Stated() == 0 {
		e.shard.Sink.OtherRequest(e.rec.Server, e.rec.Status)
		e.shard.drop(e)
		return
	}
	r := &e.rec
	r.Outcome = o
	r.Stream = r.Status < 400 && (e.body.stream() || e.pieces > 1)
	if !r.Stream || e.compressed {
		r.FirstChunk, r.FirstToken, r.LastToken = 0, 0, 0
	}
	e.move()
	r.Model = e.bind(r.End).Model
	e.decideText()
	e.weigh()
	if !e.tokenize() {
		e.settle(e.shard.Sink)
	}
	e.shard.drop(e)
}

// move takes the exchange to the series of the model that the answer has named
// since its first token: llama.cpp's server says it in the last event alone.
// The live rate goes with it; the gaps between tokens stay where they were
// counted.
func (e *Exchange) move() {
	if e.series == nil || e.responseModel.n == 0 {
		return
	}
	s := e.shard.Book.Series(e.rec.Server, e.rec.API, e.responseModel.get(), e.rec.End)
	if s == e.series {
		return
	}
	if e.live != 0 {
		e.series.Reconcile(e.rec.FirstToken, e.rec.End, -e.live)
	}
	e.series, e.live = s, 0
}

// Rename gives the exchange to another server label, which was not known when it
// began. It comes before the end. The live rate goes with it.
func (e *Exchange) Rename(server string) {
	if server == e.rec.Server {
		return
	}
	e.rec.Server = server
	old := e.series
	if old == nil {
		return
	}
	e.series = nil
	s := e.bind(e.rec.LastToken)
	if e.live != 0 {
		old.Reconcile(e.rec.FirstToken, e.rec.LastToken, -e.live)
		s.Reconcile(e.rec.FirstToken, e.rec.LastToken, e.live)
	}
}

// weigh completes the account.
func (e *Exchange) weigh() {
	r := &e.rec
	if r.Status >= 400 || e.hole && !e.streams() {
		// What an error says is no output, and half a text is no measure.
		e.account, r.Finish = tokens.Account{}, [event.Finishes]uint8{}
	}
	e.account.Streamed = e.body.stream() || e.pieces > 1
	e.account.Several = len(e.choices) > 1
	for i := range e.choices {
		if e.choices[i].began {
			r.Choices++
		}
	}
	if r.Status < 400 {
		e.prompt = e.estimateInput()
	}
}
