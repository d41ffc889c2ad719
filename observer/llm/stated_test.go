// SPDX-License-Identifier: Apache-2.0

package llm

import (
	"fmt"
	"strings"
	"testing"

	"github.com/modeltap/modeltap/observer/event"
)

// Totals are what their server means by them. Each answer is given as a stream
// and, where it has one document, as that.
func TestStatedTotals(t *testing.T) {
	chat := func(usage string) string { return `{"model":"m","choices":[],"usage":` + usage + `}` }
	inChoice := func(i int, usage string) string {
		return fmt.Sprintf(`{"model":"m","choices":[{"index":%d,"delta":{},"finish_reason":"stop","usage":%s}]}`, i, usage)
	}
	said := func(text string) string { return `{"type":"content_block_delta","delta":{"text":"` + text + `"}}` }
	start := func(usage string) string {
		return `{"type":"message_start","message":{"model":"m","usage":` + usage + `}}`
	}
	delta := func(usage string) string {
		return `{"type":"message_delta","delta":{"stop_reason":"end_turn"},"usage":` + usage + `}`
	}
	const unstated = -1
	for name, c := range map[string]struct {
		d                      *Dialect
		ask                    string
		answer                 []string // events, or one document
		in, out, thought, cach int64    // stated ones
		counted                event.Count
	}{
		"reasoning beside the output (xAI)": {openAIChat, "", []string{word(0, "a"), chat(`{"prompt_tokens":12,"completion_tokens":1,"total_tokens":399,"completion_tokens_details":{"reasoning_tokens":386}}`)}, 12, 387, 386, unstated, event.Count{}},
		"reasoning inside the output":       {openAIChat, "", []string{word(0, "a"), chat(`{"prompt_tokens":12,"completion_tokens":387,"total_tokens":399,"completion_tokens_details":{"reasoning_tokens":386}}`)}, 12, 387, 386, unstated, event.Count{}},
		"more reasoning than output":        {openAIChat, "", []string{word(0, "a"), chat(`{"prompt_tokens":12,"completion_tokens":1,"completion_tokens_details":{"reasoning_tokens":386}}`)}, 12, 387, 386, unstated, event.Count{}},
		"reasoning beside, Responses":       {openAIResponses, "", []string{`{"type":"response.output_text.delta","delta":"a"}`, `{"type":"response.completed","response":{"model":"m","usage":{"input_tokens":12,"output_tokens":1,"total_tokens":399,"output_tokens_details":{"reasoning_tokens":386}}}}`}, 12, 387, 386, unstated, event.Count{}},
		"running totals":                    {openAIChat, "", []string{word(0, "a"), chat(`{"prompt_tokens":12,"completion_tokens":1}`), word(0, "b"), chat(`{"prompt_tokens":12,"completion_tokens":2}`)}, 12, 2, unstated, unstated, event.Count{}},
		"zeros until the last":              {openAIChat, "", []string{word(0, "a"), chat(`{"prompt_tokens":0,"completion_tokens":0}`), word(0, "b"), chat(`{"prompt_tokens":12,"completion_tokens":2}`)}, 12, 2, unstated, unstated, event.Count{}},
		"zeros behind the last":             {openAIChat, "", []string{word(0, "a"), chat(`{"prompt_tokens":12,"completion_tokens":7}`), chat(`{"prompt_tokens":0,"completion_tokens":0}`)}, 12, 7, unstated, unstated, event.Count{}},
		"zeros alone":                       {openAIChat, `{"model":"m","messages":[{"content":"one two three"}]}`, []string{word(0, "a"), word(0, "b"), chat(`{"prompt_tokens":0,"completion_tokens":0}`)}, unstated, unstated, unstated, unstated, count(2, event.Chunks)},
		"usage in the last choice":          {openAIChat, "", []string{word(0, "a"), inChoice(0, `{"prompt_tokens":12,"completion_tokens":9,"total_tokens":21}`)}, 12, 9, unstated, unstated, event.Count{}},
		"usage in each choice":              {openAIChat, `{"n":2}`, []string{word(0, "a"), word(1, "a"), inChoice(0, `{"prompt_tokens":12,"completion_tokens":9}`), inChoice(1, `{"prompt_tokens":12,"completion_tokens":5}`)}, 12, 14, unstated, unstated, event.Count{}},
		"usage in one of two choices":       {openAIChat, `{"n":2}`, []string{word(0, "a"), word(1, "a"), inChoice(1, `{"prompt_tokens":12,"completion_tokens":14}`)}, 12, 14, unstated, unstated, event.Count{}},
		"llama.cpp, two choices": {openAIChat, `{"n":2}`, []string{word(0, "a"), word(1, "a"), `{"choices":[{"index":1,"delta":{},"finish_reason":"stop"}]}`, `{"choices":[],"usage":{"completion_tokens":8,"prompt_tokens":12},"timings":{"prompt_n":12,"cache_n":0,"predicted_n":8}}`,
			`{"choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}`, `{"choices":[],"usage":{"completion_tokens":6,"prompt_tokens":12},"timings":{"prompt_n":2,"cache_n":10,"predicted_n":6}}`}, 12, 14, unstated, 5, event.Count{}},
		"llama.cpp, two choices without usage":      {openAIChat, `{"n":2}`, []string{word(0, "a"), word(1, "a"), `{"choices":[{"index":1,"delta":{},"finish_reason":"stop"}],"timings":{"prompt_n":12,"predicted_n":8}}`, `{"choices":[{"index":0,"delta":{},"finish_reason":"stop"}],"timings":{"prompt_n":12,"predicted_n":6}}`}, 12, 14, unstated, unstated, event.Count{}},
		"llama.cpp, two prompts":                    {llamaCpp, `{"prompt":["a","b"]}`, []string{`{"index":0,"content":"x","stop":false}`, `{"index":1,"content":"y","stop":false}`, `{"index":1,"content":"","stop":true,"tokens_predicted":4,"tokens_evaluated":3}`, `{"index":0,"content":"","stop":true,"tokens_predicted":5,"tokens_evaluated":2}`}, 5, 9, unstated, unstated, event.Count{}},
		"llama.cpp, two prompts in a document":      {llamaCpp, `{"prompt":["a","b"]}`, []string{`[{"index":0,"content":"x","stop":true,"tokens_predicted":4,"tokens_evaluated":3},{"index":1,"content":"y","stop":true,"tokens_predicted":5,"tokens_evaluated":2}]`}, 5, 9, unstated, unstated, event.Count{}},
		"usage in each choice of a document":        {openAIChat, `{"n":2}`, []string{`{"choices":[{"index":0,"message":{"content":"x"},"usage":{"prompt_tokens":12,"completion_tokens":9}},{"index":1,"message":{"content":"y"},"usage":{"prompt_tokens":12,"completion_tokens":5}}]}`}, 12, 14, unstated, unstated, event.Count{}},
		"rerank, a total alone":                     {openAIOther, `{"query":"q","documents":["a"]}`, []string{`{"model":"m","usage":{"total_tokens":56},"results":[{"index":0,"relevance_score":0.9}]}`}, 56, unstated, unstated, unstated, event.Count{}},
		"embeddings, a total alone":                 {openAIEmbeddings, `{"input":"q"}`, []string{`{"model":"m","data":[],"usage":{"prompt_tokens":0,"total_tokens":56}}`}, 56, unstated, unstated, unstated, event.Count{}},
		"a total of chat says nothing of its parts": {openAIChat, "", []string{word(0, "a"), word(0, "b"), chat(`{"total_tokens":56}`)}, unstated, unstated, unstated, unstated, count(2, event.Chunks)},
		"cached input, then a part of it":           {anthropicMessages, "", []string{start(`{"input_tokens":10,"cache_read_input_tokens":1000,"cache_creation_input_tokens":200,"output_tokens":1}`), said("a"), delta(`{"input_tokens":10,"output_tokens":3}`)}, 1210, 3, unstated, 1000, event.Count{}},
		"cached input, then the rest":               {anthropicMessages, "", []string{start(`{"input_tokens":10,"output_tokens":1}`), said("a"), delta(`{"cache_read_input_tokens":1000,"output_tokens":3}`)}, 1010, 3, unstated, 1000, event.Count{}},
		"an estimate, then the input":               {anthropicMessages, "", []string{start(`{"input_tokens":2,"output_tokens":1}`), said("a"), delta(`{"input_tokens":8,"output_tokens":3}`)}, 8, 3, unstated, unstated, event.Count{}},
		"cached input, then zeros":                  {anthropicMessages, "", []string{start(`{"input_tokens":10,"cache_read_input_tokens":1000}`), said("a"), delta(`{"input_tokens":0,"cache_read_input_tokens":0,"cache_creation_input_tokens":0,"output_tokens":3}`)}, 1010, 3, unstated, 1000, event.Count{}},
	} {
		l := newLab()
		e := l.ask(0, c.d, c.ask)
		if len(c.answer) == 1 {
			e.ResponseHead(1, 200, []byte("application/json"), nil, false)
			e.say(ms, c.answer[0])
		} else {
			e.ResponseHead(1, 200, []byte(eventStream), nil, true)
			for i, doc := range c.answer {
				e.data(int64(i+1)*10*ms, doc)
			}
		}
		e.ResponseEnd(second, false)
		got := l.last(t)
		for tt, want := range map[event.TokenType]int64{event.Input: c.in, event.Output: c.out, event.Reasoning: c.thought, event.Cached: c.cach} {
			n := got.Tokens[tt]
			if n.Source == event.Usage != (want >= 0) && n.Known || want >= 0 && (n.N != want || !n.Known) {
				t.Errorf("%s: %v %+v, want %d", name, tt, n, want)
			}
		}
		if want := c.counted; want.Known && got.Tokens[event.Output] != want {
			t.Errorf("%s: output %+v, want %+v", name, got.Tokens[event.Output], want)
		}
	}
}

