// SPDX-License-Identifier: Apache-2.0

package llm

import (
	"github.com/modeltap/modeltap/observer/budget"
	"github.com/modeltap/modeltap/observer/event"
	"github.com/modeltap/modeltap/observer/jsonscan"
	"github.com/modeltap/modeltap/observer/meter"
	"github.com/modeltap/modeltap/observer/ndjson"
	"github.com/modeltap/modeltap/observer/sse"
	"github.com/modeltap/modeltap/observer/tokens"
)

// Exchange follows one request and its answer. Package stream drives it: the
// Request methods, then the Response methods, and last exactly one of End,
// Abort, Discard. After that the Exchange must not be used.
type Exchange struct {
	shard      *Shard
	prev, next *Exchange

	claim  budget.Claim // that it is charged for
	extent int          // bytes of its arrays, which are charged too

	dialect *Dialect
	ending

	requestModel  name
	responseModel name

	body     bodyKind
	sse      sse.Parser
	ndjson   ndjson.Parser
	scanner  *jsonscan.Scanner // lent while a document is open
	doc      document
	mark     event.Mark
	choices  []choice
	ticket   *ticket // of a request to a queue
	form     *form   // of a request that is one
	repeats  repeats
	input    tokens.Meter
	messages int
	prompts  int // texts of the prompt
	inputIDs int64
	samples  int64                   // answers wanted to each prompt, 0 for not told
	asked    asked                   // what the request has
	sums     [event.TokenTypes]int64 // what was stated of all choices, see PerChoice
	stated   int64                   // choices of which something was
	apart    inputParts
	kept     *tokens.Text // kept for a tokenizer; nil for none

	pieces       int   // content events of a stream
	chunkText    int64 // bytes of text by the end of the last HTTP chunk
	carry        float64
	finishedLast int32 // choice
	withheld     int64 // tokens stated by events that had no text yet
	requestDone  bool
	echo         bool // the answer repeats the prompt
	loaded       bool // a model was loaded or unloaded, and that was all
	provisional  bool // becomes a model request only if it streams
	chosen       bool // by what was asked
	recognised   bool // the answer looked like a model's
	failed       bool // an error document came inside the answer
	final        bool // the event that ends the answer has come
	hole         bool // bytes of the answer were lost
	compressed   bool
	ended        bool // EndBody was called
}

// name is a model name from the wire, cut to what a label can hold.
type name struct {
	n int
	b [128]byte
}

func (n *name) set(p []byte) { n.n = copy(n.b[:], p) }
func (n *name) get() []byte  { return n.b[:n.n] }

// Open begins an exchange whose request head began at start (ns), whatever is
// left of the budget: for one that ends at once. With provisional set it counts
// only if its answer is a stream (a GET on an explicit target).
func (s *Shard) Open(server string, d *Dialect, start int64, provisional bool) *Exchange {
	s.Budget.Force(exchangeSize, budget.Running)
	return s.taken(budget.Running).begin(server, d, start, provisional)
}

// Begin is Open within the budget: it returns nil, and counts that, where claim
// is refused.
func (s *Shard) Begin(claim budget.Claim, server string, d *Dialect, start int64, provisional bool) *Exchange {
	e := s.take(claim)
	if e == nil {
		s.Tally.Evictions[event.EvictExchanges]++
		return nil
	}
	return e.begin(server, d, start, provisional)
}

func (e *Exchange) begin(server string, d *Dialect, start int64, provisional bool) *Exchange {
	e.dialect = d
	e.provisional = provisional
	e.rec = event.Exchange{Server: server, API: d.API, Start: start, SocketWait: -1}
	return e
}

// Trace notes the request's traceparent header.
func (e *Exchange) Trace(p event.Parent) {
	e.rec.TraceID, e.rec.HasTraceID = p.Trace, true
	e.rec.Parent, e.rec.Sampled = p.Span, p.Sampled
}

