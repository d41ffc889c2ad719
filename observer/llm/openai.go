// SPDX-License-Identifier: Apache-2.0

package llm

import (
	"bytes"
	"slices"

	"github.com/modeltap/modeltap/observer/jsonscan"
)

// Paths that OpenAI's completion APIs share (openai-openapi, CompletionUsage).
// llama.cpp's server adds timings with the same counts to the last event of a
// stream that carries no usage (tools/server/README.md).
// Moonshot's API puts the usage inside the last choice.
var openAIUsage = slices.Concat([]jsonscan.Path{
	{Path: "model", Field: fieldModel, Kind: jsonscan.String},
	{Path: "timings.predicted_n", Field: fieldOutput, Kind: jsonscan.Number},
	{Path: "timings.prompt_n", Field: fieldUncached, Kind: jsonscan.Number},
	{Path: "timings.cache_n", Field: fieldCached, Kind: jsonscan.Number},
	{Path: "error", Field: fieldError, Kind: jsonscan.Any},
	{Path: "error", Field: fieldError, Kind: jsonscan.Object},
	{Path: "choices[]", Field: fieldChoice, Kind: jsonscan.Object},
	{Path: "choices[].index", Field: fieldIndex, Kind: jsonscan.Number},
	{Path: "choices[].finish_reason", Field: fieldFinish, Kind: jsonscan.String},
	{Path: "choices[].token_ids", Field: fieldTokenID, Kind: jsonscan.Count},
	{Path: "choices[].logprobs.content", Field: fieldTokenID, Kind: jsonscan.Count},
	{Path: "choices[].logprobs.tokens", Field: fieldTokenID, Kind: jsonscan.Count},
	{Path: "timings", Field: fieldTimings, Kind: jsonscan.Object},
	{Path: "choices[].error", Field: fieldError, Kind: jsonscan.Any},
	{Path: "choices[].error", Field: fieldError, Kind: jsonscan.Object},
	{Path: "choices[].finish_reason.type", Field: fieldFinish, Kind: jsonscan.String},
	{Path: "choices[].finish_reason.status_code", Field: fieldErrorCode, Kind: jsonscan.Number},
	{Path: "error_code", Field: fieldErrorCode, Kind: jsonscan.Number}, // FastChat
}, usage("usage."), usage("choices[].usage."))

func usage(at string) []jsonscan.Path {
	return []jsonscan.Path{
		{Path: at + "prompt_tokens", Field: fieldInput, Kind: jsonscan.Number},
		{Path: at + "completion_tokens", Field: fieldOutput, Kind: jsonscan.Number},
		{Path: at + "total_tokens", Field: fieldTotal, Kind: jsonscan.Number},
		{Path: at + "prompt_tokens_details.cached_tokens", Field: fieldCached, Kind: jsonscan.Number},
		{Path: at + "completion_tokens_details.reasoning_tokens", Field: fieldThought, Kind: jsonscan.Number},
		{Path: at + "reasoning_tokens", Field: fieldThought, Kind: jsonscan.Number},
	}
}

// message returns the paths of the text in a chat message, or in its delta,
// below at. The name of the reasoning member differs by server: vLLM and Ollama
// say reasoning, llama.cpp, SGLang and DeepSeek reasoning_content, OpenRouter
// adds reasoning_details, and some write the same words under two of them.
// Mistral's API has reasoning parts in the list of the content.
func message(at string) []jsonscan.Path {
	return slices.Concat([]jsonscan.Path{
		{Path: at + ".content", Field: fieldText, Kind: jsonscan.Text},
		{Path: at + ".content[].text", Field: fieldText, Kind: jsonscan.Text},
		{Path: at + ".content[].thinking", Field: fieldReasoning, Kind: jsonscan.Text},
		{Path: at + ".content[].thinking[].text", Field: fieldReasoning, Kind: jsonscan.Text},
		{Path: at + ".refusal", Field: fieldText, Kind: jsonscan.Text},
		{Path: at + ".reasoning_content", Field: fieldReasoning, Kind: jsonscan.Text},
		{Path: at + ".reasoning", Field: fieldReasoning2, Kind: jsonscan.Text},
		{Path: at + ".reasoning_details[].text", Field: fieldReasoning3, Kind: jsonscan.Text},
		{Path: at + ".reasoning_details[].summary", Field: fieldReasoning3, Kind: jsonscan.Text},
		{Path: at + ".tool_calls[].custom.name", Field: fieldTool, Kind: jsonscan.Text},
		{Path: at + ".tool_calls[].custom.input", Field: fieldTool, Kind: jsonscan.TextDeep},
	}, call(at+".tool_calls[].function", fieldTool), call(at+".tool_calls.function", fieldTool), call(at+".function_call", fieldTool))
}

