// SPDX-License-Identifier: Apache-2.0

package llm

import "github.com/modeltap/modeltap/observer/jsonscan"

// llamaCpp is the native API of llama.cpp's server (llama.cpp,
// tools/server/README.md): its last event has stop set, repeats no text and
// states the counts, as every event does in newer versions.
var llamaCpp = &Dialect{
	API:    "llamacpp",
	Routes: []string{"/completion", "/infill"},
	Request: requestPaths(
		jsonscan.Path{Path: "prompt", Field: fieldPrompt, Kind: jsonscan.Text},
		jsonscan.Path{Path: "prompt[]", Field: fieldPrompt, Kind: jsonscan.Text},
		jsonscan.Path{Path: "prompt", Field: fieldPromptID, Kind: jsonscan.Count},
		jsonscan.Path{Path: "input_prefix", Field: fieldPrompt, Kind: jsonscan.Text},
		jsonscan.Path{Path: "input_suffix", Field: fieldPrompt, Kind: jsonscan.Text},
		jsonscan.Path{Path: "input_extra[].text", Field: fieldPrompt, Kind: jsonscan.Text},
	),
	Answer: schema(llamaCppText(""), llamaCppText("[]."), []jsonscan.Path{
		{Path: "[]", Field: fieldChoice, Kind: jsonscan.Object},
	}),
	Event:     schema(llamaCppText("")),
	Form:      bodySSE,
	Marked:    true,
	PerChoice: true,
}

// llamaCppText are the paths of an answer. One to several prompts is a list.
func llamaCppText(at string) []jsonscan.Path {
	return []jsonscan.Path{
		{Path: at + "model", Field: fieldModel, Kind: jsonscan.String},
		{Path: at + "index", Field: fieldIndex, Kind: jsonscan.Number},
		{Path: at + "content", Field: fieldText, Kind: jsonscan.Text},
		{Path: at + "tokens", Field: fieldTokenID, Kind: jsonscan.Count},
		{Path: at + "stop", Field: fieldDone, Kind: jsonscan.Any},
		{Path: at + "stop_type", Field: fieldFinish, Kind: jsonscan.String},
		{Path: at + "tokens_predicted", Field: fieldOutput, Kind: jsonscan.Number},
		{Path: at + "tokens_evaluated", Field: fieldInput, Kind: jsonscan.Number},
		{Path: at + "timings.cache_n", Field: fieldCached, Kind: jsonscan.Number},
		{Path: at + "error", Field: fieldError, Kind: jsonscan.Any},
		{Path: at + "error", Field: fieldError, Kind: jsonscan.Object},
	}
}