// An answer of llama.cpp's server with several choices states the counts of the
// first: those of all are not known, and no count is better than a part.
func TestCountsOfTheFirstChoice(t *testing.T) {
	l := newLab()
	e := l.ask(0, openAIChat, `{"n":2}`)
	e.ResponseHead(1, 200, []byte("application/json"), nil, false)
	e.say(ms, `{"choices":[{"index":0,"message":{"content":"five words of one choice"}},{"index":1,"message":{"content":"five words of the other"}}],"usage":{"completion_tokens":5,"prompt_tokens":12},"timings":{"prompt_n":12,"predicted_n":5}}`)
	e.ResponseEnd(second, false)
	if got := l.last(t).Tokens; got[event.Input].N != 12 || got[event.Output].Source != event.Estimated || got[event.Output].N < 8 {
		t.Errorf("%+v", got)
	}
}

// A prompt that is repeated is no output, however it is asked for and sent.
func TestEchoedPrompts(t *testing.T) {
	prompt := strings.TrimSpace(strings.Repeat("the prompt is a long one ", 40))
	words := strings.Fields("and the answer to it has just ten words here")
	first := func(lead string) []string {
		events := []string{lead + " " + words[0]}
		for _, w := range words[1:] {
			events = append(events, " "+w)
		}
		return events
	}
	alone := append([]string{prompt}, first("")...)
	pieces := append([]string{prompt[:100], prompt[100:]}, first("")...)
	for name, c := range map[string]struct {
		ask    string
		events []string
	}{
		"with the first token":    {`{"prompt":%q,"echo":true}`, first(prompt)},
		"before the first token":  {`{"prompt":%q,"echo":true}`, alone},
		"in pieces":               {`{"echo":true,"prompt":%q}`, pieces},
		"of a list":               {`{"prompt":[%q],"echo":true}`, alone},
		"not asked for, not sent": {`{"prompt":%q,"echo":false}`, first("")},
	} {
		for _, logprobs := range []string{`null`, `{"tokens":["a","b","c","d"]}`} {
			if logprobs != `null` && c.ask == `{"prompt":%q,"echo":false}` {
				continue // there they are evidence
			}
			l := newLab()
			e := l.ask(0, openAICompletions, fmt.Sprintf(c.ask, prompt))
			e.ResponseHead(1, 200, []byte(eventStream), nil, true)
			for i, text := range c.events {
				e.data(int64(i+1)*10*ms, fmt.Sprintf(`{"choices":[{"text":%q,"index":0,"logprobs":%s}]}`, text, logprobs))
			}
			e.ResponseEnd(second, false)
			if got := l.last(t).Tokens[event.Output]; got != count(int64(len(words)), event.Chunks) {
				t.Errorf("%s, logprobs %s: %+v, want %d chunks", name, logprobs, got, len(words))
			}
			one := newLab()
			e = one.ask(0, openAICompletions, fmt.Sprintf(c.ask, prompt))
			e.ResponseHead(1, 200, []byte("application/json"), nil, false)
			e.say(ms, fmt.Sprintf(`{"choices":[{"text":%q,"index":0,"logprobs":%s}]}`, strings.Join(c.events, ""), logprobs))
			e.ResponseEnd(second, false)
			if got := one.last(t).Tokens[event.Output]; got.Source != event.Estimated || got.N < 8 || got.N > 14 {
				t.Errorf("%s, logprobs %s, one document: %+v, want about %d", name, logprobs, got, len(words))
			}
		}
	}
}

// A model that was loaded answered nothing.
func TestLoadIsNoModelRequest(t *testing.T) {
	for _, d := range []*Dialect{ollamaGenerate, ollamaChat} {
		for _, reason := range []string{"load", "unload"} {
			for _, contentType := range []string{jsonLines, "application/json"} {
				l := newLab()
				others := new(others)
				l.Sink = others
				e := l.ask(0, d, `{"model":"m"}`)
				e.ResponseHead(1, 200, []byte(contentType), nil, false)
				e.say(second, `{"model":"m","created_at":"2023-12-18T19:52:07Z","response":"","done":true,"done_reason":"`+reason+`","load_duration":123}`)
				e.ResponseEnd(second, false)
				if others.n != 1 || others.models != 0 || l.InFlight() != 0 {
					t.Errorf("%s, %s, %s: %+v, %d in flight", d.API, reason, contentType, *others, l.InFlight())
				}
			}
		}
	}
}

type others struct{ n, models int }

func (o *others) Exchange(*event.Exchange) { o.models++ }
func (o *others) OtherRequest(string, int) { o.n++ }
