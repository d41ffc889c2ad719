// SPDX-License-Identifier: Apache-2.0

package llm

import (
	"encoding/json"
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/modeltap/modeltap/observer/event"
)

// speech is how a dialect says things: the events of its streams.
type speech struct {
	dialect     *Dialect
	contentType string
	before      string // all
	joint       string // behind each
	text        string // with one %q
	reasoning   string // the same
	tool        string // a tool call with one %s of JSON
	toolText    string // the same with one %q of JSON in a string
	usage       string // with one %d of output tokens
	hidden      string // with one %d of output, and one of reasoning tokens in it
	end         string
}

const (
	eventStream = "text/event-stream"
	jsonLines   = "application/x-ndjson"
)

var speeches = func() map[string]speech {
	chat := speech{
		dialect: openAIChat, contentType: eventStream, before: "data: ", joint: "\n\n",
		text:      `{"model":"m","choices":[{"index":0,"delta":{"content":%q}}]}`,
		reasoning: `{"model":"m","choices":[{"index":0,"delta":{"reasoning_content":%q}}]}`,
		tool:      `{"model":"m","choices":[{"index":0,"delta":{"tool_calls":[{"index":0,"function":{"name":"f","arguments":%s}}]}}]}`,
		toolText:  `{"model":"m","choices":[{"index":0,"delta":{"tool_calls":[{"index":0,"function":{"arguments":%q}}]}}]}`,
		usage:     `{"model":"m","choices":[],"usage":{"prompt_tokens":9,"completion_tokens":%d}}`,
		hidden:    `{"model":"m","choices":[],"usage":{"prompt_tokens":9,"completion_tokens":%d,"completion_tokens_details":{"reasoning_tokens":%d}}}`,
		end:       "[DONE]",
	}
	custom := chat
	custom.tool = `{"model":"m","choices":[{"index":0,"delta":{"tool_calls":[{"index":0,"custom":{"name":"f","input":%s}}]}}]}`
	custom.toolText = `{"model":"m","choices":[{"index":0,"delta":{"function_call":{"name":"f","arguments":%q}}}]}`
	wrapped := chat // a hand-written service that speaks OpenAI's format
	wrapped.dialect = generic
	ollama := speech{
		dialect: ollamaChat, contentType: jsonLines, joint: "\n",
		text:      `{"model":"m","message":{"role":"assistant","content":%q},"done":false}`,
		reasoning: `{"model":"m","message":{"role":"assistant","content":"","thinking":%q},"done":false}`,
		tool:      `{"model":"m","message":{"role":"assistant","content":"","tool_calls":[{"function":{"name":"f","arguments":%s}}]},"done":false}`,
		usage:     `{"model":"m","message":{"content":""},"done":true,"done_reason":"stop","prompt_eval_count":9,"eval_count":%d}`,
	}
	generate := ollama
	generate.dialect, generate.tool = ollamaGenerate, ""
	generate.text = `{"model":"m","response":%q,"done":false}`
	generate.reasoning = `{"model":"m","response":"","thinking":%q,"done":false}`
	return map[string]speech{
		"openai chat": chat, "openai chat, other calls": custom, "generic": wrapped, "ollama chat": ollama, "ollama generate": generate,
		"openai completions": {
			dialect: openAICompletions, contentType: eventStream, before: "data: ", joint: "\n\n",
			text:   `{"model":"m","choices":[{"index":0,"text":%q}]}`,
			usage:  chat.usage,
			hidden: chat.hidden, end: chat.end,
		},
		"openai responses": {
			dialect: openAIResponses, contentType: eventStream, before: "data: ", joint: "\n\n",
			text:      `{"type":"response.output_text.delta","delta":%q}`,
			reasoning: `{"type":"response.reasoning_text.delta","delta":%q}`,
			tool:      `{"type":"response.mcp_call_arguments.delta","delta":%s}`,
			toolText:  `{"delta":%q,"type":"response.function_call_arguments.delta"}`,
			usage:     `{"type":"response.completed","response":{"model":"m","status":"completed","usage":{"input_tokens":9,"output_tokens":%d}}}`,
			hidden:    `{"type":"response.completed","response":{"model":"m","status":"completed","usage":{"output_tokens":%d,"output_tokens_details":{"reasoning_tokens":%d}}}}`,
		},
		"anthropic": {
			dialect: anthropicMessages, contentType: eventStream, before: "data: ", joint: "\n\n",
			text:      `{"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":%q}}`,
			reasoning: `{"type":"content_block_delta","index":0,"delta":{"type":"thinking_delta","thinking":%q}}`,
			tool:      `{"type":"content_block_start","index":1,"content_block":{"type":"tool_use","id":"t","name":"f","input":%s}}`,
			toolText:  `{"type":"content_block_delta","index":1,"delta":{"type":"input_json_delta","partial_json":%q}}`,
			usage:     `{"type":"message_delta","delta":{"stop_reason":"end_turn"},"usage":{"output_tokens":%d}}`,
			end:       `{"type":"message_stop"}`,
		},
		"llama.cpp": {
			dialect: llamaCpp, contentType: eventStream, before: "data: ", joint: "\n\n",
			text:  `{"content":%q,"stop":false}`,
			usage: `{"content":"","stop":true,"model":"m","stop_type":"eos","tokens_predicted":%d,"tokens_evaluated":9}`,
		},
		"sglang": {
			dialect: sglang, contentType: eventStream, before: "data: ", joint: "\n\n",
			text:   `{"text":%q,"meta_info":{"finish_reason":null}}`,
			usage:  `{"text":"","meta_info":{"finish_reason":{"type":"stop"},"completion_tokens":%d}}`,
			hidden: `{"text":"","meta_info":{"finish_reason":{"type":"stop"},"completion_tokens":%d,"reasoning_tokens":%d}}`, end: "[DONE]",
		},
		"triton": {
			dialect: triton, contentType: eventStream, before: "data: ", joint: "\n\n",
			text: `{"model_name":"m","text_output":%q}`,
		},
		"lmdeploy": {
			dialect: lmdeployInteractive, contentType: eventStream, joint: "\n",
			text:  `{"text":%q}`,
			usage: `{"text":"","tokens":%d,"input_tokens":12,"finish_reason":"stop"}`,
		},
	}
}()

