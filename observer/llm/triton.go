// SPDX-License-Identifier: Apache-2.0

package llm

import (
	"bytes"

	"github.com/modeltap/modeltap/observer/jsonscan"
)

// Triton's HTTP API, which is KServe's protocol version 2 with a generate
// extension (triton server, docs/protocol/extension_generate.md; kserve,
// docs/predict-api/v2). Whether text_output repeats the text before it is an
// option of the backend; a stream ends without a mark.
var (
	triton = &Dialect{
		API: "triton",
		Routes: []string{
			"/v2/models/*/generate", "/v2/models/*/generate_stream",
			"/v2/models/*/versions/*/generate", "/v2/models/*/versions/*/generate_stream",
		},
		Request: schema([]jsonscan.Path{
			{Path: "text_input", Field: fieldPrompt, Kind: jsonscan.Text},
			{Path: "prompt", Field: fieldPrompt, Kind: jsonscan.Text},
		}),
		Answer:  tritonText,
		Event:   tritonText,
		Repeats: true,
	}
	tritonInfer = &Dialect{
		API:    "triton",
		Routes: []string{"/v2/models/*/infer", "/v2/models/*/versions/*/infer"},
		Request: schema([]jsonscan.Path{
			{Path: "inputs[].data[]", Field: fieldPrompt, Kind: jsonscan.Text},
			{Path: "inputs[].data[][]", Field: fieldPrompt, Kind: jsonscan.Text},
		}),
		Answer: tritonTensors,
		Event:  tritonTensors,
	}
	// KServe's protocol version 1 (kserve, docs/predict-api/v1): a measure of
	// durations and sizes, for predictions are of any kind.
	kserve = &Dialect{
		API:     "kserve",
		Routes:  []string{"/v1/models/*:predict", "/v1/models/*:explain"},
		Request: requestPaths(),
		Answer:  schema([]jsonscan.Path{{Path: "error", Field: fieldError, Kind: jsonscan.Any}}),
		Event:   schema([]jsonscan.Path{{Path: "error", Field: fieldError, Kind: jsonscan.Any}}),
	}
)

var (
	tritonText = jsonscan.MustCompile([]jsonscan.Path{
		{Path: "model_name", Field: fieldModel, Kind: jsonscan.String},
		{Path: "text_output", Field: fieldText, Kind: jsonscan.Text},
		{Path: "text_output[]", Field: fieldText, Kind: jsonscan.Text},
		{Path: "details.finish_reason", Field: fieldFinish, Kind: jsonscan.String},
		{Path: "error", Field: fieldError, Kind: jsonscan.Any},
	})
	tritonTensors = jsonscan.MustCompile([]jsonscan.Path{
		{Path: "model_name", Field: fieldModel, Kind: jsonscan.String},
		{Path: "outputs[]", Field: fieldTensor, Kind: jsonscan.Object},
		{Path: "outputs[].name", Field: fieldTensorName, Kind: jsonscan.String},
		{Path: "outputs[].data[]", Field: fieldText, Kind: jsonscan.Text},
		{Path: "outputs[].data[][]", Field: fieldText, Kind: jsonscan.Text},
		{Path: "error", Field: fieldError, Kind: jsonscan.Any},
	})
)

// textTensor tells by its name whether a tensor of strings is generated text
// and not, say, a label.
func textTensor(name []byte) bool {
	for _, s := range []string{"text", "TEXT", "generated", "response", "completion", "answer"} {
		if bytes.Contains(name, []byte(s)) {
			return true
		}
	}
	return false
}
