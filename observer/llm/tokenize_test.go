// SPDX-License-Identifier: Apache-2.0

package llm

import (
	"bytes"
	"fmt"
	"strings"
	"testing"

	"github.com/modeltap/modeltap/observer/event"
	"github.com/modeltap/modeltap/observer/tokens"
)

// tokenizing returns a lab whose tokenizer of the model m counts words, and
// what it was given.
func tokenizing(models ...string) (*lab, *[]string) {
	l, seen := newLab(), new([]string)
	all := map[string]tokens.Tokenizer{}
	for _, m := range models {
		all[m] = func(text []byte) (int64, bool) {
			*seen = append(*seen, string(text))
			return int64(len(bytes.Fields(text))), true
		}
	}
	l.Tray = tokens.NewDesk(all, true).Tray()
	return l, seen
}

const told = "one two three four five six seven eight nine ten eleven twelve"

// The text that reaches the tokenizer is the text of the answer, whatever form
// it comes in and wherever it is cut; its count is exact.
func TestTokenizerSeesTheText(t *testing.T) {
	chat := func(pieces ...string) string {
		var b strings.Builder
		for _, p := range pieces {
			fmt.Fprintf(&b, "data: %s\n\n", word(0, p))
		}
		return b.String() + "data: [DONE]\n\n"
	}
	third := len(told) / 3
	for _, c := range []struct {
		name, contentType, body string
		dialect                 *Dialect
		chunked                 bool
	}{
		{"stream in two events", "text/event-stream", chat(told[:third], told[third:]), openAIChat, true},
		{"stream with a broken event", "text/event-stream",
			`data: {"choices":[{"delta":{"content":"lost "}` + "\n\n" + chat(told), openAIChat, true},
		{"document", "application/json",
			`{"model":"m","choices":[{"message":{"content":"` + told + `"},"finish_reason":"stop"}]}`, openAIChat, false},
		{"reasoning, then text", "text/event-stream",
			`data: {"model":"m","choices":[{"delta":{"reasoning_content":"` + told[:third] + `"}}]}` + "\n\n" + chat(told[third:]), openAIChat, true},
		{"bare text in events", "text/event-stream",
			"data: " + told[:third] + "\n\ndata: {not json\n\n", generic, true},
		{"json in events", "text/event-stream", `data: {"text":"` + told + `"}` + "\n\n", generic, true},
		{"text", "text/plain", told, generic, true},
		{"lines", "application/x-ndjson", `{"response":"` + told[:third] + "\"}\n{\"response\":\"" + told[third:] + "\"}\n", generic, true},
	} {
		for cut := 1; cut < len(c.body); cut += 7 {
			l, seen := tokenizing("m")
			e := l.ask(second, c.dialect, `{"model":"m"}`)
			e.ResponseHead(second, 200, []byte(c.contentType), nil, c.chunked)
			e.say(2*second, c.body[:cut])
			e.say(3*second, c.body[cut:])
			e.ChunkEnd(event.Mark{Time: 3 * second})
			e.ResponseEnd(3*second, false)
			want := told
			if c.name == "bare text in events" {
				want = told[:third] + "{not json"
			}
			if len(*seen) != 1 || (*seen)[0] != want {
				t.Fatalf("%s, cut at %d: tokenized %q, want %q", c.name, cut, *seen, want)
			}
			if got, want := l.last(t).Tokens[event.Output], count(int64(len(strings.Fields(want))), event.Exact); got != want {
				t.Fatalf("%s, cut at %d: %+v, want %+v", c.name, cut, got, want)
			}
			if l.tally.Untokenized != [event.UntokenizedReasons]uint64{} {
				t.Fatalf("%s: %v", c.name, l.tally.Untokenized)
			}
		}
	}
}

// Where the server says more than a tokenizer could, or the text is not all
// there is, no tokenizer is asked.
func TestTokenizerIsNotAsked(t *testing.T) {
	event1 := "data: " + word(0, told) + "\n\n"
	for _, c := range []struct {
		name, model, body string
		status            int
		untokenized       uint64
	}{
		{"usage", "m", event1 + `data: {"usage":{"completion_tokens":3}}` + "\n\ndata: [DONE]\n\n", 200, 0},
		{"log probabilities", "m", `data: {"choices":[{"delta":{"content":"a"},"logprobs":{"content":[{}]}}]}` + "\n\n", 200, 0},
		{"two choices", "m", event1 + "data: " + word(1, told) + "\n\n", 200, 1},
		{"another model", "x", strings.ReplaceAll(event1, `"m"`, `"x"`), 200, 0},
		{"an error", "m", event1, 500, 0},
	} {
		l, seen := tokenizing("m")
		e := l.ask(second, openAIChat, `{"model":"`+c.model+`","stream":true}`)
		e.ResponseHead(second, c.status, []byte("text/event-stream"), nil, true)
		e.say(2*second, c.body)
		e.ResponseEnd(3*second, false)
		if len(*seen) != 0 || len(l.exchanges) != 1 {
			t.Errorf("%s: tokenized %q, %d reported", c.name, *seen, len(l.exchanges))
		}
		if n := l.tally.Untokenized[event.UntokenizedChoices]; n != c.untokenized {
			t.Errorf("%s: %d untokenized", c.name, n)
		}
	}
}

