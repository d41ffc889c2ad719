// SPDX-License-Identifier: Apache-2.0

package llm

import (
	"bytes"
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/modeltap/modeltap/observer/event"
)

// family is a documented answer of one API, and what is to be made of it. The
// lines of stream come 10 ms apart, the first at 10 ms.
type family struct {
	dialect     *Dialect
	contentType string
	ask         string
	stream      []string
	joint       string // between the lines
	whole       string // the same answer in one document, "" for none
	first, last int64  // ms
	chunk       int64  // ms, first chunk
	in, cached  int64  // -1 not stated
	out         event.Count
	finish      event.Finish
	unfinished  bool   // the API has no finish reasons
	model       string // "" for claude-answered
	fault       string // an error document, "" for OpenAI's
}

// families holds the examples of the APIs' own documentation, shortened.
var families = map[string]family{
	"anthropic": { // docs.anthropic.com, Streaming Messages, "Streaming request with tool use"
		dialect: anthropicMessages, contentType: "text/event-stream; charset=utf-8", joint: "\n\n",
		ask: `{"model":"claude-asked","max_tokens":256,"stream":true,"system":"be kind","messages":[{"role":"user","content":[{"type":"text","text":"Hello"}]}]}`,
		stream: []string{
			"event: message_start\ndata: " + `{"type":"message_start","message":{"id":"msg_1","type":"message","role":"assistant","content":[],"model":"claude-answered","stop_reason":null,"stop_sequence":null,"usage":{"input_tokens":25,"cache_creation_input_tokens":7,"cache_read_input_tokens":100,"output_tokens":1}}}`,
			"event: content_block_start\ndata: " + `{"type":"content_block_start","index":0,"content_block":{"type":"text","text":""}}`,
			"event: ping\ndata: " + `{"type": "ping"}`,
			"event: content_block_delta\ndata: " + `{"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":"Okay"}}`,
			"event: content_block_delta\ndata: " + `{"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":", let me look."}}`,
			"event: content_block_stop\ndata: " + `{"type":"content_block_stop","index":0}`,
			"event: content_block_delta\ndata: " + `{"type":"content_block_delta","index":1,"delta":{"type":"input_json_delta","partial_json":"{\"location\":"}}`,
			"event: content_block_delta\ndata: " + `{"type":"content_block_delta","index":1,"delta":{"type":"signature_delta","signature":"EqQB"}}`,
			"event: message_delta\ndata: " + `{"type":"message_delta","delta":{"stop_reason":"tool_use","stop_sequence":null},"usage":{"output_tokens":89}}`,
			"event: message_stop\ndata: " + `{"type":"message_stop"}`,
		},
		whole: `{"id":"msg_1","type":"message","role":"assistant","model":"claude-answered","content":[{"type":"text","text":"Okay, let me look."}],"stop_reason":"tool_use","stop_sequence":null,"usage":{"input_tokens":25,"cache_creation_input_tokens":7,"cache_read_input_tokens":100,"output_tokens":89}}`,
		chunk: 10, first: 40, last: 70, in: 132, cached: 100, out: count(89, event.Usage), finish: event.FinishToolCalls,
	},
	"ollama generate": { // ollama, docs/api.md, "Generate a completion"
		dialect: ollamaGenerate, contentType: "application/x-ndjson", joint: "\n",
		ask: `{"model":"llama3.2","prompt":"Why is the sky blue?"}`,
		stream: []string{
			`{"model":"claude-answered","created_at":"2023-08-04T08:52:19.385406455-07:00","response":"The","done":false}`,
			`{"model":"claude-answered","created_at":"2023-08-04T08:52:19.385406455-07:00","response":" sky","done":false}`,
			`{"model":"claude-answered","created_at":"2023-08-04T19:22:45.499127Z","response":"","done":true,"done_reason":"stop","context":[1,2,3],"total_duration":10706818083,"load_duration":6338219291,"prompt_eval_count":26,"prompt_eval_duration":130079000,"eval_count":259,"eval_duration":4232710000}`,
		},
		whole: `{"model":"claude-answered","created_at":"2023-08-04T19:22:45.499127Z","response":"The sky","done":true,"done_reason":"stop","context":[1,2,3],"prompt_eval_count":26,"eval_count":259}`,
		chunk: 10, first: 10, last: 20, in: 26, cached: -1, out: count(259, event.Usage), finish: event.FinishStop,
	},
	"ollama chat": { // ollama, docs/api.md, "Chat request (Streaming with tools)"
		dialect: ollamaChat, contentType: "application/x-ndjson", joint: "\n",
		ask: `{"model":"llama3.2","messages":[{"role":"user","content":"what is the weather in tokyo?"}]}`,
		stream: []string{
			`{"model":"claude-answered","created_at":"2025-07-07T20:22:19.184789Z","message":{"role":"assistant","content":"","thinking":"hm"},"done":false}`,
			`{"model":"claude-answered","created_at":"2025-07-07T20:22:19.184789Z","message":{"role":"assistant","content":"","tool_calls":[{"function":{"name":"get_weather","arguments":{"city":"Tokyo"}}}]},"done":false}`,
			`{"model":"claude-answered","created_at":"2025-07-07T20:22:19.19314Z","message":{"role":"assistant","content":""},"done_reason":"length","done":true,"total_duration":182242375,"load_duration":41295167,"prompt_eval_count":169,"prompt_eval_duration":24573166,"eval_count":15,"eval_duration":115959084}`,
		},
		whole: `{"model":"claude-answered","message":{"role":"assistant","content":"hm"},"done":true,"done_reason":"length","prompt_eval_count":169,"eval_count":15}`,
		chunk: 10, first: 10, last: 20, in: 169, cached: -1, out: count(15, event.Usage), finish: event.FinishLength,
	},
	"llama.cpp": { // llama.cpp, tools/server/README.md, "POST /completion"
		dialect: llamaCpp, contentType: "text/event-stream", joint: "\n\n",
		ask: `{"prompt":"Building a website","n_predict":3,"stream":true}`,
		stream: []string{
			`data: {"index":0,"content":" can","tokens":[649],"stop":false,"id_slot":-1,"tokens_predicted":1,"tokens_evaluated":5}`,
			`data: {"index":0,"content":" be","tokens":[387],"stop":false,"id_slot":-1,"tokens_predicted":2,"tokens_evaluated":5}`,
			`data: {"index":0,"content":"","tokens":[],"id_slot":0,"stop":true,"model":"claude-answered","tokens_predicted":3,"tokens_evaluated":5,"generation_settings":{"n_predict":3,"seed":1},"prompt":"x","has_new_line":false,"truncated":false,"stop_type":"limit","stopping_word":"","tokens_cached":7,"timings":{"cache_n":4,"prompt_n":1,"predicted_n":3}}`,
		},
		whole: `{"index":0,"content":" can be","tokens":[],"stop":true,"model":"claude-answered","tokens_predicted":3,"tokens_evaluated":5,"stop_type":"limit","timings":{"cache_n":4}}`,
		chunk: 10, first: 10, last: 20, in: 5, cached: 4, out: count(3, event.Usage), finish: event.FinishLength,
	},
}

