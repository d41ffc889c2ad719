// SPDX-License-Identifier: Apache-2.0

package llm

import "github.com/modeltap/modeltap/observer/jsonscan"

// vllmGenerate is vLLM's route from token ids to token ids (vllm,
// entrypoints/serve/disagg/protocol.py): there is no text, the ids are the
// content.
var vllmGenerate = &Dialect{
	API:    "vllm",
	Routes: []string{"/inference/v1/generate"},
	Request: requestPaths(
		jsonscan.Path{Path: "token_ids", Field: fieldPromptID, Kind: jsonscan.Count},
	),
	Answer: schema(openAIUsage),
	Event:  schema(openAIUsage),
	Marked: true,
	IDs:    true,
}
