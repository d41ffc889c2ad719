// SPDX-License-Identifier: Apache-2.0

package stream

import (
	"math"
	"testing"

	"github.com/modeltap/modeltap/observer/event"
)

const ms = int64(1e6)

func count(n int64, s event.TokenSource) event.Count {
	return event.Count{N: n, Source: s, Known: true}
}

func TestChatStreamClocks(t *testing.T) {
	e := one(t, story()[:10]...)
	want := event.Exchange{
		Server: "test", API: "openai_chat", Model: "m1",
		Start: 0, Complete: 0, Headers: 10 * ms, FirstChunk: 20 * ms, FirstToken: 200 * ms,
		LastToken: 230 * ms, End: 273 * ms,
		Status: 200, Stream: true, Choices: 1, Outcome: event.OK, SocketWait: -1,
		RequestBytes: e.RequestBytes, ResponseBytes: e.ResponseBytes,
	}
	want.Tokens[event.Input] = count(12, event.Usage)
	want.Tokens[event.Output] = count(3, event.Usage)
	want.Finish[event.FinishStop] = 1
	if e != want {
		t.Errorf("exchange\n got %+v\nwant %+v", e, want)
	}
	if e.RequestBytes == 0 || e.ResponseBytes == 0 {
		t.Errorf("sizes %d and %d, want both above 0", e.RequestBytes, e.ResponseBytes)
	}
}

func TestChatStreamGaps(t *testing.T) {
	k := newTalk()
	k.run(explicit(t), true, 0, story()[:10]...)
	s := k.shard.LLM.Book.Snapshot(nil, 300*ms)
	if len(s) != 1 {
		t.Fatalf("%d series, want 1", len(s))
	}
	// One gap of 30 ms, from the first to the second content event.
	var n uint64
	for _, c := range s[0].InterChunk.Counts {
		n += c
	}
	if n != 1 || s[0].InterChunk.Sum != 0.03 {
		t.Errorf("inter-chunk latency: %d gaps, sum %v s; want 1, 0.03", n, s[0].InterChunk.Sum)
	}
	if s[0].InterToken.Sum != 0.03 {
		t.Errorf("inter-token latency sums to %v s, want the elapsed 0.03", s[0].InterToken.Sum)
	}
}

func TestFirstToken(t *testing.T) {
	for name, first := range map[string]string{
		"content":           `{"choices":[{"index":0,"delta":{"content":"x"}}]}`,
		"reasoning":         `{"choices":[{"index":0,"delta":{"reasoning":"x"}}]}`,
		"reasoning_content": `{"choices":[{"delta":{"reasoning_content":"x"},"index":0}]}`,
		"tool name":         `{"choices":[{"index":0,"delta":{"tool_calls":[{"index":0,"function":{"name":"f","arguments":""}}]}}]}`,
		"tool arguments":    `{"choices":[{"index":0,"delta":{"tool_calls":[{"index":0,"function":{"arguments":"{"}}]}}]}`,
		"second choice":     `{"choices":[{"index":0,"delta":{}},{"index":1,"delta":{"content":"x"}}]}`,
		"with finish":       `{"choices":[{"index":0,"delta":{"content":"x"},"finish_reason":"stop"}]}`,
	} {
		t.Run(name, func(t *testing.T) {
			e := one(t,
				ask(0, post("/v1/chat/completions", `{"model":"m","stream":true}`)),
				answer(1, streamHead("text/event-stream")),
				answer(2, data(`{"choices":[{"index":0,"delta":{"role":"assistant","content":""}}]}`)),
				answer(3, data(`{"choices":[{"index":0,"delta":{"role":"assistant","content":null}}]}`)),
				answer(4, data(`{"choices":[{"index":0,"delta":{}}],"usage":{"prompt_tokens":3,"completion_tokens":0}}`)),
				answer(5, chunk(": keep-alive\n\n")),
				answer(50, data(first)),
				answer(60, data("[DONE]")+lastChunk))
			if e.FirstToken != 50*ms {
				t.Errorf("first token at %d ms, want 50", e.FirstToken/ms)
			}
			if e.FirstChunk != 2*ms {
				t.Errorf("first chunk at %d ms, want 2", e.FirstChunk/ms)
			}
		})
	}
}

