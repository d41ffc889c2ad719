// SPDX-License-Identifier: Apache-2.0

package llm

import (
	"fmt"
	"strings"
	"testing"

	"github.com/modeltap/modeltap/observer/event"
)

// body says an answer in pieces of n bytes, each at its own time with an HTTP
// chunk's end at each mark "|", and returns what was reported.
func body(t *testing.T, d *Dialect, contentType, text string, n int) (event.Exchange, event.Tally) {
	t.Helper()
	l := newLab()
	e := l.ask(1, d, `{}`)
	e.ResponseHead(2, 200, []byte(contentType), nil, true)
	m := event.Mark{Time: 10}
	for _, part := range strings.Split(text, "|") {
		for p := []byte(part); len(p) > 0; {
			k := min(n, len(p))
			e.ResponseBody(m, append([]byte(nil), p[:k]...))
			p = p[k:]
		}
		e.ChunkEnd(m)
		m.Time += 10
	}
	e.ResponseEnd(m.Time, false)
	if l.InFlight() != 0 {
		t.Errorf("%d exchanges are still open", l.InFlight())
	}
	return l.last(t), l.tally
}

func TestEventsAreReadAtEveryCut(t *testing.T) {
	for name, c := range map[string]struct {
		d       *Dialect
		kind    string
		body    string
		first   int64 // time of the first token
		errors  uint64
		outcome event.Outcome
	}{
		"events":                {openAIChat, "text/event-stream", "data: " + word(0, "a") + "\n\n|data: [DONE]\n\n", 10, 0, event.OK},
		"white space":           {openAIChat, "text/event-stream", "data:\ndata:   \ndata:  " + word(0, "a") + "  \n\n|data:  [DONE] \n\n", 10, 0, event.OK},
		"no JSON":               {openAIChat, "text/event-stream", "data: hello\n\n|data: " + word(0, "a") + "\n\n", 20, 1, event.OK},
		"an array":              {openAIChat, "text/event-stream", "data: [1,2]\n\n|data: [DONE]\n\n", 0, 1, event.OK},
		"more than [DONE]":      {openAIChat, "text/event-stream", "data: [DONE]x\n\n", 0, 1, event.OK},
		"cut JSON":              {openAIChat, "text/event-stream", "data: " + word(0, "a")[:50] + "\n\n|data: " + word(0, "a") + "\n\n", 20, 1, event.OK},
		"no blank line":         {openAIChat, "text/event-stream", "data: " + word(0, "a"), 10, 0, event.OK},
		"named error":           {openAIChat, "text/event-stream", "event: error\ndata: boom\n\n", 0, 1, event.StreamError},
		"error document":        {openAIChat, "text/event-stream", "data: {\"error\":{\"message\":\"x\"}}\n\n|data: [DONE]\n\n", 0, 0, event.StreamError},
		"error string":          {openAIChat, "text/event-stream", "data: {\"error\":\"x\"}\n\n", 0, 0, event.StreamError},
		"falsey errors":         {openAIChat, "text/event-stream", "data: {\"error\":\"\"}\n\ndata: {\"error\":null}\n\ndata: {\"error\":false}\n\ndata: {\"error\":0}\n\n", 0, 0, event.OK},
		"bare text":             {generic, "text/event-stream", "data: Hi\n\n|data: there\n\n", 10, 0, event.OK},
		"bare code":             {generic, "text/event-stream", "data: {\n\n|data: [\n\n|data: \"\n\n", 10, 0, event.OK},
		"bare space":            {generic, "text/event-stream", "data:  \n\n", 10, 0, event.OK},
		"bare numbers":          {generic, "text/event-stream", "data: 42\n\n", 10, 0, event.OK},
		"JSON strings":          {generic, "text/event-stream", "data: \"Hi\"\n\n", 10, 0, event.OK},
		"arrays of numbers":     {generic, "text/event-stream", "data: [0.1,0.2]\n\n", 0, 0, event.OK},
		"a list of results":     {generic, "text/event-stream", "data: [{\"generated_text\":\"a\"}]\n\n", 10, 0, event.OK},
		"generic [DONE]":        {generic, "text/event-stream", "data: [DONE]\n\n", 0, 0, event.OK},
		"a measured error":      {generic, "text/event-stream", "data: {\"text\":\"a\",\"error\":0.02}\n\n", 10, 0, event.OK},
		"too deep":              {generic, "text/event-stream", "data: {\"text\":\"a\",\"x\":" + strings.Repeat("[", 10000) + "\n\n|data: b\n\n", 20, 1, event.OK},
		"lines":                 {generic, "application/x-ndjson", "{\"text\":\"a\"}\r\n\n|{\"text\":\"b\"}", 10, 0, event.OK},
		"lines that are text":   {generic, "application/x-ndjson", "hello\n|\"b\"\n", 20, 1, event.OK},
		"one indented document": {generic, "application/json", "{\n|  \"text\":\n|  \"a\"\n}\n", 10, 0, event.OK},
		"an unfinished one":     {generic, "application/json", "{\n|  \"text\":\n|", 10, 1, event.OK},
	} {
		t.Run(name, func(t *testing.T) {
			want, _ := body(t, c.d, c.kind, c.body, len(c.body))
			if want.FirstToken != c.first || want.Outcome != c.outcome || !want.Stream {
				t.Errorf("first token %d, outcome %v, stream %v; want %d, %v", want.FirstToken, want.Outcome, want.Stream, c.first, c.outcome)
			}
			for n := 1; n <= len(c.body) && n < 200; n++ {
				got, tally := body(t, c.d, c.kind, c.body, n)
				if got != want {
					t.Fatalf("in pieces of %d\n got %+v\nwant %+v", n, got, want)
				}
				var errors uint64
				for _, e := range tally.ParseErrors[event.ProtoJSON] {
					errors += e
				}
				if errors != c.errors {
					t.Fatalf("in pieces of %d: %d JSON errors, want %d (%v)", n, errors, c.errors, tally.ParseErrors)
				}
			}
		})
	}
}

