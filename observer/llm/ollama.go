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
		Answer: ollamaGenerated,
		Event:  ollamaGenerated,
		Form:   bodyNDJSON,
		Marked: true,
		Loaded: ollamaLoaded,
	}
	ollamaChat = &Dialect{
		API:     "ollama_chat",
		Routes:  []string{"/api/chat"},
		Request: requestPaths(prompts("messages[]")...),
		Answer:  ollamaSaid,
		Event:   ollamaSaid,
		Form:    bodyNDJSON,
		Marked:  true,
		Loaded:  ollamaLoaded,
	}
	ollamaEmbed = &Dialect{
		API:    "ollama_embed",
		Routes: []string{"/api/embed", "/api/embeddings"},
		Request: requestPaths(
			jsonscan.Path{Path: "input", Field: fieldPrompt, Kind: jsonscan.Text},
			jsonscan.Path{Path: "input[]", Field: fieldPrompt, Kind: jsonscan.Text},
			jsonscan.Path{Path: "prompt", Field: fieldPrompt, Kind: jsonscan.Text},
		),
		Answer: schema(ollamaCounts),
		Event:  schema(ollamaCounts),
	}
)

// ollamaLoaded tells whether a request without a prompt was answered, which
// loads the model or, with keep_alive 0, unloads it (server/routes.go).
func ollamaLoaded(finish []byte) bool { return string(finish) == "load" || string(finish) == "unload" }

var (
	ollamaGenerated = schema(ollamaCounts, []jsonscan.Path{
		{Path: "response", Field: fieldText, Kind: jsonscan.Text},
		{Path: "thinking", Field: fieldReasoning, Kind: jsonscan.Text},
	})
	ollamaSaid = schema(ollamaCounts, call("message.tool_calls[].function", fieldTool), []jsonscan.Path{
		{Path: "message.content", Field: fieldText, Kind: jsonscan.Text},
		{Path: "message.thinking", Field: fieldReasoning, Kind: jsonscan.Text},
	})
	// ollamaCounts are the paths of an answer, or of a line of it, without text.
	ollamaCounts = []jsonscan.Path{
		{Path: "model", Field: fieldModel, Kind: jsonscan.String},
		{Path: "done", Field: fieldDone, Kind: jsonscan.Any},
		{Path: "done_reason", Field: fieldFinish, Kind: jsonscan.String},
		{Path: "prompt_eval_count", Field: fieldInput, Kind: jsonscan.Number},
		{Path: "eval_count", Field: fieldOutput, Kind: jsonscan.Number},
		{Path: "error", Field: fieldError, Kind: jsonscan.Any},
		{Path: "error", Field: fieldError, Kind: jsonscan.Object},
	}
)
