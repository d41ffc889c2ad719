// SPDX-License-Identifier: Apache-2.0

package llm

import "github.com/modeltap/modeltap/observer/event"

// The examples of OpenAI's API reference, shortened, and what the servers that
// imitate it make of them.
func init() {
	families["openai chat"] = family{ // API reference, "Streaming", stream_options.include_usage
		dialect: openAIChat, contentType: "text/event-stream; charset=utf-8", joint: "\n\n",
		ask: `{"model":"gpt-asked","stream":true,"stream_options":{"include_usage":true},"messages":[{"role":"user","content":"Hello!"}]}`,
		stream: []string{
			`data: {"id":"chatcmpl-123","object":"chat.completion.chunk","created":1694268190,"model":"claude-answered","system_fingerprint":"fp_44709d6fcb","choices":[{"index":0,"delta":{"role":"assistant","content":""},"logprobs":null,"finish_reason":null}],"usage":null}`,
			`: ping`,
			`data: {"id":"chatcmpl-123","object":"chat.completion.chunk","created":1694268190,"model":"claude-answered","choices":[{"index":0,"delta":{"content":"Hello"},"logprobs":null,"finish_reason":null}],"usage":null}`,
			`data: {"id":"chatcmpl-123","object":"chat.completion.chunk","created":1694268190,"model":"claude-answered","choices":[{"index":0,"delta":{"reasoning_content":" there"},"finish_reason":null}],"usage":null}`,
			`data: {"id":"chatcmpl-123","object":"chat.completion.chunk","created":1694268190,"model":"claude-answered","choices":[{"index":0,"delta":{},"logprobs":null,"finish_reason":"stop"}],"usage":null}`,
			`data: {"id":"chatcmpl-123","object":"chat.completion.chunk","created":1694268190,"model":"claude-answered","choices":[],"usage":{"prompt_tokens":19,"completion_tokens":10,"total_tokens":29,"prompt_tokens_details":{"cached_tokens":3},"completion_tokens_details":{"reasoning_tokens":0}}}`,
			`data: [DONE]`,
		},
		whole: `{"id":"chatcmpl-123","object":"chat.completion","created":1741569952,"model":"claude-answered","choices":[{"index":0,"message":{"role":"assistant","content":"Hello there","refusal":null,"annotations":[]},"logprobs":null,"finish_reason":"stop"}],"usage":{"prompt_tokens":19,"completion_tokens":10,"total_tokens":29,"prompt_tokens_details":{"cached_tokens":3,"audio_tokens":0},"completion_tokens_details":{"reasoning_tokens":0}}}`,
		chunk: 10, first: 30, last: 40, in: 19, cached: 3, out: count(10, event.Usage), finish: event.FinishStop,
	}
	families["openai completions"] = family{ // API reference, "Completions"; continuous usage as vLLM sends it
		dialect: openAICompletions, contentType: "text/event-stream", joint: "\n\n",
		ask: `{"model":"gpt-asked","prompt":["Say this"," is a test"],"stream":true}`,
		stream: []string{
			`data: {"id":"cmpl-7","object":"text_completion","created":1690759702,"choices":[{"text":"This","index":0,"logprobs":null,"finish_reason":null}],"model":"claude-answered","usage":{"prompt_tokens":5,"completion_tokens":1,"total_tokens":6}}`,
			`data: {"id":"cmpl-7","object":"text_completion","created":1690759702,"choices":[{"text":" is indeed","index":0,"logprobs":null,"finish_reason":null}],"model":"claude-answered","usage":{"prompt_tokens":5,"completion_tokens":3,"total_tokens":8}}`,
			`data: {"id":"cmpl-7","object":"text_completion","created":1690759702,"choices":[{"text":"","index":0,"logprobs":null,"finish_reason":"length"}],"model":"claude-answered","usage":{"prompt_tokens":5,"completion_tokens":7,"total_tokens":12}}`,
			`data: [DONE]`,
		},
		whole: `{"id":"cmpl-7","object":"text_completion","created":1589478378,"model":"claude-answered","choices":[{"text":"This is indeed","index":0,"logprobs":null,"finish_reason":"length"}],"usage":{"prompt_tokens":5,"completion_tokens":7,"total_tokens":12}}`,
		chunk: 10, first: 10, last: 20, in: 5, cached: -1, out: count(7, event.Usage), finish: event.FinishLength,
	}
	families["openai responses"] = family{ // API reference, "Streaming events"
		dialect: openAIResponses, contentType: "text/event-stream; charset=utf-8", joint: "\n\n",
		ask: `{"model":"gpt-asked","instructions":"You are a helpful assistant.","input":"Hello!","stream":true}`,
		stream: []string{
			"event: response.created\ndata: " + `{"type":"response.created","response":{"id":"resp_67c","object":"response","created_at":1741290958,"status":"in_progress","error":null,"incomplete_details":null,"model":"claude-answered","output":[],"usage":null}}`,
			"event: response.output_item.added\ndata: " + `{"type":"response.output_item.added","output_index":0,"item":{"id":"msg_67c","type":"message","status":"in_progress","role":"assistant","content":[]}}`,
			"event: response.output_text.delta\ndata: " + `{"type":"response.output_text.delta","item_id":"msg_67c","output_index":0,"content_index":0,"delta":"Hi"}`,
			"event: response.output_text.delta\ndata: " + `{"item_id":"msg_67c","output_index":0,"content_index":0,"delta":" there","type":"response.output_text.delta"}`,
			"event: response.output_text.done\ndata: " + `{"type":"response.output_text.done","item_id":"msg_67c","output_index":0,"content_index":0,"text":"Hi there"}`,
			"event: response.completed\ndata: " + `{"type":"response.completed","response":{"id":"resp_67c","object":"response","status":"completed","error":null,"model":"claude-answered","output":[{"id":"msg_67c","type":"message","status":"completed","role":"assistant","content":[{"type":"output_text","text":"Hi there","annotations":[]}]}],"usage":{"input_tokens":37,"output_tokens":11,"output_tokens_details":{"reasoning_tokens":0},"input_tokens_details":{"cached_tokens":9},"total_tokens":48}}}`,
		},
		whole: `{"id":"resp_67c","object":"response","created_at":1741290958,"status":"completed","error":null,"model":"claude-answered","output":[{"id":"msg_67c","type":"message","status":"completed","role":"assistant","content":[{"type":"output_text","text":"Hi there","annotations":[]}]}],"usage":{"input_tokens":37,"output_tokens":11,"output_tokens_details":{"reasoning_tokens":0},"input_tokens_details":{"cached_tokens":9},"total_tokens":48}}`,
		chunk: 10, first: 30, last: 40, in: 37, cached: 9, out: count(11, event.Usage), finish: event.FinishStop,
	}
	families["openai tools"] = family{ // API reference, "Function calling", streamed
		dialect: openAIChat, contentType: "text/event-stream", joint: "\n\n",
		ask: `{"model":"gpt-asked","stream":true,"messages":[{"role":"user","content":"Weather?"}],"tools":[{"type":"function","function":{"name":"get_weather"}}]}`,
		stream: []string{
			`data: {"model":"claude-answered","choices":[{"index":0,"delta":{"role":"assistant","content":null},"finish_reason":null}]}`,
			`data: {"model":"claude-answered","choices":[{"index":0,"delta":{"tool_calls":[{"index":0,"id":"call_D","type":"function","function":{"name":"get_weather","arguments":""}}]},"finish_reason":null}]}`,
			`data: {"model":"claude-answered","choices":[{"index":0,"delta":{"tool_calls":[{"index":0,"function":{"arguments":"{\"location\":\"Paris"}}]},"finish_reason":null}]}`,
			`data: {"model":"claude-answered","choices":[{"index":0,"delta":{},"finish_reason":"tool_calls"}],"usage":{"prompt_tokens":60,"completion_tokens":17,"total_tokens":77}}`,
			`data: [DONE]`,
		},
		whole: `{"model":"claude-answered","choices":[{"index":0,"message":{"role":"assistant","content":null,"tool_calls":[{"id":"call_D","type":"function","function":{"name":"get_weather","arguments":"{\"location\":\"Paris\"}"}}]},"finish_reason":"tool_calls"}],"usage":{"prompt_tokens":60,"completion_tokens":17,"total_tokens":77}}`,
		chunk: 10, first: 20, last: 30, in: 60, cached: -1, out: count(17, event.Usage), finish: event.FinishToolCalls,
	}
}
