// SPDX-License-Identifier: Apache-2.0

package llm

import (
	"github.com/modeltap/modeltap/observer/event"
	"github.com/modeltap/modeltap/observer/tokens"
)

// inputParts are the parts of the input that an API states apart, each one more
// than stated, 0 for nothing. A later event may repeat some of them alone.
type inputParts struct{ uncached, cached, created int64 }

// commitCounts takes the counts and marks of a whole document.
func (e *Exchange) commitCounts() {
	d := &e.doc
	e.failed = e.failed || d.failed
	e.final = e.final || d.final
	e.recognised = e.recognised || d.usage || e.responseModel.n > 0
	if !d.usage && d.cached < 0 && d.uncached < 0 && d.created < 0 && d.thought < 0 {
		return // as nearly all events
	}
	e.readTotals(d)
	switch {
	case e.body == bodyJSON && d.timed && len(d.parts) > 1:
		d.out, d.thought = -1, -1 // llama.cpp's server states those of the first choice
	case e.ofOne():
		e.sumUp(d)
	}
	e.account.Usage(d.in, d.out, d.thought, d.cached)
}

// readTotals makes of what d states what is meant by input and output.
func (e *Exchange) readTotals(d *document) {
	for _, p := range [...]struct {
		part   *int64
		stated int64
	}{{&e.apart.uncached, d.uncached}, {&e.apart.cached, d.cached}, {&e.apart.created, d.created}} {
		if p.stated > 0 || p.stated == 0 && *p.part == 0 {
			*p.part = min(p.stated, maxCount) + 1
		}
	}
	if e.apart.uncached > 0 && (d.uncached >= 0 || d.cached >= 0 || d.created >= 0) {
		d.in = e.apart.uncached - 1 + max(e.apart.cached-1, 0) + max(e.apart.created-1, 0)
	}
	switch {
	case e.dialect.NoOutput && d.in <= 0 && d.out <= 0 && d.total > 0:
		d.in = d.total
	case d.thought > 0 && d.out >= 0 && (d.thought > d.out || d.in >= 0 && d.total == d.in+d.out+d.thought):
		d.out += d.thought // xAI's API counts the reasoning beside the output
	}
}

// ofOne tells whether the counts of the present document are those of one
// choice.
func (e *Exchange) ofOne() bool {
	return e.dialect.PerChoice || e.doc.each || e.doc.timed && e.body != bodyJSON
}

// sumUp makes what d states of one choice what is stated of all. The input of
// several answers to one prompt is one input.
func (e *Exchange) sumUp(d *document) {
	stated := [event.TokenTypes]*int64{event.Input: &d.in, event.Output: &d.out, event.Reasoning: &d.thought, event.Cached: &d.cached}
	if e.body != bodyJSON {
		c := e.choice(e.stating(d))
		d.stating = e.stated
		if c.counts == [event.TokenTypes]int64{} {
			e.stated++
			d.stating++
		}
		for t, n := range stated {
			if *n >= 0 {
				e.sums[t] += min(*n, maxCount) - c.counts[t]
				c.counts[t] = min(*n, maxCount)
				*n = e.sums[t]
			}
		}
	}
	if share := min(e.samples, d.stating); share > 1 {
		for _, n := range [...]*int64{&d.in, &d.cached} {
			if *n > 0 {
				*n /= share
			}
		}
	}
}

// stating returns the choice of which d states the counts: the one in it, else
// the one that finished last.
func (e *Exchange) stating(d *document) int32 {
	switch {
	case len(d.parts) > 0:
		return d.parts[len(d.parts)-1].index
	case d.timed:
		return e.finishedLast
	}
	return d.now.index
}

// commitAnswer takes the counts of an answer in one document.
func (e *Exchange) commitAnswer() {
	if e.doc.unfinished || e.doc.failed {
		e.account.Meter = e.doc.before
	}
	e.commitCounts()
	if e.doc.now.finished {
		e.part()
	}
	for i := range e.doc.parts {
		p := &e.doc.parts[i]
		e.choice(p.index)
		if p.ids > 0 && !e.echo {
			e.account.Exact(int64(p.ids))
		}
		if p.finished {
			e.finished(p)
		}
	}
	e.doc.reset()
}

// expectEcho says how much of the answer's text will be its prompts again.
func (e *Exchange) expectEcho() {
	if e.echo {
		e.account.Echo = (e.input.Size() + tokens.SizeOf(e.inputIDs)) * tokens.Size(max(e.samples, 1))
	}
}

func (e *Exchange) estimateInput() event.Count {
	text := float64(e.messages*promptOverhead) + e.input.Estimate()
	switch {
	case text > 0:
		return event.Count{N: int64(float64(e.inputIDs) + text + 0.5), Source: event.Estimated, Known: true}
	case e.inputIDs > 0:
		return event.Count{N: e.inputIDs, Source: event.Exact, Known: true}
	}
	return event.Count{}
}