func TestSeveralEventsInOneWrite(t *testing.T) {
	e := one(t,
		ask(0, post("/v1/chat/completions", `{"model":"m","stream":true}`)),
		answer(5, streamHead("text/event-stream")+chunk(
			"data: {\"choices\":[{\"index\":0,\"delta\":{\"content\":null,\"role\":\"assistant\"}}]}\n\n"+
				"data: {\"choices\":[{\"index\":0,\"delta\":{\"content\":\"The\"}}]}\n\n")),
		answer(9, chunk("data: {\"choices\":[{\"index\":0,\"delta\":{},\"finish_reason\":\"length\"}]}\n\n"+
			"data: {\"choices\":[],\"timings\":{\"cache_n\":30,\"prompt_n\":1,\"predicted_n\":1}}\n\ndata: [DONE]\n\n")+"0\r\n"),
		answer(10, "\r\n"))
	if e.FirstToken != 5*ms || e.End != 10*ms || e.Finish[event.FinishLength] != 1 {
		t.Errorf("first token %d, end %d, finish %v", e.FirstToken/ms, e.End/ms, e.Finish)
	}
	if got := e.Tokens[event.Input]; got != count(31, event.Usage) {
		t.Errorf("input tokens %+v, want cache_n + prompt_n = 31 from the server", got)
	}
}

func TestChoicesHaveTheirOwnClocks(t *testing.T) {
	k := newTalk()
	ev := func(i int) string {
		return data(`{"model":"m","choices":[{"delta":{"content":"x"},"index":` + string(rune('0'+i)) + `}]}`)
	}
	k.run(explicit(t), true, 0,
		ask(0, post("/v1/chat/completions", `{"n":2,"stream":true}`)),
		answer(1, streamHead("text/event-stream")),
		answer(100, ev(0)), answer(150, ev(1)), answer(200, ev(0)), answer(260, ev(1)),
		answer(300, data("[DONE]")+lastChunk))
	s := k.shard.LLM.Book.Snapshot(nil, 0)[0]
	if got := s.InterChunk.Sum; got < 0.2099 || got > 0.2101 {
		t.Errorf("gaps sum to %v s, want 0.1 + 0.11: each choice by itself", got)
	}
}

func TestTokensPerEvent(t *testing.T) {
	for name, c := range map[string]struct {
		events []string
		want   event.Count
		tokens uint64 // inter-token observations
	}{
		"token ids": {[]string{
			`{"choices":[{"index":0,"delta":{"content":"a"},"token_ids":[1]}]}`,
			`{"choices":[{"index":0,"delta":{"content":"b c d"},"token_ids":[2,3,4]}]}`,
		}, count(4, event.Exact), 3},
		"a character in two tokens": {[]string{
			`{"choices":[{"index":0,"delta":{"content":"a"},"token_ids":[1]}]}`,
			`{"choices":[{"index":0,"delta":{"content":""},"token_ids":[2]}]}`,
			`{"choices":[{"index":0,"delta":{"content":"é"},"token_ids":[3]}]}`,
		}, count(3, event.Exact), 2},
		"log probabilities": {[]string{
			`{"choices":[{"index":0,"delta":{"content":"a"},"logprobs":{"content":[{"token":"a"}]}}]}`,
			`{"choices":[{"index":0,"delta":{"content":"b c"},"logprobs":{"content":[{"token":"b"},{"token":" c"}]}}]}`,
		}, count(3, event.Exact), 2},
		"continuous usage": {[]string{
			`{"choices":[{"index":0,"delta":{"content":"a"}}],"usage":{"prompt_tokens":5,"completion_tokens":1}}`,
			`{"choices":[{"index":0,"delta":{"content":"b c d"}}],"usage":{"prompt_tokens":5,"completion_tokens":5}}`,
		}, count(5, event.Usage), 4},
	} {
		t.Run(name, func(t *testing.T) {
			k := newTalk()
			steps := []step{ask(0, post("/v1/chat/completions", `{"model":"m","stream":true}`)), answer(1, streamHead("text/event-stream"))}
			for i, ev := range c.events {
				steps = append(steps, answer(int64(100*(i+1)), data(ev)))
			}
			k.run(explicit(t), true, 0, append(steps, answer(900, data("[DONE]")+lastChunk))...)
			if got := k.exchanges[0].Tokens[event.Output]; got != c.want {
				t.Errorf("output tokens %+v, want %+v", got, c.want)
			}
			s := k.shard.LLM.Book.Snapshot(nil, 0)[0]
			var n uint64
			for _, b := range s.InterToken.Counts {
				n += b
			}
			elapsed := 0.1 * float64(len(c.events)-1)
			if n != c.tokens || math.Abs(s.InterToken.Sum-elapsed) > 1e-4 {
				t.Errorf("%d inter-token observations over %v s, want %d over the elapsed %v", n, s.InterToken.Sum, c.tokens, elapsed)
			}
		})
	}
}

