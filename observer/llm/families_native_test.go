// SPDX-License-Identifier: Apache-2.0

package llm

import "github.com/modeltap/modeltap/observer/event"

func init() {
	tgiStream := func(prefix string) []string {
		return []string{
			prefix + `{"index":1,"token":{"id":450,"text":" The","logprob":-0.61,"special":false},"generated_text":null,"details":null}`,
			prefix + `{"index":2,"token":{"id":7480,"text":" capital","logprob":-0.2,"special":false},"generated_text":null,"details":null}`,
			prefix + `{"index":3,"token":{"id":2,"text":"</s>","logprob":-0.61,"special":true},"generated_text":" The capital","details":{"finish_reason":"eos_token","generated_tokens":3,"seed":null,"input_length":12}}`,
		}
	}
	families["tgi"] = family{ // text-generation-inference, docs, "Streaming"
		dialect: tgi, contentType: "text/event-stream", joint: "\n\n",
		ask:    `{"inputs":"What is the capital?","parameters":{"details":true}}`,
		stream: tgiStream("data:"), model: "unknown",
		whole: `{"generated_text":" The capital","details":{"finish_reason":"eos_token","generated_tokens":3,"input_length":12,"prefill":[],"tokens":[{"id":450,"text":" The","special":false}]}}`,
		chunk: 10, first: 10, last: 30, in: 12, cached: -1, out: count(3, event.Usage), finish: event.FinishStop,
		fault: `{"error":"Request failed during generation: Server error","error_type":"generation"}`,
	}
	bare := tgiStream("data:")
	bare[2] = `data:{"index":3,"token":{"id":2,"text":"</s>","logprob":-0.61,"special":true},"generated_text":" The capital","details":null}`
	families["tgi without details"] = family{
		dialect: tgi, contentType: "text/event-stream", joint: "\n\n",
		ask: `{"inputs":"What is the capital?"}`, stream: bare, model: "unknown", unfinished: true,
		chunk: 10, first: 10, last: 30, in: -1, cached: -1, out: count(3, event.Exact),
	}
	families["tgi in lines"] = family{ // djl-serving, output_formatter.py
		dialect: tgi, contentType: "application/jsonlines", joint: "\n",
		ask: `{"inputs":"What is the capital?"}`, stream: tgiStream(""), model: "unknown",
		whole: `[{"generated_text":" The capital","details":{"finish_reason":"eos_token","generated_tokens":3,"input_length":12}}]`,
		chunk: 10, first: 10, last: 30, in: 12, cached: -1, out: count(3, event.Usage), finish: event.FinishStop,
	}
	families["sglang"] = family{ // sglang, tokenizer_manager.py: the text repeats
		dialect: sglang, contentType: "text/event-stream; charset=utf-8", joint: "\n\n",
		ask: `{"text":"The capital of France is","sampling_params":{"max_new_tokens":6},"stream":true}`,
		stream: []string{
			`data: {"text":" Paris","output_ids":[12366],"meta_info":{"id":"cd5b","finish_reason":null,"prompt_tokens":6,"weight_version":"default","completion_tokens":1,"cached_tokens":4}}`,
			`data: {"text":" Paris is big","output_ids":[12366,374,2466],"meta_info":{"id":"cd5b","finish_reason":null,"prompt_tokens":6,"completion_tokens":3,"cached_tokens":4}}`,
			`data: {"text":" Paris is big.","output_ids":[12366,374,2466,13],"meta_info":{"id":"cd5b","finish_reason":null,"prompt_tokens":6,"completion_tokens":4,"cached_tokens":4}}`,
			`data: {"text":" Paris is big.","output_ids":[12366,374,2466,13,2],"meta_info":{"id":"cd5b","finish_reason":{"type":"stop","matched":2},"prompt_tokens":6,"completion_tokens":5,"cached_tokens":4,"e2e_latency":0.27}}`,
			`data: [DONE]`,
		},
		whole: `{"text":" Paris is big.","output_ids":[12366,374,2466,13,2],"meta_info":{"id":"cd5b","finish_reason":{"type":"stop","matched":2},"prompt_tokens":6,"completion_tokens":5,"cached_tokens":4,"e2e_latency":0.27}}`,
		model: "unknown", chunk: 10, first: 10, last: 30, in: 6, cached: 4, out: count(5, event.Usage), finish: event.FinishStop,
	}
	families["lmdeploy generate"] = family{ // lmdeploy, endpoints/generate.py: the text does not repeat
		dialect: sglang, contentType: "text/event-stream; charset=utf-8", joint: "\n\n",
		ask: `{"prompt":"The capital of France is","max_tokens":6,"stream":true}`,
		stream: []string{
			`data: {"text":" Paris","output_ids":[12366],"meta_info":{"prompt_tokens":6,"completion_tokens":1,"finish_reason":null,"output_token_logprobs":null}}`,
			`data: {"text":" is","output_ids":[374],"meta_info":{"prompt_tokens":6,"completion_tokens":2,"finish_reason":null,"output_token_logprobs":null}}`,
			`data: {"text":" is","output_ids":[374],"meta_info":{"prompt_tokens":6,"completion_tokens":3,"finish_reason":null,"output_token_logprobs":null}}`,
			`data: {"text":"","output_ids":[2],"meta_info":{"prompt_tokens":6,"completion_tokens":4,"finish_reason":{"type":"length"},"output_token_logprobs":null}}`,
			`data: [DONE]`,
		},
		model: "unknown", chunk: 10, first: 10, last: 30, in: 6, cached: -1, out: count(4, event.Usage), finish: event.FinishLength,
	}
	families["triton"] = family{ // triton server, docs/protocol/extension_generate.md
		dialect: triton, contentType: "text/event-stream; charset=utf-8", joint: "\n\n",
		ask: `{"text_input":"client input","parameters":{"max_tokens":3}}`,
		stream: []string{
			`data: {"model_name":"claude-answered","model_version":"1","text_output":"Deep"}`,
			`data: {"model_name":"claude-answered","model_version":"1","text_output":" learning"}`,
			`data: {"model_name":"claude-answered","model_version":"1","text_output":" models"}`,
		},
		chunk: 10, first: 10, last: 30, in: -1, cached: -1, out: count(3, event.Chunks), unfinished: true,
		fault: `{"error":"failed to generate"}`,
	}
	families["triton cumulative"] = family{ // the same with the backend's accumulate_tokens
		dialect: triton, contentType: "text/event-stream", joint: "\n\n",
		ask: `{"text_input":"client input","parameters":{"max_tokens":3}}`,
		stream: []string{
			`data: {"model_name":"claude-answered","model_version":"1","sequence_id":0,"text_output":"Deep"}`,
			`data: {"model_name":"claude-answered","model_version":"1","sequence_id":0,"text_output":"Deep learning"}`,
			`data: {"model_name":"claude-answered","model_version":"1","sequence_id":0,"text_output":"Deep learning models"}`,
		},
		chunk: 10, first: 10, last: 30, in: -1, cached: -1, out: count(3, event.Chunks), unfinished: true,
		fault: `{"error":"failed to generate"}`,
	}
	families["fastchat worker"] = family{ // fastchat, serve/inference.py and model_worker.py
		dialect: worker, contentType: "", joint: "\x00",
		ask: `{"model":"claude-answered","prompt":"A chat. USER: hi ASSISTANT:","temperature":0.7,"max_new_tokens":512,"stop":null,"echo":false}`,
		stream: []string{
			`{"text": "", "usage": {"prompt_tokens": 40, "completion_tokens": 0, "total_tokens": 40}, "finish_reason": null, "error_code": 0}`,
			`{"text": "Hello there", "usage": {"prompt_tokens": 40, "completion_tokens": 2, "total_tokens": 42}, "finish_reason": null, "error_code": 0}`,
			`{"text": "Hello there, how are you", "usage": {"prompt_tokens": 40, "completion_tokens": 6, "total_tokens": 46}, "finish_reason": null, "error_code": 0}`,
			`{"text": "Hello there, how are you", "usage": {"prompt_tokens": 40, "completion_tokens": 7, "total_tokens": 47}, "finish_reason": "stop", "error_code": 0}`,
		},
		whole: `{"text": "Hello there, how are you", "usage": {"prompt_tokens": 40, "completion_tokens": 7, "total_tokens": 47}, "finish_reason": "stop", "error_code": 0}`,
		chunk: 10, first: 20, last: 30, in: 40, cached: -1, out: count(7, event.Usage), finish: event.FinishStop,
		fault: `{"text": "**NETWORK ERROR DUE TO HIGH TRAFFIC.**", "error_code": 50001}`,
	}
	families["lmdeploy interactive"] = family{ // lmdeploy 0.9, serve/openai/api_server.py
		dialect: lmdeployInteractive, contentType: "text/event-stream; charset=utf-8", joint: "\n",
		ask: `{"prompt":"hi","session_id":1,"interactive_mode":true,"stream":true,"model":"claude-answered"}`,
		stream: []string{
			`{"text":"Hello","tokens":1,"input_tokens":12,"history_tokens":0,"finish_reason":null}`,
			`{"text":" there","tokens":2,"input_tokens":12,"history_tokens":0,"finish_reason":null}`,
			`{"text":"","tokens":3,"input_tokens":12,"history_tokens":0,"finish_reason":"stop"}`,
		},
		whole: `{"text":"Hello there","tokens":3,"input_tokens":12,"history_tokens":0,"finish_reason":"stop"}`,
		chunk: 10, first: 10, last: 20, in: 12, cached: -1, out: count(3, event.Usage), finish: event.FinishStop,
	}
	families["vllm token ids"] = family{ // vllm, entrypoints/serve/disagg/protocol.py
		dialect: vllmGenerate, contentType: "text/event-stream; charset=utf-8", joint: "\n\n",
		ask: `{"model":"claude-answered","token_ids":[1,2,3],"sampling_params":{"max_tokens":5},"stream":true}`,
		stream: []string{
			`data: {"request_id":"x","choices":[{"index":0,"logprobs":null,"finish_reason":null,"token_ids":[5,6]}]}`,
			`data: {"request_id":"x","choices":[{"index":0,"logprobs":null,"finish_reason":null,"token_ids":[7]}]}`,
			`data: {"request_id":"x","choices":[{"index":0,"logprobs":null,"finish_reason":"length","token_ids":[]}]}`,
			`data: [DONE]`,
		},
		whole: `{"request_id":"x","choices":[{"index":0,"logprobs":null,"finish_reason":"length","token_ids":[5,6,7]}]}`,
		chunk: 10, first: 10, last: 20, in: -1, cached: -1, out: count(3, event.Exact), finish: event.FinishLength,
	}
}
