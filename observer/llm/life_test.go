// SPDX-License-Identifier: Apache-2.0

package llm

import (
	"fmt"
	"strings"
	"testing"

	"github.com/modeltap/modeltap/observer/budget"
	"github.com/modeltap/modeltap/observer/event"
)

// inFlight is where a series' open exchanges are.
func inFlight(s event.Series) string {
	return fmt.Sprintf("receiving %d waiting %d streaming %d stalled %d", s.Receiving, s.Waiting, s.Streaming, s.Stalled)
}

func TestInFlightOverTime(t *testing.T) {
	l := newLab()
	expect := func(at int64, want string) {
		t.Helper()
		if got := inFlight(l.series(t, at)); got != want {
			t.Errorf("at %d s: %s, want %s", at/second, got, want)
		}
	}
	e := l.Open("s", openAIChat, 0, false)
	expect(60*second, "receiving 1 waiting 0 streaming 0 stalled 0")
	e.RequestBody([]byte(`{"messages":[]}`))
	e.RequestEnd(61 * second)
	expect(100*second, "receiving 0 waiting 1 streaming 0 stalled 0")
	e.ResponseHead(101*second, 200, []byte("text/event-stream"), nil, true)
	e.data(102*second, `{"choices":[{"index":0,"delta":{"role":"assistant","content":""}}]}`)
	expect(110*second, "receiving 0 waiting 1 streaming 0 stalled 0")
	expect(112*second, "receiving 0 waiting 1 streaming 0 stalled 1")
	e.data(113*second, `{"choices":[{"index":0,"delta":{"content":"x"}}]}`)
	expect(123*second, "receiving 0 waiting 0 streaming 1 stalled 0")
	expect(124*second, "receiving 0 waiting 0 streaming 1 stalled 1")
	e.data(125*second, `{"choices":[{"index":0,"delta":{"content":"x"}}]}`)
	expect(126*second, "receiving 0 waiting 0 streaming 1 stalled 0")
	e.ResponseEnd(127*second, false)
	expect(128*second, "receiving 0 waiting 0 streaming 0 stalled 0")
}

func TestWhatCannotStall(t *testing.T) {
	for name, head := range map[string]func(e *Exchange){
		"one document": func(e *Exchange) { e.ResponseHead(1, 200, []byte("application/json"), nil, false) },
		"an error":     func(e *Exchange) { e.ResponseHead(1, 500, []byte("text/event-stream"), nil, true) },
		"compressed":   func(e *Exchange) { e.ResponseHead(1, 200, []byte("text/event-stream"), []byte("gzip"), true) },
	} {
		t.Run(name, func(t *testing.T) {
			l := newLab()
			head(l.ask(0, openAIChat, `{}`))
			if s := l.series(t, 60*second); s.Stalled != 0 || s.Waiting != 1 {
				t.Errorf("%s", inFlight(s))
			}
		})
	}
}

func TestProvisionalIsNotInFlight(t *testing.T) {
	l := newLab()
	e := l.Open("s", generic, 0, true)
	l.CountInFlight(1)
	if open := l.Running(nil, 1); len(open) != 0 {
		t.Errorf("open: %+v", open)
	}
	if n := len(l.Book.Snapshot(nil, 1)); n != 0 {
		t.Errorf("%d series of what may be no model request", n)
	}
	if !e.ResponseHead(1, 200, []byte("text/event-stream"), nil, true) {
		t.Error("a stream is no model request")
	}
	if s := l.series(t, 2); s.Waiting != 1 {
		t.Errorf("%s", inFlight(s))
	}
	if open := l.Running(nil, 2); len(open) != 1 || open[0].Model != "unknown" || open[0].End != 0 || open[0].Status != 200 {
		t.Errorf("open: %+v", open)
	}
	e.Discard()
	if l.InFlight() != 0 {
		t.Error("still open")
	}
}

// A client that goes away before an answer must not be able to make labels.
func TestNamesOfUnansweredRequests(t *testing.T) {
	l := newLab()
	l.ask(0, openAIChat, `{"model":"minted"}`).Abort(5, event.ClientAbort)
	if got := l.last(t).Model; got != "unknown" {
		t.Errorf("model %q of a request without an answer, want unknown", got)
	}
	e := l.stream(10, openAIChat)
	e.data(11, word(0, "x"))
	e.ResponseEnd(12, false)
	l.ask(20, openAIChat, `{"model":"m"}`).Abort(25, event.ClientAbort)
	if got := l.last(t).Model; got != "m" {
		t.Errorf("model %q, want the name that a server has confirmed", got)
	}
}

func TestErrorsFeedNoTokens(t *testing.T) {
	l := newLab()
	e := l.ask(0, generic, `{"text":"a b c"}`)
	e.ResponseHead(1, 422, []byte("application/json"), nil, false)
	e.say(2, `{"text":"field required","choices":[{"index":0,"finish_reason":"stop"}]}`)
	e.ResponseEnd(2, false)
	got := l.last(t)
	if got.Outcome != event.HTTPError || got.Tokens != [event.TokenTypes]event.Count{} || got.Finish != [event.Finishes]uint8{} {
		t.Errorf("got %+v", got)
	}
}