// bytesOf returns the stream as it crosses the wire, and where each line ends.
func (f *family) bytesOf(newline string) (all string, ends []int) {
	for _, l := range f.stream {
		all += strings.ReplaceAll(l+f.joint, "\n", newline)
		ends = append(ends, len(all))
	}
	return all, ends
}

// play gives the stream in pieces of step bytes, each byte at the time of the
// line that it completes or belongs to.
func (f *family) play(l *lab, newline string, step int) *Exchange {
	e := l.ask(0, f.dialect, f.ask)
	e.ResponseHead(1, 200, []byte(f.contentType), nil, true)
	all, ends := f.bytesOf(newline)
	line := 0
	for at := 0; at < len(all); {
		end := min(at+step, ends[line])
		e.say(int64(line+1)*10*ms, all[at:end])
		if at = end; at == ends[line] {
			line++
		}
	}
	return e
}

func (f *family) check(t *testing.T, e event.Exchange) {
	t.Helper()
	if e.API != f.dialect.API || e.Outcome != event.OK || e.Model != cmp.Or(f.model, "claude-answered") {
		t.Errorf("api %s, outcome %v, model %q", e.API, e.Outcome, e.Model)
	}
	if !f.unfinished && e.Finish[f.finish] != 1 || f.unfinished && e.Finish != [event.Finishes]uint8{} {
		t.Errorf("finish reasons %v, want one %v", e.Finish, f.finish)
	}
	for tt, want := range map[event.TokenType]int64{event.Input: f.in, event.Cached: f.cached} {
		if got := e.Tokens[tt]; (got.Known && got.Source == event.Usage) != (want >= 0) || want >= 0 && got.N != want {
			t.Errorf("%v tokens %+v, want %d", tt, got, want)
		}
	}
	if e.Tokens[event.Output] != f.out {
		t.Errorf("output %+v, want %+v", e.Tokens[event.Output], f.out)
	}
}

