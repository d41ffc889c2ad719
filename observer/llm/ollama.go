// SPDX-License-Identifier: Apache-2.0

package llm

import "github.com/modeltap/modeltap/observer/jsonscan"

// Ollama's own API (ollama, docs/api.md): NDJSON, of which the last line says
// done and always states the counts. Older versions give no done_reason.
var (
	ollamaGenerate = &Dialect{
		API:    "ollama_generate",
		Routes: []string{"/api/generate"},
		Request: requestPaths(
			jsonscan.Path{Path: "prompt", Field: fieldPrompt, Kind: jsonscan.Text},
			jsonscan.Path{Path: "suffix", Field: fieldPrompt, Kind: jsonscan.Text},
			jsonscan.Path{Path: "system", Field: fieldPrompt, Kind: jsonscan.Text},
		),
		Answer: ollamaText("thinking", "response"),
		Event:  ollamaText("thinking", "response"),
		Form:   bodyNDJSON,
		Marked: true,
	}
	ollamaChat = &Dialect{
		API:    "ollama_chat",
		Routes: []string{"/api/chat"},
		Request: requestPaths(
			jsonscan.Path{Path: "messages[]", Field: fieldMessage, Kind: jsonscan.Object},
			jsonscan.Path{Path: "messages[].content", Field: fieldPrompt, Kind: jsonscan.Text},
		),
		Answer: ollamaText("message.thinking", "message.content", "message.tool_calls[].function.name"),
		Event:  ollamaText("message.thinking", "message.content", "message.tool_calls[].function.name"),
		Form:   bodyNDJSON,
		Marked: true,
	}
	ollamaEmbed = &Dialect{
		API:    "ollama_embed",
		Routes: []string{"/api/embed", "/api/embeddings"},
		Request: requestPaths(
			jsonscan.Path{Path: "input", Field: fieldPrompt, Kind: jsonscan.Text},
			jsonscan.Path{Path: "input[]", Field: fieldPrompt, Kind: jsonscan.Text},
			jsonscan.Path{Path: "prompt", Field: fieldPrompt, Kind: jsonscan.Text},
		),
		Answer: ollamaText(""),
		Event:  ollamaText(""),
	}
)

// ollamaText is the schema of an answer or a line of it, with its reasoning
// text at thinking, unless that is empty, and other text at texts.
func ollamaText(thinking string, texts ...string) *jsonscan.Schema {
	paths := []jsonscan.Path{
		{Path: "model", Field: fieldModel, Kind: jsonscan.String},
		{Path: "done", Field: fieldDone, Kind: jsonscan.Any},
		{Path: "done_reason", Field: fieldFinish, Kind: jsonscan.String},
		{Path: "prompt_eval_count", Field: fieldInput, Kind: jsonscan.Number},
		{Path: "eval_count", Field: fieldOutput, Kind: jsonscan.Number},
		{Path: "error", Field: fieldError, Kind: jsonscan.Any},
		{Path: "error", Field: fieldError, Kind: jsonscan.Object},
	}
	if thinking != "" {
		paths = append(paths, jsonscan.Path{Path: thinking, Field: fieldReasoning, Kind: jsonscan.Text})
	}
	for _, t := range texts {
		paths = append(paths, jsonscan.Path{Path: t, Field: fieldText, Kind: jsonscan.Text})
	}
	return jsonscan.MustCompile(paths)
}