// The model that the answer names decides; without one the request's, and
// without any there is a name for that.
func TestWhichModelsTokenizer(t *testing.T) {
	for _, c := range []struct {
		tokenizer, request, body string
		asked                    int
	}{
		{"m", `{"model":"alias"}`, `{"model":"m","choices":[{"message":{"content":"a b"}}]}`, 1},
		{"alias", `{"model":"alias"}`, `{"model":"m","choices":[{"message":{"content":"a b"}}]}`, 0},
		{"alias", `{"model":"alias"}`, `{"choices":[{"message":{"content":"a b"}}]}`, 1},
		{tokens.Unnamed, `{}`, `{"choices":[{"message":{"content":"a b"}}]}`, 1},
		{tokens.AnyModel, `{}`, `{"model":"m","choices":[{"message":{"content":"a b"}}]}`, 1},
	} {
		l, seen := tokenizing(c.tokenizer)
		e := l.ask(second, openAIChat, c.request)
		e.ResponseHead(second, 200, []byte("application/json"), nil, false)
		e.say(2*second, c.body)
		e.ResponseEnd(3*second, false)
		if len(*seen) != c.asked {
			t.Errorf("tokenizer of %s, %s, %s: asked %d times, want %d", c.tokenizer, c.request, c.body, len(*seen), c.asked)
		}
	}
}

// The event that names the model need not be one of content.
func TestModelNamedBeforeTheContent(t *testing.T) {
	l, seen := tokenizing("m")
	e := l.ask(second, openAIResponses, `{"model":"alias","stream":true}`)
	e.ResponseHead(second, 200, []byte("text/event-stream"), nil, true)
	e.data(2*second, `{"type":"response.created","response":{"model":"m"}}`)
	e.data(3*second, `{"type":"response.output_text.delta","delta":"one two"}`)
	e.data(4*second, `{"type":"response.output_text.done","text":"one two"}`)
	e.data(5*second, `{"type":"response.completed"}`)
	e.ResponseEnd(5*second, false)
	if len(*seen) != 1 || (*seen)[0] != "one two" || l.last(t).Tokens[event.Output] != count(2, event.Exact) {
		t.Errorf("tokenized %q: %+v", *seen, l.last(t))
	}
}

// An exchange whose text is being counted is reported once, by that, also at
// the end of everything, and its Exchange is free for another meanwhile.
func TestLateCounts(t *testing.T) {
	l := newLab()
	gate := make(chan struct{})
	desk := tokens.NewDesk(map[string]tokens.Tokenizer{"m": func(text []byte) (int64, bool) {
		<-gate
		return int64(len(text)), true
	}}, false)
	l.Tray = desk.Tray()
	for i := range 3 {
		e := l.stream(int64(i+1)*second, openAIChat)
		e.data(int64(i+1)*second+100*ms, word(0, strings.Repeat("x", 100+i)))
		e.ResponseEnd(int64(i+1)*second+200*ms, false)
		l.Settle(false)
	}
	if len(l.exchanges) != 0 || l.InFlight() != 0 {
		t.Fatalf("%d reported before they were counted, %d in flight", len(l.exchanges), l.InFlight())
	}
	close(gate)
	l.Settle(true)
	if len(l.exchanges) != 3 {
		t.Fatalf("%d reported, want 3", len(l.exchanges))
	}
	for i, x := range l.exchanges {
		if x.Start != int64(i+1)*second || x.Tokens[event.Output] != count(int64(100+i), event.Exact) || x.Outcome != event.OK {
			t.Errorf("exchange %d: %+v", i, x)
		}
	}
	// The live rate holds what was counted, not the one token an event seemed to be.
	if rate := l.series(t, 4*second).TokensPerSecond; rate != 30.3 {
		t.Errorf("%g tokens/s, want 303 in 10 s", rate)
	}
	l.Settle(true)
	if len(l.exchanges) != 3 {
		t.Error("reported twice")
	}
}

// A token of a model without a tokenizer allocates nothing beside one with.
func TestTokenizersCostNoAllocation(t *testing.T) {
	for _, model := range []string{"m", "other"} {
		l, _ := tokenizing(model)
		e := l.stream(second, openAIChat)
		doc := []byte("data: " + word(0, " token") + "\n\n")
		say := func() { e.ResponseBody(event.Mark{Time: 2 * second}, doc) }
		for range 2000 {
			say()
		}
		if n := testing.AllocsPerRun(500, say); n > 0 {
			t.Errorf("tokenizer of %s: %v allocations for each token", model, n)
		}
	}
}
