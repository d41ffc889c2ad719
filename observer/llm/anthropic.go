// SPDX-License-Identifier: Apache-2.0

package llm

import "github.com/modeltap/modeltap/observer/jsonscan"

// anthropicMessages is Anthropic's Messages API (docs.anthropic.com, Messages
// and Streaming Messages), as vLLM, llama.cpp and LiteLLM serve it too.
//
// input_tokens leaves out what was read from or written to the prompt cache.
// The output_tokens of message_start are a beginning and no count: only
// message_delta states one. A signature is no text.
var anthropicMessages = &Dialect{
	API:    "anthropic_messages",
	Routes: []string{"/v1/messages"},
	Request: requestPaths(
		jsonscan.Path{Path: "messages[]", Field: fieldMessage, Kind: jsonscan.Object},
		jsonscan.Path{Path: "messages[].content", Field: fieldPrompt, Kind: jsonscan.Text},
		jsonscan.Path{Path: "messages[].content[].text", Field: fieldPrompt, Kind: jsonscan.Text},
		jsonscan.Path{Path: "messages[].content[].thinking", Field: fieldPrompt, Kind: jsonscan.Text},
		jsonscan.Path{Path: "messages[].content[].input", Field: fieldPrompt, Kind: jsonscan.TextDeep},
		jsonscan.Path{Path: "messages[].content[].content", Field: fieldPrompt, Kind: jsonscan.Text},
		jsonscan.Path{Path: "messages[].content[].content[].text", Field: fieldPrompt, Kind: jsonscan.Text},
		jsonscan.Path{Path: "system", Field: fieldPrompt, Kind: jsonscan.Text},
		jsonscan.Path{Path: "system[].text", Field: fieldPrompt, Kind: jsonscan.Text},
	),
	Answer: schema(anthropicInput(""), []jsonscan.Path{
		{Path: "usage.output_tokens", Field: fieldOutput, Kind: jsonscan.Number},
		{Path: "stop_reason", Field: fieldFinish, Kind: jsonscan.String},
		{Path: "error", Field: fieldError, Kind: jsonscan.Object},
		{Path: "content[].text", Field: fieldText, Kind: jsonscan.Text},
		{Path: "content[].thinking", Field: fieldReasoning, Kind: jsonscan.Text},
		{Path: "content[].name", Field: fieldTool, Kind: jsonscan.Text},
		{Path: "content[].input", Field: fieldTool, Kind: jsonscan.TextDeep},
	}),
	Event: schema(anthropicInput("message."), []jsonscan.Path{
		{Path: "type", Field: fieldEventType, Kind: jsonscan.String},
		{Path: "content_block.text", Field: fieldText, Kind: jsonscan.Text},
		{Path: "content_block.thinking", Field: fieldReasoning, Kind: jsonscan.Text},
		{Path: "content_block.name", Field: fieldTool, Kind: jsonscan.Text},
		{Path: "content_block.input", Field: fieldTool, Kind: jsonscan.TextDeep},
		{Path: "delta.text", Field: fieldText, Kind: jsonscan.Text},
		{Path: "delta.thinking", Field: fieldReasoning, Kind: jsonscan.Text},
		{Path: "delta.partial_json", Field: fieldTool, Kind: jsonscan.Text},
		{Path: "delta.stop_reason", Field: fieldFinish, Kind: jsonscan.String},
		{Path: "usage.input_tokens", Field: fieldUncached, Kind: jsonscan.Number},
		{Path: "usage.cache_read_input_tokens", Field: fieldCached, Kind: jsonscan.Number},
		{Path: "usage.cache_creation_input_tokens", Field: fieldCreated, Kind: jsonscan.Number},
		{Path: "usage.output_tokens", Field: fieldOutput, Kind: jsonscan.Number},
		{Path: "error", Field: fieldError, Kind: jsonscan.Object},
	}),
	Nothing: func(t []byte) bool { return string(t) == "ping" },
	Final:   func(t []byte) bool { return string(t) == "message_stop" },
	Failed:  func(t []byte) bool { return string(t) == "error" },
	Marked:  true,
}

func anthropicInput(at string) []jsonscan.Path {
	return []jsonscan.Path{
		{Path: at + "model", Field: fieldModel, Kind: jsonscan.String},
		{Path: at + "usage.input_tokens", Field: fieldUncached, Kind: jsonscan.Number},
		{Path: at + "usage.cache_read_input_tokens", Field: fieldCached, Kind: jsonscan.Number},
		{Path: at + "usage.cache_creation_input_tokens", Field: fieldCreated, Kind: jsonscan.Number},
	}
}
