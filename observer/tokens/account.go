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

	events      int64
	exact       int64
	exactEvents int64
	tokenized   int64                   // one more than counted, 0 for not counted
	stated      [event.TokenTypes]int64 // one more than stated, 0 for nothing
}

// Text takes a piece of the answer's text: visible, reasoning or tool call.
func (a *Account) Text(p []byte) { a.Write(p) }

// Event takes an event that carries text.
func (a *Account) Event() { a.events++ }

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
	return a.stated[event.Output] == 0 && !a.exactWhole() && a.Bytes() > 0
}

func (a *Account) exactWhole() bool { return a.exactEvents > 0 && a.exactEvents >= a.events }

// Usage takes the counts that the server states for the whole request and
// answer up to now; a negative one was not stated. The last of each counts.
func (a *Account) Usage(in, out, reasoning, cached int64) {
	for t, n := range [...]int64{
		event.Input: in, event.Output: out, event.Reasoning: reasoning, event.Cached: cached,
	} {
		if n >= 0 {
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
		if n > 0 {
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
	estimate := c.correct(a.Estimate())
	events := float64(a.events)
	switch {
	case a.exactWhole():
		return event.Count{N: a.exact, Source: event.Exact, Known: true}
	case a.tokenized > 0:
		return event.Count{N: a.tokenized - 1, Source: event.Exact, Known: true}
	case a.Bytes() == 0 && a.events == 0:
		return event.Count{}
	case a.Streamed && minEvents*estimate-slack <= events && events <= maxEvents*estimate+slack:
		return event.Count{N: a.events, Source: event.Chunks, Known: true}
	case a.Bytes() == 0:
		return event.Count{}
	}
	return event.Count{N: max(int64(estimate+0.5), 1), Source: event.Estimated, Known: true}
}

// Learn adds the account of a complete answer to c, if the server stated its
// output and its text was seen. Reasoning that was stated and not sent says
// nothing about the text.
func (a *Account) Learn(c *Calibration) {
	if a.stated[event.Output] == 0 || a.Bytes() == 0 {
		return
	}
	seen := a.Stated()
	if !a.Reasoned {
		seen -= max(a.stated[event.Reasoning]-1, 0)
	}
	if seen <= 0 {
		return
	}
	events := a.events
	if !a.Streamed {
		events = 0
	}
	c.Observe(seen, a.Estimate(), events)
}