func TestFamiliesStream(t *testing.T) {
	for name, f := range families {
		t.Run(name, func(t *testing.T) {
			all, _ := f.bytesOf("\n")
			for _, newline := range []string{"\n", "\r\n"} {
				for _, step := range []int{1, 2, 3, 7, 64, len(all)} {
					l := newLab()
					e := f.play(l, newline, step)
					e.ResponseEnd(int64(len(f.stream))*10*ms, false)
					got := l.last(t)
					f.check(t, got)
					if !got.Stream || got.FirstChunk != f.chunk*ms || got.FirstToken != f.first*ms || got.LastToken != f.last*ms {
						t.Fatalf("%q, pieces of %d: first chunk %d, tokens from %d to %d ms, want %d, %d, %d", newline, step,
							got.FirstChunk/ms, got.FirstToken/ms, got.LastToken/ms, f.chunk, f.first, f.last)
					}
				}
			}
		})
	}
}

func TestFamiliesInOneDocument(t *testing.T) {
	for name, f := range families {
		if f.whole == "" {
			continue
		}
		t.Run(name, func(t *testing.T) {
			l := newLab()
			e := l.ask(0, f.dialect, f.ask)
			e.ResponseHead(1, 200, []byte("application/json; charset=utf-8"), nil, false)
			e.say(9*ms, f.whole)
			e.ResponseEnd(9*ms, false)
			f.check(t, l.last(t))
			if l.last(t).Stream || l.last(t).FirstToken != 0 {
				t.Errorf("a document is no stream: %+v", l.last(t))
			}
		})
	}
}

// TestFamiliesCutOff: what came before the end counts, and what the end would
// have said is not made up.
func TestFamiliesCutOff(t *testing.T) {
	for name, f := range families {
		t.Run(name, func(t *testing.T) {
			all, ends := f.bytesOf("\n")
			line := min(f.last/10-1, int64(len(ends)-2))
			seen := all[:ends[line]+3] // up to the last content, and the beginning of what follows
			for _, o := range []event.Outcome{event.ClientAbort, event.ServerAbort} {
				l := newLab()
				e := l.ask(0, f.dialect, f.ask)
				e.ResponseHead(1, 200, []byte(f.contentType), nil, true)
				e.say(10*ms, seen)
				e.Abort(50*ms, o)
				if got := l.last(t); got.Outcome != o || got.FirstToken != 10*ms || !got.Tokens[event.Output].Known {
					t.Errorf("%v: %+v", o, got)
				}
			}
		})
	}
}

