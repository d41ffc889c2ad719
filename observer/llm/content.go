// SPDX-License-Identifier: Apache-2.0

package llm

import (
	"github.com/modeltap/modeltap/observer/budget"
	"github.com/modeltap/modeltap/observer/event"
	"github.com/modeltap/modeltap/observer/tokens"
)

// choice is the clock of one choice of a stream.
type choice struct {
	last     int64                   // time of its last content event, 0 before the first
	stated   int64                   // output tokens that the server had stated by then
	counts   [event.TokenTypes]int64 // what it has stated of this choice, see sumUp
	echoed   int64                   // bytes of the prompt that it has repeated
	limited  bool                    // that event was held up on its way
	began    bool                    // it has had content
	gap      int64                   // before that event, as it was observed
	held     int                     // tokens by which that was divided, 0 for not observed
	shown    uint64                  // snapshots by then
	finished bool
}

// choice returns the clock of choice i. Without room for another it returns one
// that has never begun, of which no gap is measured.
func (e *Exchange) choice(i int32) *choice {
	for len(e.choices) <= int(i) {
		full := len(e.choices) == cap(e.choices)
		if full && !e.growing(cap(e.choices), choiceSize) {
			e.shard.nowhere = choice{}
			return &e.shard.nowhere
		}
		e.choices = append(e.choices, choice{})
		if full {
			e.charge()
		}
	}
	return &e.choices[i]
}

// part notes d.now as a part of the document. Without room for another it is
// left out, as one beyond maxChoices.
func (e *Exchange) part() {
	d := &e.doc
	full := len(d.parts) == cap(d.parts)
	if full && !e.growing(cap(d.parts), partSize) {
		return
	}
	d.parts = append(d.parts, d.now)
	if full {
		e.charge()
	}
}

// growing says whether an array of n elements may grow.
func (e *Exchange) growing(n, size int) bool {
	if n == 0 {
		return true
	}
	if !e.shard.Budget.Take(n*size, budget.Running) {
		e.shard.Tally.Evictions[event.EvictBuffer]++
		return false
	}
	e.shard.Budget.Give(n*size, budget.Running)
	return true
}

// charge charges what the arrays have grown by.
func (e *Exchange) charge() {
	if n := e.arrays(); n != e.extent {
		e.shard.Budget.Force(n-e.extent, budget.Running)
		e.extent = n
	}
}

// arrays returns the bytes of the arrays of e.
func (e *Exchange) arrays() int {
	return cap(e.choices)*choiceSize + cap(e.doc.parts)*partSize
}

func (e *Exchange) firstChunk() {
	if e.rec.FirstChunk == 0 {
		e.rec.FirstChunk = e.mark.Time
	}
}

// commitEvent takes a whole event of a stream into the account.
func (e *Exchange) commitEvent() {
	d := &e.doc
	e.commitCounts()
	if len(d.parts) == 0 {
		e.part()
	}
	for i := range d.parts {
		p := &d.parts[i]
		n := int64(p.ids)
		if len(d.parts) == 1 {
			p.end = e.size()
		}
		if e.echo && p.text {
			// Token ids and log probabilities are of the prompt, too.
			n, p.text = 0, len(d.parts) > 1 || !e.echoes(p)
		}
		if n > 0 {
			e.account.Exact(n)
		}
		switch {
		case !p.text && !(e.dialect.IDs && n > 0):
			e.withheld += n
		case n > 0:
			e.textEvent(p, n+e.withheld)
			e.withheld = 0
		case len(d.parts) == 1:
			e.textEvent(p, e.grown(p.index))
		default:
			e.textEvent(p, 0)
		}
		if p.finished {
			e.finished(p)
		}
	}
}

// echoes tells whether the text of the present event, all of one choice, is but
// the prompt that it repeats.
func (e *Exchange) echoes(p *part) bool {
	c, n := e.choice(p.index), e.account.Bytes()-e.doc.before.Bytes()
	if e.prompts != 1 || c.last != 0 || c.echoed+n > e.input.Bytes() {
		return false
	}
	c.echoed += n
	return true
}

