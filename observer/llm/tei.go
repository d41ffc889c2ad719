// SPDX-License-Identifier: Apache-2.0

package llm

import "github.com/modeltap/modeltap/observer/jsonscan"

// tei is Hugging Face's text-embeddings-inference (docs/openapi.json), whose
// answers are bare lists of numbers: sizes and durations, and the prompt by
// estimate. Its /predict is a name that hand-written services use for
// everything, and is generic; its OpenAI route is openai_embeddings.
var tei = &Dialect{
	API:    "tei",
	Routes: []string{"/embed", "/embed_all", "/embed_sparse", "/similarity"},
	Request: requestPaths(
		jsonscan.Path{Path: "inputs", Field: fieldPrompt, Kind: jsonscan.Text},
		jsonscan.Path{Path: "inputs[]", Field: fieldPrompt, Kind: jsonscan.Text},
		jsonscan.Path{Path: "inputs.source_sentence", Field: fieldPrompt, Kind: jsonscan.Text},
		jsonscan.Path{Path: "inputs.sentences[]", Field: fieldPrompt, Kind: jsonscan.Text},
	),
	Answer: schema([]jsonscan.Path{{Path: "error", Field: fieldError, Kind: jsonscan.Any}}),
	Event:  schema([]jsonscan.Path{{Path: "error", Field: fieldError, Kind: jsonscan.Any}}),
}
