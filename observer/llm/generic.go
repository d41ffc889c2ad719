// SPDX-License-Identifier: Apache-2.0

package llm

import (
	"slices"

	"github.com/modeltap/modeltap/observer/jsonscan"
)

// The member names under which hand-written services put text; other members
// count no tokens rather than guessed ones.
var (
	genericOutput = []string{"text", "content", "response", "output", "generated_text", "token", "answer", "result"}
	genericInput  = []string{"prompt", "inputs", "input", "text", "messages", "query", "question"}
)

// generic is any service whose API nobody published: JSON in, JSON or a stream
// of text, NDJSON or events out. Services that speak OpenAI's format under
// routes of their own are common, so its usage and choices are understood too.
var generic = &Dialect{
	API:     "generic",
	Request: requestPaths(genericPaths(genericInput, fieldPrompt, "messages[].content", "messages[].content[].text")...),
	Answer:  schema(genericAnswer),
	Event:   schema(genericEvent),
	Repeats: true,
	Generic: true,
}

var (
	genericAnswer = slices.Concat(openAIUsage, message("choices[].message"), genericPaths(genericOutput, fieldText, "choices[].text"))
	// An event may be the text as a JSON string.
	genericEvent = slices.Concat(openAIUsage, message("choices[].delta"), genericPaths(genericOutput, fieldText, "choices[].text", ""))
)

// Where a hand-written service may put the members: in the document, in each
// element of a list (as the pipelines of Hugging Face's transformers do), or
// in a wrapper.
var genericPlaces = []string{"", "[].", "data.", "data[].", "message.", "response.", "result.", "output."}

// genericPaths gives field to each name where it stands for a string or for a
// list of strings, and to the paths in more.
func genericPaths(names []string, field jsonscan.Field, more ...string) []jsonscan.Path {
	var paths []jsonscan.Path
	for _, n := range names {
		for _, at := range genericPlaces {
			paths = append(paths, jsonscan.Path{Path: at + n, Field: field, Kind: jsonscan.Text})
		}
		paths = append(paths, jsonscan.Path{Path: n + "[]", Field: field, Kind: jsonscan.Text})
	}
	for _, p := range more {
		paths = append(paths, jsonscan.Path{Path: p, Field: field, Kind: jsonscan.Text})
	}
	return paths
}
