// SPDX-License-Identifier: Apache-2.0

package llm

import (
	"github.com/modeltap/modeltap/observer/event"
	"github.com/modeltap/modeltap/observer/jsonscan"
	"github.com/modeltap/modeltap/observer/sse"
)

// Feed reads a stream by which Gradio tells of the events in its queue, and
// hands what each yields to its exchange.
type Feed struct {
	// Find returns the exchange of an event, nil for none.
	Find func(id []byte) *Exchange
	// Finish ends an exchange at time t.
	Finish func(e *Exchange, t int64)
	// Broken ends all exchanges of the stream at time t: they failed.
	Broken func(t int64)

	shard   *Shard
	only    *Exchange // of a stream of one event; nil of others
	named   bool      // the kind of a message is its event's name
	sse     sse.Parser
	scanner *jsonscan.Scanner
	mark    event.Mark
	update
}

// update is one message of a Feed.
type update struct {
	ex     *Exchange
	kind   messageKind
	size   int64
	failed bool
	output
}

// messageKind is what a message says of its event.
type messageKind uint8

const (
	nothing    messageKind = iota // estimation, heartbeat, progress, log...
	generating                    // another output
	completed                     // the end, with the output again
	broken                        // the queue itself failed
)

// Open begins a stream. Of a stream of one event, only is its exchange; named
// says that its messages say by name what they are.
func (f *Feed) Open(s *Shard, only *Exchange, named bool) {
	f.shard, f.only, f.named = s, only, named
	f.sse.Reset((*feedFrames)(f))
}

// Write takes the next bytes of the stream.
func (f *Feed) Write(m event.Mark, p []byte) {
	f.mark = m
	f.sse.Write(p)
}

// Gap takes note of a loss.
func (f *Feed) Gap(m event.Mark) {
	f.mark = m
	f.sse.Gap()
}

// Close ends the stream. A last message without its blank line counts if the
// stream was complete.
func (f *Feed) Close(complete bool) {
	if complete && f.sse.EOF() {
		(*feedFrames)(f).End()
	}
	f.void()
}

// Missed notes that messages of e may have been lost.
func (e *Exchange) Missed() {
	e.hole = true
	for i := range e.choices {
		e.choices[i].last = 0
	}
}

// Forget drops the exchange of a stream of one event, which has ended.
func (f *Feed) Forget(e *Exchange) {
	if f.only == e {
		f.only = nil
	}
	if f.ex == e {
		f.ex = nil
	}
}

// feedFrames implements sse.Handler.
type feedFrames Feed

func (f *feedFrames) Data(p []byte) {
	f.size += int64(len(p))
	if f.scanner == nil {
		if f.size > int64(len(p)) {
			return // what was wrong with it has been counted
		}
		f.scanner = f.shard.scanner()
		schema := gradioMessage
		if f.named {
			schema = gradioOutput
		}
		f.scanner.Reset(schema, (*feedFields)(f))
		if f.only != nil {
			(*Feed)(f).address(f.only)
		}
	}
	if f.scanner.Write(p) != nil {
		f.shard.Tally.ParseErrors[event.ProtoJSON][event.ReasonMalformed]++
		(*Feed)(f).void()
		f.size = 1
	}
}

func (f *feedFrames) Name(p []byte) {
	if !f.named {
		return
	}
	switch string(p) {
	case "generating":
		f.kind = generating
	case "complete":
		f.kind = completed
	case "error":
		f.kind, f.failed = completed, true
	default:
		f.kind = nothing
	}
}

func (f *feedFrames) Comment() {}

func (f *feedFrames) Lost() { (*Feed)(f).void() }

func (f *feedFrames) End() {
	if f.scanner == nil {
		(*Feed)(f).void()
		return
	}
	if f.scanner.End() != nil {
		f.shard.Tally.ParseErrors[event.ProtoJSON][event.ReasonMalformed]++
		(*Feed)(f).void()
		return
	}
	f.shard.giveBack(f.scanner)
	f.scanner = nil
	(*Feed)(f).commit()
	f.update = update{}
}

// address says whose message the present one is.
func (f *Feed) address(e *Exchange) {
	if f.ex != nil || e == nil {
		return
	}
	f.ex = e
	e.keepText()
	e.doc.before = e.account.Meter
	if e.repeats.pos > 0 {
		e.repeats.begin()
	}
}

// void forgets the present message and takes its text back.
func (f *Feed) void() {
	if f.scanner != nil {
		f.shard.giveBack(f.scanner)
		f.scanner = nil
	}
	if f.ex != nil {
		f.ex.account.Meter = f.ex.doc.before
	}
	f.update = update{}
}

// commit takes the present message, which is whole.
func (f *Feed) commit() {
	e := f.ex
	switch {
	case f.kind == broken && e == nil:
		f.Broken(f.mark.Time)
		return
	case e == nil:
		if f.kind != nothing {
			f.shard.Tally.Unpaired[event.UnpairedEvent]++
		}
		return
	}
	e.at(f.mark)
	e.rec.ResponseBytes += f.size
	if f.kind == nothing {
		e.account.Meter = e.doc.before
		return
	}
	e.recognised = true
	e.rec.End = e.mark.Time
	switch {
	case f.failed, f.kind == broken:
		e.account.Meter = e.doc.before
		e.failed = true
		f.Finish(e, e.mark.Time)
	case f.kind == completed:
		if e.doc.before.Bytes() > 0 {
			e.account.Meter = e.doc.before // it has been there before
		}
		f.Finish(e, e.mark.Time)
	default:
		e.body = bodySSE
		e.firstChunk()
		if f.news(e) {
			e.content(0, e.account.Event(e.size()), true)
		}
	}
}

// news tells whether the message had text that was not there before.
func (f *Feed) news(e *Exchange) bool {
	if f.edits || e.repeats.pos == 0 {
		return e.account.Bytes() > e.doc.before.Bytes()
	}
	return e.repeats.end(0, false)
}