func TestHoles(t *testing.T) {
	t.Run("in a stream", func(t *testing.T) {
		l := newLab()
		e := l.stream(0, openAIChat)
		e.data(100*ms, word(0, "a"))
		e.say(150*ms, "data: {\"choices\":[{\"index\":0,\"delta\":{\"content\":\"b")
		e.ResponseMissing(event.Mark{Time: 200 * ms}, 500)
		e.say(300*ms, "tail\"}}]}\n\n")
		e.data(400*ms, word(0, "c"))
		e.data(450*ms, word(0, "d"))
		e.ResponseEnd(500*ms, false)
		if got := l.last(t); got.Outcome != event.Incomplete {
			t.Errorf("outcome %v, want incomplete", got.Outcome)
		}
		if s := l.series(t, second); observations(s.InterChunk) != 1 || s.InterChunk.Sum != 0.05 {
			t.Errorf("%d gaps of %v s, want the one that was seen whole", observations(s.InterChunk), s.InterChunk.Sum)
		}
	})
	t.Run("in a stream of text", func(t *testing.T) {
		l := newLab()
		e := l.ask(0, generic, `{}`)
		e.ResponseHead(1, 200, []byte("text/plain"), nil, true)
		for i := range int64(3) {
			if i == 1 {
				e.ResponseMissing(event.Mark{Time: 20}, 5)
			} else {
				e.say(10*i+10, "hello")
			}
			e.ChunkEnd(event.Mark{Time: 10*i + 10})
		}
		e.ResponseEnd(40, false)
		if got := l.last(t); got.Outcome != event.Incomplete || got.ResponseBytes != 15 {
			t.Errorf("got %+v", got)
		}
	})
	t.Run("in a document", func(t *testing.T) {
		l := newLab()
		e := l.ask(0, openAIChat, `{}`)
		e.ResponseHead(1, 200, []byte("application/json"), nil, false)
		e.say(2, `{"model":"m","choices":[{"message":{"content":"half of the `)
		e.ResponseMissing(event.Mark{Time: 3}, 100)
		e.say(4, `{"usage":{"completion_tokens":7}}`)
		e.ResponseEnd(4, false)
		if got := l.last(t); got.Outcome != event.OK || got.Tokens[event.Output].Known || got.Model != "m" {
			t.Errorf("want a duration and no tokens: %+v", got)
		}
	})
}

// The two directions are stamped apart.
func TestTimesNeverGoBackwards(t *testing.T) {
	l := newLab()
	e := l.ask(100, openAIChat, `{}`)
	e.ResponseHead(90, 200, []byte("text/event-stream"), nil, true)
	e.data(95, word(0, "a"))
	e.ResponseEnd(96, false)
	if got := l.last(t); got.Headers != 100 || got.FirstToken != 100 || got.End != 100 {
		t.Errorf("headers %d, first token %d, end %d after a start at 100", got.Headers, got.FirstToken, got.End)
	}
}

func TestChoicesAreBounded(t *testing.T) {
	l := newLab()
	e := l.stream(0, openAIChat)
	for i := range 1000 {
		e.data(int64(i), fmt.Sprintf(`{"choices":[{"index":%d,"delta":{"content":"x"},"finish_reason":"stop"}]}`, i*1000003))
	}
	e.data(1000, `{"choices":[`+strings.Repeat(`{"index":-5,"delta":{"content":"x"}},`, 999)+`{}]}`)
	if len(e.choices) > maxChoices || len(e.doc.parts) > maxChoices {
		t.Errorf("%d choices, %d parts; the bound is %d", len(e.choices), len(e.doc.parts), maxChoices)
	}
	e.ResponseEnd(1001, false)
	if got := l.last(t).Finish[event.FinishStop]; got != 2 {
		t.Errorf("%d choices finished, want the first and the last place", got)
	}
}

func TestExchangesAreReused(t *testing.T) {
	l := newLab()
	talk := func() {
		e := l.stream(0, openAIChat)
		e.data(1, `{"choices":[{"index":3,"delta":{"content":"a"}}]}`)
		e.Abort(2, event.ClientAbort)
		l.exchanges = l.exchanges[:0]
	}
	talk()
	again := l.take(budget.Fresh)
	if len(again.choices) != 0 || len(again.doc.parts) != 0 || again.account.Bytes() != 0 || again.rec != (event.Exchange{}) {
		t.Errorf("something of the last exchange is left: %+v", again)
	}
	again.Discard()
	if l.InFlight() != 0 || len(l.spare) != 1 || len(l.scanners) != 1 {
		t.Errorf("%d open, %d spare, %d scanners; want 0, 1, 1", l.InFlight(), len(l.spare), len(l.scanners))
	}
}

func TestEventAllocatesNothing(t *testing.T) {
	l := newLab()
	e := l.stream(0, openAIChat)
	ev := []byte("data: " + word(0, " word") + "\n\n")
	m := event.Mark{Time: second}
	e.ResponseBody(m, ev)
	if n := testing.AllocsPerRun(100, func() { m.Time += ms; e.ResponseBody(m, ev) }); n != 0 {
		t.Errorf("%v allocations for an event", n)
	}
}