// RequestBody takes the next bytes of the request body.
func (e *Exchange) RequestBody(p []byte) {
	e.rec.RequestBytes += int64(len(p))
	if e.rec.Headers != 0 {
		return // the answer came early, and what is asked no longer matters
	}
	if e.dialect.Forms && (e.form != nil || e.doc.first == 0 && len(p) > 0 && p[0] == '-') {
		if e.form == nil {
			e.form = new(form)
		}
		e.form.write(p, &e.requestModel)
		return
	}
	if e.doc.first == 0 {
		if p = start(p); len(p) == 0 {
			return
		}
		if e.doc.first = first(p); startsJSON(p[0]) && e.shard.room() {
			e.scanner = e.shard.scanner()
			e.scanner.Reset(e.dialect.Request, (*requestFields)(e))
		}
	}
	if e.scanner != nil {
		if err := e.scanner.Write(p); err != nil {
			e.badJSON(err)
			e.dropScanner()
		}
	}
}

// RequestMissing counts n body bytes that were not captured, on purpose or by
// loss. What the body says is not known after that.
func (e *Exchange) RequestMissing(n int) {
	e.rec.RequestBytes += int64(n)
	if e.rec.Headers != 0 {
		return
	}
	e.doc.first = ' '
	e.dropScanner()
	if e.form != nil {
		e.form.missing()
	}
	e.input = tokens.Meter{}
	e.messages, e.prompts, e.inputIDs = 0, 0, 0
}

// RequestEnd notes that the request was complete at time t.
func (e *Exchange) RequestEnd(t int64) {
	if e.requestDone {
		return
	}
	e.requestDone = true
	e.rec.Complete = t
	if e.rec.Headers == 0 {
		e.dropScanner()
		e.choose()
	}
}

// RequestComplete tells whether the request has been seen to its end.
func (e *Exchange) RequestComplete() bool { return e.requestDone }

// SocketRead notes that at time t the application had read the whole request.
func (e *Exchange) SocketRead(t int64) {
	if e.rec.SocketWait < 0 && e.requestDone {
		e.rec.SocketWait = max(t-e.rec.Complete, 0)
	}
}

func (e *Exchange) state() meter.State {
	switch {
	case e.rec.FirstToken != 0:
		return meter.Streaming
	case e.requestDone || e.rec.Headers != 0:
		return meter.Waiting
	}
	return meter.Receiving
}

func (e *Exchange) stalled(now int64) bool {
	if e.rec.Headers == 0 || e.rec.Status >= 400 || e.compressed || !e.streams() {
		return false
	}
	return now-max(e.rec.Headers, e.rec.LastToken) > e.shard.StallAfter
}

// streams tells whether the answer comes in content events.
func (e *Exchange) streams() bool { return e.body.stream() || e.pieces > 0 }

// model returns the name to be used for the label: the answer's, else the
// request's unless the server refused it.
func (e *Exchange) model() []byte {
	if e.responseModel.n > 0 {
		return e.responseModel.get()
	}
	if e.rec.Status < 400 {
		return e.requestModel.get()
	}
	return nil
}

func (e *Exchange) bind(now int64) *meter.Series {
	switch {
	case e.series != nil:
	case e.rec.Status == 0 && e.responseModel.n == 0:
		// Nobody has accepted the name: a client must not make labels.
		e.series = e.shard.Book.Known(e.rec.Server, e.dialect.API, e.model(), now)
	default:
		e.series = e.shard.Book.Series(e.rec.Server, e.dialect.API, e.model(), now)
	}
	return e.series
}

func (e *Exchange) dropScanner() {
	if e.scanner != nil {
		e.shard.giveBack(e.scanner)
		e.scanner = nil
	}
}

func (e *Exchange) badJSON(err error) {
	r := event.ReasonMalformed
	switch err {
	case jsonscan.ErrDepth:
		r = event.ReasonTooDeep
	case jsonscan.ErrIncomplete:
		r = event.ReasonTruncated
	}
	e.shard.Tally.ParseErrors[event.ProtoJSON][r]++
	e.account.Partial = e.account.Partial || e.rec.Headers != 0
}

func startsJSON(c byte) bool { return c == '{' || c == '[' }