// TestFamiliesErrors: an error document is no output, wherever it comes.
func TestFamiliesErrors(t *testing.T) {
	for name, f := range families {
		t.Run(name, func(t *testing.T) {
			before := newLab()
			e := before.ask(0, f.dialect, f.ask)
			e.ResponseHead(1, 500, []byte("application/json"), nil, false)
			e.say(9*ms, `{"error":{"type":"overloaded_error","message":"Overloaded"}}`)
			e.ResponseEnd(9*ms, false)
			if got := before.last(t); got.Outcome != event.HTTPError || got.Tokens[event.Output].Known || got.Model != "unknown" {
				t.Errorf("before: %+v", got)
			}
			within := newLab()
			e = within.ask(0, f.dialect, f.ask)
			e.ResponseHead(1, 200, []byte(f.contentType), nil, true)
			prefix := ""
			if f.joint == "\n\n" {
				prefix = "data: "
			}
			e.say(10*ms, f.stream[0]+f.joint+prefix+cmp.Or(f.fault, `{"type":"error","error":{"type":"overloaded_error","message":"x"}}`)+f.joint)
			e.ResponseEnd(20*ms, false)
			if got := within.last(t); got.Outcome != event.StreamError {
				t.Errorf("within: %+v", got)
			}
		})
	}
}

// TestFamiliesBadDocuments: what is no document of the API changes nothing but
// a counter.
func TestFamiliesBadDocuments(t *testing.T) {
	for name, f := range families {
		for bad, doc := range map[string]string{
			"broken": `{"type":`, "another type": `[1,2,{"content":3}]`, "numbers for text": `{"response":1,"content":2,"delta":{"text":3},"done":"yes","stop":1}`,
			"deep": strings.Repeat("[", 100) + strings.Repeat("]", 100), "nothing": "{}",
		} {
			t.Run(name+"/"+bad, func(t *testing.T) {
				l := newLab()
				e := l.ask(0, f.dialect, f.ask)
				e.ResponseHead(1, 200, []byte(f.contentType), nil, true)
				all, _ := f.bytesOf("\n")
				prefix := ""
				if f.joint == "\n\n" {
					prefix = "data: "
				}
				e.say(5*ms, prefix+doc+f.joint)
				e.say(30*ms, all)
				e.ResponseEnd(40*ms, false)
				got := l.last(t)
				f.check(t, got)
				if got.FirstToken != 30*ms {
					t.Errorf("first token at %d ms", got.FirstToken/ms)
				}
			})
		}
	}
}

// TestHandWrittenServicesOnKnownRoutes: their streams have another form.
func TestHandWrittenServicesOnKnownRoutes(t *testing.T) {
	for _, c := range []struct {
		dialect           *Dialect
		contentType, body string
	}{
		{ollamaChat, "text/event-stream", "data: {\"token\":\"Hi\"}\n\ndata: {\"token\":\" you\"}\n\n"},
		{ollamaGenerate, "text/event-stream", "data: Hi\n\ndata: you\n\n"},
		{llamaCpp, "application/x-ndjson", "{\"text\":\"Hi\"}\n{\"text\":\" you\"}\n"},
	} {
		l := newLab()
		e := l.ask(0, c.dialect, `{"prompt":"x"}`)
		e.ResponseHead(1, 200, []byte(c.contentType), nil, true)
		e.say(10*ms, c.body)
		e.ResponseEnd(20*ms, false)
		if got := l.last(t); got.API != "generic" || got.FirstToken != 10*ms || !got.Tokens[event.Output].Known || got.Outcome != event.OK {
			t.Errorf("%s as %s: %+v", c.dialect.API, c.contentType, got)
		}
	}
}

func TestFamilyRoutes(t *testing.T) {
	for path, want := range map[string]*Dialect{
		"/v1/messages": anthropicMessages, "/anthropic/v1/messages?beta=true": anthropicMessages, "/v1/messages/count_tokens": nil,
		"/api/generate": ollamaGenerate, "/api/chat": ollamaChat, "/api/embed": ollamaEmbed, "/api/embeddings": ollamaEmbed, "/api/tags": nil,
		"/openai/deployments/gpt/completions?api-version=1": openAICompletions, "/openai/deployments/gpt/embeddings": openAIEmbeddings,
		"/openai/deployments/gpt/chat/completions": openAIChat, "/openai/deployments/completions": nil, "/openai/deployments//completions": nil,
		"/deployments/gpt/completions": nil,
		"/completion":                  llamaCpp, "/infill": llamaCpp, "/v1/completions": openAICompletions,
	} {
		if got := DialectOf([]byte("POST"), []byte(path)); got != want {
			t.Errorf("%s: %v", path, got)
		}
		if got := DialectOf([]byte("GET"), []byte(path)); got != nil {
			t.Errorf("GET %s: %v", path, got)
		}
	}
}