// answer is a stream of a speech, with the time of each event.
type answer struct {
	*Exchange
	s   speech
	now int64
}

func (l *lab) answer(s speech, start int64) *answer {
	e := l.ask(start, s.dialect, `{"model":"m","stream":true}`)
	e.ResponseHead(start, 200, []byte(s.contentType), nil, true)
	return &answer{e, s, start}
}

func (a *answer) event(gap int64, doc string) {
	a.now += gap
	a.say(a.now, a.s.before+doc+a.s.joint)
}

func (a *answer) words(n int) {
	for range n {
		a.event(20*ms, fmt.Sprintf(a.s.text, " word"))
	}
}

func (a *answer) finish(docs ...string) int64 {
	for _, d := range append(docs, a.s.end) {
		if d != "" {
			a.event(ms, d)
		}
	}
	a.ResponseEnd(a.now, false)
	return a.now
}

// arguments are 90 tokens of a tool call.
func arguments() string {
	j, _ := json.Marshal(map[string]any{"path": "/a", "depth": 12, "text": strings.Repeat("word ", 80)})
	return string(j)
}

// poisons are answers from which nothing can be learnt of others. Each returns
// its end, 0 where the dialect has no such thing.
var poisons = map[string]func(*lab, speech, int64) int64{
	"tool call": func(l *lab, s speech, t int64) int64 {
		if s.tool == "" {
			return 0
		}
		a := l.answer(s, t)
		a.event(second, fmt.Sprintf(s.tool, arguments()))
		return a.finish(fmt.Sprintf(s.usage, 100))
	},
	"tool call in a string": func(l *lab, s speech, t int64) int64 {
		if s.toolText == "" {
			return 0
		}
		a := l.answer(s, t)
		a.event(second, fmt.Sprintf(s.tool, `"{"`))
		a.event(second, fmt.Sprintf(s.toolText, arguments()))
		return a.finish(fmt.Sprintf(s.usage, 100))
	},
	"hidden reasoning": func(l *lab, s speech, t int64) int64 {
		if s.usage == "" {
			return 0
		}
		a := l.answer(s, t)
		a.words(20)
		return a.finish(fmt.Sprintf(s.usage, 60))
	},
	"hidden reasoning, stated": func(l *lab, s speech, t int64) int64 {
		if s.hidden == "" {
			return 0
		}
		a := l.answer(s, t)
		a.words(20)
		return a.finish(fmt.Sprintf(s.hidden, 820, 800))
	},
	"reasoning in one event": func(l *lab, s speech, t int64) int64 {
		if s.reasoning == "" {
			return 0
		}
		a := l.answer(s, t)
		a.event(second, fmt.Sprintf(s.reasoning, strings.Repeat(" word", 300)))
		a.words(20)
		return a.finish(fmt.Sprintf(s.usage, 320))
	},
	"absurd usage": func(l *lab, s speech, t int64) int64 {
		if s.usage == "" {
			return 0
		}
		a := l.answer(s, t)
		a.words(50)
		return a.finish(fmt.Sprintf(s.usage, int64(math.MaxInt64)))
	},
	"usage of nothing": func(l *lab, s speech, t int64) int64 {
		if s.usage == "" {
			return 0
		}
		a := l.answer(s, t)
		a.words(50)
		return a.finish(fmt.Sprintf(s.usage, 0))
	},
	"many words in an event": func(l *lab, s speech, t int64) int64 {
		a := l.answer(s, t)
		for i := range 10 {
			a.event(second, fmt.Sprintf(s.text, strings.Repeat(" word", 20+i)))
		}
		if s.usage == "" {
			return a.finish()
		}
		return a.finish(fmt.Sprintf(s.usage, 250))
	},
}

