// SPDX-License-Identifier: Apache-2.0

package llm

import "github.com/modeltap/modeltap/observer/jsonscan"

// tgi is the native API of Hugging Face's text-generation-inference (docs,
// source/reference/api_reference.md; router/src/server.rs): each event is one
// token, and the last repeats the whole text. It has no [DONE]. Servers of
// SageMaker (djl_python, output_formatter.py) send the same in JSON lines.
var tgi = &Dialect{
	API:     "tgi",
	Request: sharedRequest,
	Answer: schema(tgiCounts, tgiCountsAt("[]."), []jsonscan.Path{
		{Path: "generated_text", Field: fieldText, Kind: jsonscan.Text},
		{Path: "[].generated_text", Field: fieldText, Kind: jsonscan.Text},
	}),
	Event: schema(tgiCounts, []jsonscan.Path{
		{Path: "token", Field: fieldToken, Kind: jsonscan.Object},
		{Path: "token.text", Field: fieldText, Kind: jsonscan.Text},
		{Path: "generated_text", Field: fieldEnd, Kind: jsonscan.Any},
	}),
	Marked: true,
}

var tgiCounts = tgiCountsAt("")

func tgiCountsAt(at string) []jsonscan.Path {
	return []jsonscan.Path{
		{Path: at + "details.finish_reason", Field: fieldFinish, Kind: jsonscan.String},
		{Path: at + "details.generated_tokens", Field: fieldOutput, Kind: jsonscan.Number},
		{Path: at + "details.input_length", Field: fieldInput, Kind: jsonscan.Number},
		{Path: at + "error", Field: fieldError, Kind: jsonscan.Any},
		{Path: at + "error", Field: fieldError, Kind: jsonscan.Object},
	}
}
