// SPDX-License-Identifier: Apache-2.0

package llm

import (
	"hash/maphash"

	"github.com/modeltap/modeltap/observer/tokens"
)

const (
	// maxHistories bounds the choices of one stream whose texts are told apart
	// by what they repeat.
	maxHistories = 8
	// sureStreak is how many events in a row have to repeat and lengthen the
	// text before them until it is no chance, and sureText how long that text
	// is, in bytes, when one will do.
	sureStreak = 2
	sureText   = 16
)

// reading says what the text of an event is.
type reading uint8

const (
	undecided  reading = iota
	delta              // what is new
	cumulative         // all there is so far
)

// repeats tells streams of new text from streams in which each event repeats
// the text before it. Of a text it keeps the length and a hash.
type repeats struct {
	reading reading
	streak  int
	seen    [maxHistories]history // the text of each choice's last event
	n       int
	fresh   tokens.Meter // the text read as cumulative, while undecided

	// The present document.
	pos     int64 // bytes of its text
	hash    maphash.Hash
	matched uint8        // which of seen it begins with
	before  tokens.Meter // fresh, before it
	start   int64        // bytes before the last text, read as deltas
}

type history struct {
	index int32
	n     int64
	sum   uint64
}

// begin forgets the document before, which had text.
func (r *repeats) begin() {
	r.hash.Reset()
	r.pos, r.matched, r.fresh = 0, 0, r.before
}

// write adds to m what is new of the next piece of the document's text. before
// is m as it was before the document.
func (r *repeats) write(m, before *tokens.Meter, p []byte) {
	for len(p) > 0 {
		k, end := len(p), r.next()
		if end > 0 {
			k = min(k, int(end-r.pos))
		}
		// Of one choice the known part need not be measured to be dropped.
		if r.n != 1 || r.pos >= r.seen[0].n {
			m.Write(p[:k])
		}
		_, _ = r.hash.Write(p[:k])
		r.pos += int64(k)
		p = p[k:]
		if r.pos == end && r.match() {
			*m = *before
		}
	}
}

// next returns the length of the shortest text of which the document may be
// found to repeat it, 0 for none.
func (r *repeats) next() (n int64) {
	for i := range r.seen[:r.n] {
		if l := r.seen[i].n; l > r.pos && (n == 0 || l < n) {
			n = l
		}
	}
	return n
}

func (r *repeats) match() bool {
	sum := r.hash.Sum64()
	was := r.matched
	for i := range r.seen[:r.n] {
		if r.seen[i].n == r.pos && r.seen[i].sum == sum {
			r.matched |= 1 << i
		}
	}
	return r.matched != was
}

// end takes the document for one of the choice index, and tells whether its
// text, read as cumulative, is news.
func (r *repeats) end(index int32, finished bool) (news bool) {
	own, longest := -1, -1
	for i := range r.seen[:r.n] {
		if r.seen[i].index == index {
			own = i
		}
		if r.matched>>i&1 != 0 && (longest < 0 || r.seen[i].n > r.seen[longest].n) {
			longest = i
		}
	}
	switch {
	case own >= 0 && r.matched>>own&1 != 0:
		// The same again may be chance, or no news, once texts have grown.
		grown := r.pos > r.seen[own].n
		news = grown || r.reading == undecided && r.streak == 0
		if grown {
			r.streak++
			if r.streak >= sureStreak || r.seen[own].n >= sureText {
				r.decide(cumulative)
			}
		}
	case own >= 0:
		r.decide(delta)
		// The end of a text may be cut back to where a stop sequence began.
		news = r.pos > r.seen[own].n || !finished
	case longest < 0 || r.n < maxHistories:
		news = true
	}
	if own < 0 {
		if r.n == maxHistories {
			return news
		}
		own = r.n
		r.n++
	}
	r.seen[own] = history{index: index, n: r.pos, sum: r.hash.Sum64()}
	return news
}

func (r *repeats) decide(as reading) {
	if r.reading == undecided {
		r.reading = as
	}
}

// text takes a piece of the text of the present document, outside of choices.
func (e *Exchange) text(p []byte) {
	r := &e.repeats
	switch {
	case !e.dialect.Repeats || r.reading == delta || e.body == bodyJSON:
		e.account.Text(p)
	case r.reading == cumulative:
		r.write(&e.account.Meter, &e.doc.before, p)
	default:
		e.account.Text(p)
		r.write(&r.fresh, &r.before, p)
	}
}

// settleText ends the text of a document that counts and has some, in which it
// tells news from repetition.
func (e *Exchange) settleText() {
	r, d := &e.repeats, &e.doc
	if r.reading == delta {
		return
	}
	was := r.reading
	news := r.end(d.now.index, d.now.finished)
	r.before, r.start = r.fresh, d.before.Bytes()
	if r.reading == cumulative || !news {
		d.now.text = news
	}
	if r.reading == cumulative && was == undecided {
		e.account.Meter = e.account.Only(r.start, r.fresh)
	}
}

// decideText ends a stream too short to be sure how its text is to be read.
func (e *Exchange) decideText() {
	if r := &e.repeats; r.reading == undecided && r.streak > 0 {
		r.reading = cumulative
		e.account.Meter = e.account.Only(r.start, r.fresh)
	}
}