// TestNothingPoisonsTheNextStream: whatever eight answers said and stated, a
// plain stream is timed and counted by its own events.
func TestNothingPoisonsTheNextStream(t *testing.T) {
	const events = 100
	tried := 0
	for name, s := range speeches {
		for _, poison := range slices.Sorted(maps.Keys(poisons)) {
			for _, complete := range []bool{true, false} {
				l := newLab()
				now := second
				for range 8 {
					if now = poisons[poison](l, s, now); now == 0 {
						break
					}
				}
				if now == 0 {
					continue
				}
				tried++
				var before event.Histogram
				l.Book.Series("s", s.dialect.API, []byte("m"), now)
				for _, x := range l.Book.Snapshot(nil, now) {
					add(&before, x.InterToken)
				}
				a := l.answer(s, now)
				a.words(events)
				if complete {
					now = a.finish()
				} else {
					now = a.now
					a.Abort(now, event.ClientAbort)
				}
				var after event.Histogram
				for _, x := range l.Book.Snapshot(nil, now) {
					add(&after, x.InterToken)
				}
				at := slices.Index(event.GapBuckets[:], 0.02)
				in, all := after.Counts[at]-before.Counts[at], observations(after)-observations(before)
				if in != events-1 || all != events-1 || math.Abs(after.Sum-before.Sum-(events-1)*0.02) > 1e-6 {
					t.Errorf("%s after %s: %d gaps of 20 ms of %d, over %v s", name, poison, in, all, after.Sum-before.Sum)
				}
				out := l.last(t).Tokens[event.Output]
				if !out.Known || math.Abs(float64(out.N)-events) > 0.05*events {
					t.Errorf("%s after %s: output %+v, want %d", name, poison, out, events)
				}
			}
		}
	}
	if tried < 100 {
		t.Errorf("only %d combinations were tried", tried)
	}
}

func add(to *event.Histogram, h event.Histogram) {
	for i, n := range h.Counts {
		to.Counts[i] += n
	}
	to.Sum += h.Sum
}

// TestToolCallsAreText: of a tool call all strings and numbers count, whatever
// the form, and its first event is the first token.
func TestToolCallsAreText(t *testing.T) {
	for name, s := range speeches {
		for _, form := range []string{s.tool, s.toolText} {
			if form == "" {
				continue
			}
			l := newLab()
			a := l.answer(s, second)
			a.event(second, fmt.Sprintf(form, arguments()))
			end := a.finish()
			got := l.last(t)
			if out := got.Tokens[event.Output]; out.Source != event.Estimated || out.N < 80 || out.N > 120 || got.FirstToken != 2*second {
				t.Errorf("%s, %.60s: %+v, first token %d of %d", name, form, out, got.FirstToken, end)
			}
		}
	}
}

// TestReasoningUnderTwoNames: the same words under two names of one delta are
// one text, in streams and documents, for each pair of names and order.
func TestReasoningUnderTwoNames(t *testing.T) {
	const words = "the same words under two names"
	list := fmt.Sprintf(`[{"type":"reasoning.text","text":%q}]`, words)
	text := fmt.Sprintf("%q", words)
	names := map[string]string{"reasoning": text, "reasoning_content": text, "reasoning_details": list}
	for _, at := range []string{"delta", "message"} {
		for one, x := range names {
			var alone int64
			for two, y := range names {
				l := newLab()
				e := l.ask(0, openAIChat, `{"model":"m"}`)
				member := fmt.Sprintf(`{"choices":[{"index":0,%q:{%q:%s,%q:%s}}]}`, at, one, x, two, y)
				if one == two {
					member = fmt.Sprintf(`{"choices":[{"index":0,%q:{%q:%s}}]}`, at, one, x)
				}
				if at == "delta" {
					e.ResponseHead(1, 200, []byte(eventStream), nil, true)
					for i := range int64(9) {
						e.data(i*ms, member)
					}
				} else {
					e.ResponseHead(1, 200, []byte("application/json"), nil, false)
					e.say(ms, member)
				}
				e.ResponseEnd(second, false)
				n := l.last(t).Tokens[event.Output].N
				if alone == 0 {
					alone = n
				}
				if n != alone || n < 5 {
					t.Errorf("%s of %s and %s: %d tokens, others %d", at, one, two, n, alone)
				}
			}
		}
	}
}

// TestThinkingParts: parts of a content list that hold reasoning (Mistral).
func TestThinkingParts(t *testing.T) {
	l := newLab()
	e := l.stream(0, openAIChat)
	e.data(34*ms, `{"model":"m","choices":[{"index":0,"delta":{"content":[{"type":"thinking","thinking":[{"type":"text","text":"Okay"}]}]}}]}`)
	e.data(60*ms, `{"model":"m","choices":[{"index":0,"delta":{"content":[{"type":"thinking","thinking":"so"}]}}]}`)
	e.data(100*ms, word(0, "Hi"))
	reasoned := e.account.Reasoned
	e.ResponseEnd(second, false)
	if got := l.last(t); got.FirstToken != 34*ms || got.Tokens[event.Output] != count(3, event.Chunks) || !reasoned {
		t.Errorf("first token %d, %+v, reasoning %t", got.FirstToken/ms, got.Tokens[event.Output], reasoned)
	}
}
