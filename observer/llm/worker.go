// SPDX-License-Identifier: Apache-2.0

package llm

import "github.com/modeltap/modeltap/observer/jsonscan"

var (
	// worker is FastChat's model worker (fastchat, serve/base_model_worker.py,
	// serve/inference.py): documents that end in NUL and repeat all text.
	worker = &Dialect{
		API:    "worker",
		Routes: []string{"/worker_generate_stream", "/worker_generate"},
		Request: requestPaths(
			jsonscan.Path{Path: "prompt", Field: fieldPrompt, Kind: jsonscan.Text},
		),
		Answer:  workerText,
		Event:   workerText,
		Stream:  bodyNUL,
		Repeats: true,
	}
	// lmdeployInteractive is LMDeploy's chat with history (lmdeploy until 0.9,
	// serve/openai/api_server.py), whose text/event-stream has JSON lines in it.
	lmdeployInteractive = &Dialect{
		API:    "lmdeploy",
		Routes: []string{"/v1/chat/interactive"},
		Request: requestPaths(
			jsonscan.Path{Path: "prompt", Field: fieldPrompt, Kind: jsonscan.Text},
			jsonscan.Path{Path: "prompt[]", Field: fieldMessage, Kind: jsonscan.Object},
			jsonscan.Path{Path: "prompt[].content", Field: fieldPrompt, Kind: jsonscan.Text},
		),
		Answer: lmdeployText,
		Event:  lmdeployText,
		Stream: bodyNDJSON,
		Marked: true,
	}
)

var (
	workerText = jsonscan.MustCompile([]jsonscan.Path{
		{Path: "model", Field: fieldModel, Kind: jsonscan.String},
		{Path: "text", Field: fieldText, Kind: jsonscan.Text},
		{Path: "usage.prompt_tokens", Field: fieldInput, Kind: jsonscan.Number},
		{Path: "usage.completion_tokens", Field: fieldOutput, Kind: jsonscan.Number},
		{Path: "finish_reason", Field: fieldFinish, Kind: jsonscan.String},
		{Path: "error_code", Field: fieldErrorCode, Kind: jsonscan.Number},
	})
	lmdeployText = jsonscan.MustCompile([]jsonscan.Path{
		{Path: "text", Field: fieldText, Kind: jsonscan.Text},
		{Path: "tokens", Field: fieldOutput, Kind: jsonscan.Number},
		{Path: "input_tokens", Field: fieldInput, Kind: jsonscan.Number},
		{Path: "finish_reason", Field: fieldFinish, Kind: jsonscan.String},
		{Path: "error", Field: fieldError, Kind: jsonscan.Any},
		{Path: "error", Field: fieldError, Kind: jsonscan.Object},
	})
)