// TestModelNamedAtTheEnd: the live rate follows the exchange to the model that
// its last event names.
func TestModelNamedAtTheEnd(t *testing.T) {
	f := families["llama.cpp"]
	l := newLab()
	e := f.play(l, "\n", 1<<20)
	e.ResponseEnd(30*ms, false)
	rates := map[string]float64{}
	for _, s := range l.Book.Snapshot(nil, second) {
		rates[s.Model] = s.TokensPerSecond
	}
	if len(rates) != 2 || rates["unknown"] != 0 || rates["claude-answered"] != 0.3 {
		t.Errorf("rates %v, want 3 tokens in 10 s of the model named, and none of another", rates)
	}
}

// TestFamiliesAllocateNothing: an event of a stream that runs costs no memory.
func TestFamiliesAllocateNothing(t *testing.T) {
	for name, f := range families {
		l := newLab()
		e := f.play(l, "\n", 1<<20)
		doc := []byte(strings.Join(f.stream[:len(f.stream)-1], f.joint) + f.joint)
		now := int64(second)
		turn := func() { now += ms; e.ResponseBody(event.Mark{Time: now}, doc) }
		turn()
		if n := testing.AllocsPerRun(200, turn); n != 0 {
			t.Errorf("%s: %g allocations", name, n)
		}
		e.Discard()
	}
}

// BenchmarkFamilies is the cost of one content event.
func BenchmarkFamilies(b *testing.B) {
	for name, f := range families {
		b.Run(strings.ReplaceAll(name, " ", "_"), func(b *testing.B) {
			l := newLab()
			e := f.play(l, "\n", 1<<20)
			doc := []byte(f.stream[f.content()] + f.joint)
			b.SetBytes(int64(len(doc)))
			b.ReportAllocs()
			now := int64(second)
			for b.Loop() {
				now += ms
				e.ResponseBody(event.Mark{Time: now}, doc)
			}
		})
	}
}

// content returns the position of the first line that carries content.
func (f *family) content() int { return int(f.first/10) - 1 }

// FuzzFamilies: two cuts make no difference to any dialect, whatever the bytes.
func FuzzFamilies(f *testing.F) {
	names := slices.Sorted(maps.Keys(families))
	for i, n := range names {
		fam := families[n]
		all, _ := fam.bytesOf("\n")
		f.Add(uint8(i), []byte(all), uint16(7), uint16(40))
	}
	f.Fuzz(func(t *testing.T, which uint8, body []byte, a, b uint16) {
		fam := families[names[int(which)%len(names)]]
		run := func(cuts ...int) string {
			l := newLab()
			e := l.ask(0, fam.dialect, fam.ask)
			e.ResponseHead(1, 200, []byte(fam.contentType), nil, true)
			at := 0
			for _, c := range append(cuts, len(body)) {
				if c = min(c, len(body)); c > at {
					e.ResponseBody(event.Mark{Time: ms}, bytes.Clone(body[at:c]))
					at = c
				}
			}
			e.ResponseEnd(2*ms, false)
			if l.InFlight() != 0 {
				t.Fatal("still in flight")
			}
			return fmt.Sprintf("%+v %+v", l.exchanges, l.tally)
		}
		whole := run()
		if cut := run(int(min(a, b)), int(max(a, b))); cut != whole {
			t.Fatalf("cut at %d and %d:\n%s\nwhole:\n%s", a, b, cut, whole)
		}
	})
}
