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
	Answer: llamaCppText,
	Event:  llamaCppText,
	Form:   bodySSE,
	Marked: true,
}

var llamaCppText = jsonscan.MustCompile([]jsonscan.Path{
	{Path: "model", Field: fieldModel, Kind: jsonscan.String},
	{Path: "index", Field: fieldIndex, Kind: jsonscan.Number},
	{Path: "content", Field: fieldText, Kind: jsonscan.Text},
	{Path: "tokens", Field: fieldTokenID, Kind: jsonscan.Count},
	{Path: "stop", Field: fieldDone, Kind: jsonscan.Any},
	{Path: "stop_type", Field: fieldFinish, Kind: jsonscan.String},
	{Path: "tokens_predicted", Field: fieldOutput, Kind: jsonscan.Number},
	{Path: "tokens_evaluated", Field: fieldInput, Kind: jsonscan.Number},
	{Path: "timings.cache_n", Field: fieldCached, Kind: jsonscan.Number},
	{Path: "error", Field: fieldError, Kind: jsonscan.Any},
	{Path: "error", Field: fieldError, Kind: jsonscan.Object},
})