// textEvent is a content event of one choice with n tokens, 0 for not told: the
// text tells.
func (e *Exchange) textEvent(p *part, n int64) {
	tokens := e.account.Event(p.end)
	if n > 0 {
		tokens = float64(n)
	}
	e.content(p.index, tokens, true)
}

// size returns the size of the answer's text so far, by the reading of it that
// stands.
func (e *Exchange) size() tokens.Size {
	if r := &e.repeats; r.reading == undecided && r.streak > 0 {
		return r.fresh.Size()
	}
	return e.account.Size()
}

// grown returns the tokens of an event of one choice if the server states with
// each event how many there are by now (continuous usage), else 0. vLLM and
// SGLang count each choice by itself.
func (e *Exchange) grown(index int32) int64 {
	if !e.doc.usage {
		return 0
	}
	c, stated := e.choice(index), e.account.Stated()
	if e.ofOne() {
		stated = c.counts[event.Output]
	}
	n := stated - c.stated
	if c.last == 0 || c.stated == 0 {
		n = 0 // it may stand for earlier events too
	}
	c.stated = stated
	return max(min(n, maxGrown), 0)
}

// maxGrown bounds the tokens that one event can be stated to hold: those that
// were withheld before it included, no engine makes more between two events.
const maxGrown = 1 << 12

// content is one content event of a choice, with that many tokens, at least one
// for its place in time. Without text that could be counted it has its place in
// time only.
func (e *Exchange) content(index int32, tokens float64, text bool) {
	now := e.mark.Time
	s := e.bind(now)
	e.pieces++
	c := e.choice(index)
	if e.rec.FirstToken == 0 {
		e.rec.FirstToken = now
	}
	e.rec.LastToken = now
	limited := e.mark.Limited
	if limited {
		e.rec.Backpressure = true
	}
	switch {
	case c.last == 0:
		c.held = 0
	case limited || c.limited:
		e.shard.Tally.Backpressure++
		c.held = 0
	case now == c.last:
		e.join(c, tokens)
	default:
		c.gap, c.held, c.shown = now-c.last, e.whole(tokens), e.shard.shown
		s.InterChunk.Observe(c.gap, 1)
		s.InterToken.Observe(c.gap, c.held)
	}
	c.last, c.limited, c.began = now, limited, true
	if text {
		e.live += tokens
		s.Tokens(now, tokens)
	}
}

// join makes an event that came with the last one, in one segment, share the
// gap before both.
func (e *Exchange) join(c *choice, tokens float64) {
	if c.held == 0 || c.shown != e.shard.shown {
		return
	}
	n := c.held + e.whole(tokens)
	e.series.InterToken.Regroup(c.gap, c.held, n)
	c.held = n
}

// whole returns whole tokens, at least one, and carries the rest over.
func (e *Exchange) whole(tokens float64) int {
	e.carry += tokens
	n := max(int(e.carry), 1)
	e.carry = max(e.carry-float64(n), 0)
	return n
}

// over tells whether the answer has come to its end: its last event is there,
// or every choice that has begun has finished.
func (e *Exchange) over() bool {
	if e.final {
		return true
	}
	some := false
	for i := range e.choices {
		c := &e.choices[i]
		if c.last != 0 && !c.finished {
			return false
		}
		some = some || c.finished
	}
	return some
}

func (e *Exchange) finished(p *part) {
	c := e.choice(p.index)
	if c.finished {
		return
	}
	c.finished = true
	e.finishedLast = p.index
	if n := &e.rec.Finish[p.finish]; *n < 255 {
		*n++
	}
}

// finishOf normalises a finish reason; false when b is none.
func finishOf(b []byte) (event.Finish, bool) {
	switch string(b) {
	case "", "in_progress", "queued", "incomplete", "not_finished", "none":
		return 0, false
	case "stop", "end_turn", "eos_token", "stop_sequence", "eos", "word", "completed":
		return event.FinishStop, true
	case "length", "max_tokens", "max_output_tokens", "limit":
		return event.FinishLength, true
	case "tool_calls", "tool_use", "function_call":
		return event.FinishToolCalls, true
	case "content_filter":
		return event.FinishContentFilter, true
	}
	return event.FinishOther, true
}
