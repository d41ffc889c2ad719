// SPDX-License-Identifier: Apache-2.0

package tokens

import "github.com/modeltap/modeltap/observer/event"

// Account gathers the evidence for the tokens of one request and its answer.
// The zero Account is empty. It may be copied.
type Account struct {
	// Meter measures the text of the answer.
	Meter
	// Streamed says that the answer came in content events, of which each was
	// handed to Event.
	Streamed bool
	// Reasoned says that reasoning text was seen, not only stated.
	Reasoned bool
	// Tools says that the answer calls tools: servers state the markup around
	// the calls, too, and do not send it.
	Tools bool
	// Several says that the answer has several choices.
	Several bool
	// Partial says that some of the text could not be read.
	Partial bool
	// Echo is the part of the text that is no output, but repeats the prompt.
	Echo Size

	events      int64
	measured    Size // the text when the last event ended
	exact       int64
	exactEvents int64
	tokenized   int64                   // one more than counted, 0 for not counted
	stated      [event.TokenTypes]int64 // one more than stated, 0 for nothing
}

// Text takes a piece of the answer's text: visible, reasoning or tool call.
func (a *Account) Text(p []byte) { a.Write(p) }

// Event takes an event that carries text, after which the answer's text has
// that size, and returns how many tokens it holds as far as this answer tells:
// 1 while its events agree with its text, else the event's share of the text.
func (a *Account) Event(text Size) float64 {
	a.events++
	share := (text - a.measured).tokens()
	a.measured = text
	if a.agrees((text - a.Echo).tokens()) {
		return 1
	}
	return max(share, 0)
}

// agrees tells whether a text of so many tokens, by the estimate alone, may
// have come in one event for each.
func (a *Account) agrees(estimate float64) bool {
	events := float64(a.events)
	return minEvents*estimate-slack <= events && events <= maxEvents*estimate+slack
}

// Exact takes the number of tokens in one event, or in one choice of an
// answer, from evidence in it: token ids, log probabilities. It counts only if
// every event has such evidence.
func (a *Account) Exact(n int64) {
	a.exact += max(n, 0)
	a.exactEvents++
}

// Tokenized takes the number of tokens that the model's own tokenizer finds in
// the whole text.
func (a *Account) Tokenized(n int64) { a.tokenized = max(n, 0) + 1 }

// WantsTokenizer tells whether a tokenizer would give better evidence for the
// text of the answer than there is.
func (a *Account) WantsTokenizer() bool {
	return !a.states(event.Output) && !a.exactWhole() && a.Bytes() > 0 && a.Echo == 0
}

// states tells whether the server stated a count of that type. A 0 beside text
// of that type is what servers write that do not count.
func (a *Account) states(t event.TokenType) bool {
	switch n := a.stated[t]; {
	case n != 1:
		return n > 0
	case t == event.Output:
		return a.Bytes() == 0
	case t == event.Reasoning:
		return !a.Reasoned
	}
	return true
}

func (a *Account) exactWhole() bool { return a.exactEvents > 0 && a.exactEvents >= a.events }

// Usage takes the counts that the server states for the whole request and
// answer up to now; a negative one was not stated. The last of each counts, but
// a 0 takes nothing back.
func (a *Account) Usage(in, out, reasoning, cached int64) {
	for t, n := range [...]int64{
		event.Input: in, event.Output: out, event.Reasoning: reasoning, event.Cached: cached,
	} {
		if n > 0 || n == 0 && a.stated[t] == 0 {
			a.stated[t] = min(n, maxCount) + 1
		}
	}
}

// maxCount bounds what a server can state, so that sums of it stay numbers.
const maxCount = 1 << 40

// Stated returns the output tokens that the server has stated up to now, 0 if
// it has not.
func (a *Account) Stated() int64 { return max(a.stated[event.Output]-1, 0) }

// Counts returns each number of tokens by the best evidence. c is what is known
// of the server and model, nil for nothing. The input is known only if it was
// stated.
func (a *Account) Counts(c *Calibration) [event.TokenTypes]event.Count {
	var counts [event.TokenTypes]event.Count
	for t, n := range a.stated {
		if a.states(event.TokenType(t)) {
			counts[t] = event.Count{N: n - 1, Source: event.Usage, Known: true}
		}
	}
	if out := &counts[event.Output]; !out.Known {
		*out = a.output(c)
	}
	return counts
}

// A stream of one token an event, measured by its text, lies between these
// bounds: see TestChunksAgree. Short texts vary by more than their share.
const (
	minEvents = 0.6
	maxEvents = 1.3
	slack     = 2
)

func (a *Account) output(c *Calibration) event.Count {
	estimate := a.estimate()
	switch {
	case a.exactWhole():
		return event.Count{N: a.exact, Source: event.Exact, Known: true}
	case a.tokenized > 0:
		return event.Count{N: a.tokenized - 1, Source: event.Exact, Known: true}
	case a.Bytes() == 0 && a.events == 0:
		return event.Count{}
	case a.Streamed && a.agrees(estimate):
		return event.Count{N: a.events, Source: event.Chunks, Known: true}
	case a.Bytes() == 0:
		return event.Count{}
	}
	ratio, _ := c.Ratio()
	return event.Count{N: max(int64(estimate*ratio+0.5), 1), Source: event.Estimated, Known: true}
}

// estimate returns the estimated tokens of the output's text, at least 1 for
// any.
func (a *Account) estimate() float64 {
	if a.Bytes() == 0 {
		return 0
	}
	return max((a.Size() - a.Echo).tokens(), 1)
}

// Learn adds the account of a complete answer to c if it is fit to teach: the
// server stated its output, all of which was text that was seen.
func (a *Account) Learn(c *Calibration) {
	if !a.states(event.Output) || a.Bytes() == 0 || a.Tools || a.Several || a.Partial || a.Echo > 0 || a.hidden() {
		return
	}
	c.Observe(a.Stated(), a.estimate())
}

// hidden tells whether the server counted output that it did not send:
// reasoning that it stated, more than any vocabulary makes of the text, or
// tokens that came in no event where events and text agree.
func (a *Account) hidden() bool {
	switch {
	case !a.Reasoned && a.stated[event.Reasoning] > 1:
		return true
	case float64(a.Stated()) > maxRatio*a.estimate()+slack:
		return true
	}
	return a.Streamed && a.agrees(a.estimate()) && float64(a.Stated()) > maxEvents*float64(a.events)+slack
}
