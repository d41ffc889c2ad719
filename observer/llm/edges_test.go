// SPDX-License-Identifier: Apache-2.0

package llm

import (
	"testing"

	"github.com/modeltap/modeltap/observer/event"
)

// What is not stated stays so when counts are shared out among answers.
func TestSamplesWithoutCounts(t *testing.T) {
	const ask = `{"text":"x","sampling_params":{"n":2}}`
	l := newLab()
	e := l.ask(0, sharedGenerate, ask)
	e.ResponseHead(1, 200, []byte("application/json"), nil, false)
	e.say(2*ms, `[{"text":"Once","meta_info":{"prompt_tokens":8,"completion_tokens":3}},{"text":"Once","meta_info":{"prompt_tokens":8,"completion_tokens":3}}]`)
	e.ResponseEnd(3*ms, false)
	e = l.ask(0, sharedGenerate, ask)
	e.ResponseHead(1, 200, []byte("text/event-stream"), nil, true)
	e.data(2*ms, `{"text":"Once","index":0,"meta_info":{"prompt_tokens":8,"completion_tokens":3}}`)
	e.data(2*ms, `{"text":"Once","index":1,"meta_info":{"prompt_tokens":8,"completion_tokens":3}}`)
	e.data(2*ms, `{"index":1}`)
	e.ResponseEnd(3*ms, false)
	for i, got := range l.exchanges {
		if got.Tokens[event.Input] != count(8, event.Usage) || got.Tokens[event.Output] != count(6, event.Usage) || got.Tokens[event.Cached].Known {
			t.Errorf("%d: %+v", i, got.Tokens)
		}
	}
}

// A client that leaves while a choice is still being written has not had all.
func TestOneOfTwoChoicesFinished(t *testing.T) {
	for _, c := range []struct {
		more string
		want event.Outcome
	}{
		{word(1, "b"), event.ClientAbort},
		{`{"choices":[{"index":1,"delta":{},"finish_reason":"length"}]}`, event.OK},
		{`[DONE]`, event.OK},
	} {
		l := newLab()
		e := l.stream(0, openAIChat)
		e.data(2*ms, word(0, "a"))
		e.data(3*ms, word(1, "a"))
		e.data(4*ms, `{"choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}`)
		e.data(5*ms, c.more)
		e.Abort(6*ms, event.ClientAbort)
		if got := l.last(t); got.Outcome != c.want {
			t.Errorf("%s: %v, want %v", c.more, got.Outcome, c.want)
		}
	}
}

func TestJSONSequence(t *testing.T) {
	l := newLab()
	e := l.ask(0, generic, `{"prompt":"x"}`)
	e.ResponseHead(1, 200, []byte("application/json-seq"), nil, true)
	e.say(2*ms, "\x1e{\"text\":\"Hello\"}\n")
	e.say(3*ms, "\x1e{\"text\":\" you\"}\n")
	if e.account.Bytes() != 9 || e.pieces != 2 {
		t.Errorf("%d bytes of text in %d events", e.account.Bytes(), e.pieces)
	}
	e.ResponseEnd(3*ms, false)
	if l.tally != (event.Tally{}) {
		t.Errorf("counted as wrong: %+v", l.tally)
	}
}

// A document that is an error has no output, whatever else is in it.
func TestErrorInADocument(t *testing.T) {
	l := newLab()
	e := l.ask(0, generic, `{"prompt":"x"}`)
	e.ResponseHead(1, 200, []byte("application/json"), nil, false)
	e.say(2*ms, `{"text":"something went wrong, sorry","error":{"message":"x"}}`)
	e.ResponseEnd(3*ms, false)
	if got := l.last(t); got.Outcome != event.StreamError || got.Tokens[event.Output].Known {
		t.Errorf("%v, output %+v", got.Outcome, got.Tokens[event.Output])
	}
}