// call returns the paths of the text of a tool call at a place: its name and
// arguments, which some servers send as JSON and not as a string of it.
func call(at string, f jsonscan.Field) []jsonscan.Path {
	return []jsonscan.Path{
		{Path: at + ".name", Field: f, Kind: jsonscan.Text},
		{Path: at + ".arguments", Field: f, Kind: jsonscan.TextDeep},
	}
}

// prompts returns the paths of the text in a list of chat messages at a place
// of a request, earlier tool calls included.
func prompts(at string) []jsonscan.Path {
	return slices.Concat([]jsonscan.Path{
		{Path: at, Field: fieldMessage, Kind: jsonscan.Object},
		{Path: at + ".content", Field: fieldPrompt, Kind: jsonscan.Text},
		{Path: at + ".content[].text", Field: fieldPrompt, Kind: jsonscan.Text},
		{Path: at + ".tool_calls[].custom.input", Field: fieldPrompt, Kind: jsonscan.TextDeep},
	}, call(at+".tool_calls[].function", fieldPrompt), call(at+".function_call", fieldPrompt))
}

// azureRoute is where Azure OpenAI and the gateways that imitate it mount the
// APIs: below the name of a deployment.
const azureRoute = "/openai/deployments/*/"

func schema(paths ...[]jsonscan.Path) *jsonscan.Schema {
	var all []jsonscan.Path
	for _, p := range paths {
		all = append(all, p...)
	}
	return jsonscan.MustCompile(all)
}

// requestPaths are the paths of a request that names its model.
func requestPaths(paths ...jsonscan.Path) *jsonscan.Schema { return schema(requested, paths) }

var (
	requested = []jsonscan.Path{{Path: "model", Field: fieldModel, Kind: jsonscan.String}}
	samples   = []jsonscan.Path{{Path: "n", Field: fieldSamples, Kind: jsonscan.Number}}
)

var openAIChat = &Dialect{
	API:     "openai_chat",
	Routes:  []string{"/chat/completions"},
	Request: schema(requested, samples, prompts("messages[]")),
	Answer:  schema(openAIUsage, message("choices[].message")),
	Event:   schema(openAIUsage, message("choices[].delta")),
	Marked:  true,
}

var openAICompletions = &Dialect{
	API:    "openai_completions",
	Routes: []string{"/v1/completions", "/v3/completions", azureRoute + "completions"},
	Request: schema(requested, samples, []jsonscan.Path{
		{Path: "prompt", Field: fieldPrompt, Kind: jsonscan.Text},
		{Path: "prompt[]", Field: fieldPrompt, Kind: jsonscan.Text},
		{Path: "prompt", Field: fieldPromptID, Kind: jsonscan.Count},
		{Path: "echo", Field: fieldEcho, Kind: jsonscan.Any},
	}),
	Answer: schema(openAIUsage, []jsonscan.Path{{Path: "choices[].text", Field: fieldText, Kind: jsonscan.Text}}),
	Event:  schema(openAIUsage, []jsonscan.Path{{Path: "choices[].text", Field: fieldText, Kind: jsonscan.Text}}),
	Marked: true,
}

// The Responses API (openai-openapi, ResponseStreamEvent) repeats the text in
// its .done events; only .delta events are content. Its type member may be the
// last of the document.
var openAIResponses = &Dialect{
	API:    "openai_responses",
	Routes: []string{"/v1/responses"},
	Request: requestPaths(
		jsonscan.Path{Path: "input", Field: fieldPrompt, Kind: jsonscan.Text},
		jsonscan.Path{Path: "instructions", Field: fieldPrompt, Kind: jsonscan.Text},
		jsonscan.Path{Path: "input[]", Field: fieldMessage, Kind: jsonscan.Object},
		jsonscan.Path{Path: "input[].content", Field: fieldPrompt, Kind: jsonscan.Text},
		jsonscan.Path{Path: "input[].content[].text", Field: fieldPrompt, Kind: jsonscan.Text},
		jsonscan.Path{Path: "input[].arguments", Field: fieldPrompt, Kind: jsonscan.TextDeep},
		jsonscan.Path{Path: "input[].input", Field: fieldPrompt, Kind: jsonscan.TextDeep},
		jsonscan.Path{Path: "input[].output", Field: fieldPrompt, Kind: jsonscan.TextDeep},
	),
	Answer: schema(responsePaths(""), []jsonscan.Path{
		{Path: "output[].content[].text", Field: fieldText, Kind: jsonscan.Text},
		{Path: "output[].content[].refusal", Field: fieldText, Kind: jsonscan.Text},
		{Path: "output[].summary[].text", Field: fieldReasoning, Kind: jsonscan.Text},
		{Path: "output[].name", Field: fieldTool, Kind: jsonscan.Text},
		{Path: "output[].arguments", Field: fieldTool, Kind: jsonscan.TextDeep},
		{Path: "output[].input", Field: fieldTool, Kind: jsonscan.TextDeep},
		{Path: "output[].code", Field: fieldTool, Kind: jsonscan.Text},
	}),
	Event: schema(responsePaths("response."), []jsonscan.Path{
		{Path: "type", Field: fieldEventType, Kind: jsonscan.String},
		{Path: "delta", Field: fieldText, Kind: jsonscan.TextDeep},
	}),
	Content: func(t []byte) bool {
		return bytes.HasSuffix(t, []byte(".delta")) && !bytes.HasSuffix(t, []byte("audio.delta"))
	},
	Called:   func(t []byte) bool { return bytes.Contains(t, []byte("_call")) },
	Reasoned: func(t []byte) bool { return bytes.HasPrefix(t, []byte("response.reasoning")) },
	Final: func(t []byte) bool {
		switch string(t) {
		case "response.completed", "response.incomplete", "response.failed", "response.cancelled":
			return true
		}
		return false
	},
	Failed: func(t []byte) bool { return string(t) == "error" || string(t) == "response.failed" },
	Marked: true,
}

