// SPDX-License-Identifier: Apache-2.0

package llm

import (
	"github.com/modeltap/modeltap/observer/event"
	"github.com/modeltap/modeltap/observer/meter"
	"github.com/modeltap/modeltap/observer/tokens"
)

// ending is what an exchange needs to be reported. Where a tokenizer counts
// its text it outlives the exchange by that.
type ending struct {
	rec     event.Exchange
	series  *meter.Series // nil until an answer has named the model
	account tokens.Account
	prompt  event.Count // estimate
	live    float64     // output tokens counted into the live rate
}

// keepText begins to keep the text of the answer if the model, as far as it is
// known, has a tokenizer.
func (e *Exchange) keepText() {
	if e.shard.Tray == nil || e.kept != nil || e.account.Bytes() > 0 || e.rec.Status >= 400 {
		return
	}
	e.kept = e.shard.Tray.Open(e.model())
	e.account.Keep(e.kept)
	e.doc.before.Keep(e.kept) // as empty: the document that names the model may be voided
}

// tokenize hands the text over to be counted, if that gives better evidence
// than there is, and tells whether the exchange will be reported by that.
func (e *Exchange) tokenize() bool {
	if e.kept == nil || e.hole || !e.account.WantsTokenizer() {
		return false
	}
	if len(e.choices) > 1 {
		e.shard.Tally.Untokenized[event.UntokenizedChoices]++
		return false
	}
	end := e.ending // of its own: the Exchange is used again
	why, ok := e.shard.Tray.Submit(e.kept, &e.account.Meter, e.model(), &end)
	e.kept = nil
	if !ok {
		e.shard.Tally.Untokenized[why]++
		return false
	}
	e.shard.Settle(false)
	return true
}

// Settle reports the exchanges whose texts have been counted; with wait set,
// all of them.
func (s *Shard) Settle(wait bool) {
	for {
		j := s.Tray.Done(wait)
		if j == nil {
			return
		}
		end := j.For.(*ending)
		if j.OK {
			end.account.Tokenized(j.N)
		} else {
			s.Tally.Untokenized[event.UntokenizedFailed]++
		}
		end.settle(s.Sink)
	}
}

// settle counts the tokens by the best evidence, corrects the live rate by
// them, and reports.
func (x *ending) settle(sink event.Sink) {
	r, s := &x.rec, x.series
	r.Tokens = x.account.Counts(s.Calibration)
	if in := &r.Tokens[event.Input]; !in.Known || in.N == 0 && x.prompt.Known {
		*in = x.prompt
	}
	if r.Outcome == event.OK {
		x.account.Learn(s.Calibration)
	}
	out := r.Tokens[event.Output]
	if diff := float64(out.N) - x.live; diff != 0 {
		start := r.FirstToken
		if start == 0 {
			start = r.End
		}
		s.Reconcile(start, r.End, diff)
	}
	sink.Exchange(r)
}