func TestTextOfAnswers(t *testing.T) {
	const text = "one two three four five six seven eight nine ten"
	want := func(d *Dialect) event.Count {
		e, _ := body(t, d, "application/json", fmt.Sprintf(`{"choices":[{"message":{"content":%q}}]}`, text), 1<<20)
		return e.Tokens[event.Output]
	}(openAIChat)
	if want.Source != event.Estimated || want.N < 8 || want.N > 14 {
		t.Fatalf("ten words are %+v", want)
	}
	for name, doc := range map[string]string{
		"text":           `{"text":%q}`,
		"generated_text": `{"generated_text":%q,"score":[1,2]}`,
		"list":           `[{"generated_text":%q}]`,
		"strings":        `{"output":[%q]}`,
		"wrapped":        `{"status":"a long word","data":{"answer":%q}}`,
		"two levels":     `{"result":{"text":%q}}`,
		"message":        `{"message":{"role":"assistant","content":%q}}`,
		"OpenAI's":       `{"choices":[{"message":{"content":%q}}]}`,
		"leading space":  "  \n {\"text\":%q}",
	} {
		t.Run(name, func(t *testing.T) {
			l := newLab()
			e := l.ask(1, generic, `{}`)
			e.ResponseHead(2, 200, []byte("application/json"), nil, false)
			for i, doc := 0, fmt.Sprintf(doc, text); i < len(doc); i++ {
				e.say(10, doc[i:i+1])
			}
			e.ResponseEnd(10, false)
			if got := l.last(t); got.Tokens[event.Output] != want || got.Stream || got.FirstToken != 0 {
				t.Errorf("output %+v, want %+v of no stream", got.Tokens[event.Output], want)
			}
		})
	}
	for name, doc := range map[string]string{"other JSON": `{"scores":["a b c"],"label":"cat"}`, "numbers": `[0.1,0.2]`, "a string": `"cat"`} {
		t.Run(name, func(t *testing.T) {
			l := newLab()
			e := l.ask(1, generic, `{}`)
			e.ResponseHead(2, 200, []byte("application/json"), nil, false)
			e.say(10, doc)
			e.ResponseEnd(10, false)
			if got := l.last(t).Tokens[event.Output]; got.Known {
				t.Errorf("output %+v, want none rather than a guess", got)
			}
		})
	}
}