func TestResponsesAPI(t *testing.T) {
	e := one(t,
		ask(0, post("/v1/responses", `{"input":"hello","model":"m","stream":true}`)),
		answer(1, streamHead("text/event-stream")),
		answer(10, chunk("event: response.created\ndata: {\"response\":{\"model\":\"m2\",\"status\":\"in_progress\"},\"type\":\"response.created\"}\n\n")),
		answer(50, chunk("event: response.output_text.delta\ndata: {\"delta\":\"Hi\",\"type\":\"response.output_text.delta\"}\n\n")),
		answer(60, chunk("event: response.output_text.done\ndata: {\"text\":\"Hi\",\"type\":\"response.output_text.done\"}\n\n")),
		answer(70, chunk("event: response.completed\ndata: {\"response\":{\"status\":\"completed\",\"usage\":{\"input_tokens\":37,\"output_tokens\":11,\"output_tokens_details\":{\"reasoning_tokens\":4}}},\"type\":\"response.completed\"}\n\n")),
		answer(71, lastChunk))
	if e.API != "openai_responses" || e.Model != "m2" || e.FirstToken != 50*ms || e.LastToken != 50*ms || e.FirstChunk != 10*ms {
		t.Errorf("got %+v", e)
	}
	if e.Tokens[event.Output] != count(11, event.Usage) || e.Tokens[event.Reasoning] != count(4, event.Usage) {
		t.Errorf("tokens %+v", e.Tokens)
	}
	if e.Finish[event.FinishStop] != 1 || e.Outcome != event.OK {
		t.Errorf("finish %v, outcome %v", e.Finish, e.Outcome)
	}
}

func TestAnswersInOneDocument(t *testing.T) {
	for name, c := range map[string]struct {
		path, body, answer string
		api                string
		in, out            event.Count
	}{
		"chat": {"/v1/chat/completions", `{"model":"m"}`,
			`{"model":"m","choices":[{"index":0,"message":{"role":"assistant","content":"Hello there"},"finish_reason":"stop"}],"usage":{"prompt_tokens":9,"completion_tokens":2}}`,
			"openai_chat", count(9, event.Usage), count(2, event.Usage)},
		"completions": {"/v1/completions", `{"prompt":"a"}`,
			`{"choices":[{"text":"x","finish_reason":"length"}],"usage":{"prompt_tokens":1,"completion_tokens":16},"model":"m"}`,
			"openai_completions", count(1, event.Usage), count(16, event.Usage)},
		"embeddings": {"/v1/embeddings", `{"input":["a","b"],"model":"m"}`,
			`{"object":"list","data":[{"embedding":[0.1,0.2]}],"model":"m","usage":{"prompt_tokens":8,"total_tokens":8}}`,
			"openai_embeddings", count(8, event.Usage), event.Count{}},
		"prompt of token ids": {"/v1/completions", `{"prompt":[1,2,3,4],"model":"m"}`,
			`{"choices":[{"text":"","finish_reason":"stop"}],"model":"m"}`,
			"openai_completions", count(4, event.Exact), event.Count{}},
	} {
		t.Run(name, func(t *testing.T) {
			e := one(t, ask(0, post(c.path, c.body)), answer(80, jsonAnswer(200, c.answer)))
			if e.API != c.api || e.Model != "m" || e.Stream || e.Outcome != event.OK || e.End != 80*ms {
				t.Errorf("got %+v", e)
			}
			if e.FirstToken != 0 || e.FirstChunk != 0 {
				t.Error("an answer in one document has no first token")
			}
			if e.Tokens[event.Input] != c.in || e.Tokens[event.Output] != c.out {
				t.Errorf("tokens %+v, want %+v and %+v", e.Tokens, c.in, c.out)
			}
		})
	}
}