func responsePaths(at string) []jsonscan.Path {
	return []jsonscan.Path{
		{Path: at + "model", Field: fieldModel, Kind: jsonscan.String},
		{Path: at + "usage.input_tokens", Field: fieldInput, Kind: jsonscan.Number},
		{Path: at + "usage.output_tokens", Field: fieldOutput, Kind: jsonscan.Number},
		{Path: at + "usage.total_tokens", Field: fieldTotal, Kind: jsonscan.Number},
		{Path: at + "usage.input_tokens_details.cached_tokens", Field: fieldCached, Kind: jsonscan.Number},
		{Path: at + "usage.output_tokens_details.reasoning_tokens", Field: fieldThought, Kind: jsonscan.Number},
		{Path: at + "status", Field: fieldFinish, Kind: jsonscan.String},
		{Path: at + "incomplete_details.reason", Field: fieldFinish, Kind: jsonscan.String},
		{Path: at + "error", Field: fieldError, Kind: jsonscan.Object},
	}
}

var openAIEmbeddings = &Dialect{
	API:    "openai_embeddings",
	Routes: []string{"/v1/embeddings", azureRoute + "embeddings"},
	Request: requestPaths(
		jsonscan.Path{Path: "input", Field: fieldPrompt, Kind: jsonscan.Text},
		jsonscan.Path{Path: "input[]", Field: fieldPrompt, Kind: jsonscan.Text},
	),
	Answer:   schema(openAIUsage),
	Event:    schema(openAIUsage),
	NoOutput: true,
}

// openAIOther are the APIs that are measured by size and duration, and by what
// they state.
var openAIOther = &Dialect{
	API: "openai_other",
	Routes: []string{
		"/v1/rerank", "/v1/score", "/v1/moderations", "/v1/images/generations",
		"/v1/images/edits", "/v1/audio/speech", "/v1/pooling", "/v1/classify",
	},
	Request: requestPaths(
		jsonscan.Path{Path: "query", Field: fieldPrompt, Kind: jsonscan.Text},
		jsonscan.Path{Path: "documents[]", Field: fieldPrompt, Kind: jsonscan.Text},
		jsonscan.Path{Path: "documents[].text", Field: fieldPrompt, Kind: jsonscan.Text},
		jsonscan.Path{Path: "text_1", Field: fieldPrompt, Kind: jsonscan.Text},
		jsonscan.Path{Path: "text_2", Field: fieldPrompt, Kind: jsonscan.Text},
		jsonscan.Path{Path: "text_2[]", Field: fieldPrompt, Kind: jsonscan.Text},
	),
	Answer:   schema(openAIUsage),
	Event:    schema(openAIUsage),
	NoOutput: true,
}

// openAIAudio turns speech into text: the request is a form, and a stream has
// OpenAI's transcript events, or the chat chunks of vLLM
// (entrypoints/openai/speech_to_text).
var openAIAudio = &Dialect{
	API:     "openai_other",
	Routes:  []string{"/v1/audio/transcriptions", "/v1/audio/translations"},
	Request: requestPaths(),
	Forms:   true,
	Answer: schema(openAIUsage, responseCounts, []jsonscan.Path{
		{Path: "text", Field: fieldText, Kind: jsonscan.Text},
	}),
	Event: schema(openAIUsage, responseCounts, message("choices[].delta"), []jsonscan.Path{
		{Path: "type", Field: fieldEventType, Kind: jsonscan.String},
		{Path: "delta", Field: fieldText, Kind: jsonscan.Text},
	}),
	Final:  func(t []byte) bool { return string(t) == "transcript.text.done" },
	Failed: func(t []byte) bool { return string(t) == "error" },
	Marked: true,
}

var responseCounts = []jsonscan.Path{
	{Path: "usage.input_tokens", Field: fieldInput, Kind: jsonscan.Number},
	{Path: "usage.output_tokens", Field: fieldOutput, Kind: jsonscan.Number},
}
