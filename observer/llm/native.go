// SPDX-License-Identifier: Apache-2.0

package llm

import "github.com/modeltap/modeltap/observer/jsonscan"

// Routes that several APIs and hand-written services share. What is asked, or
// else what is answered, tells which it is; they begin as generic.
var (
	sharedGenerate = &Dialect{
		API:     "generic",
		Routes:  []string{"/", "/generate", "/generate_stream"},
		Request: sharedRequest,
		Answer:  sharedAnswer,
		Event:   sharedEvent,
		Choose: func(asked asked) *Dialect {
			switch {
			case asked.has(fieldInputs):
				return tgi
			case asked.has(fieldSampling):
				return sglang
			}
			return nil
		},
		Told:    sglang,
		Repeats: true,
		Generic: true,
	}
	// SageMaker's container contract has one route for everything (vLLM,
	// entrypoints/sagemaker; TGI, router/src/server.rs).
	sharedInvocations = &Dialect{
		API:     "generic",
		Routes:  []string{"/invocations", "/vertex"},
		Request: sharedRequest,
		Answer:  generic.Answer,
		Event:   generic.Event,
		Choose: func(asked asked) *Dialect {
			switch {
			case asked.has(fieldMessage):
				return openAIChat
			case asked.has(fieldInputs):
				return tgi
			case asked.has(fieldDocuments):
				return openAIOther
			case asked.has(fieldModel) && asked.has(fieldPrompt):
				return openAICompletions
			}
			return nil
		},
		Repeats: true,
		Generic: true,
	}
	// vLLM's own (entrypoints/pooling) and text-embeddings-inference's.
	sharedScoring = &Dialect{
		API:     "generic",
		Routes:  []string{"/rerank", "/score", "/classify", "/pooling"},
		Request: sharedRequest,
		Answer:  generic.Answer,
		Event:   generic.Event,
		Choose: func(asked asked) *Dialect {
			switch {
			case asked.has(fieldTexts):
				return tei
			case asked.has(fieldDocuments), asked.has(fieldModel) && asked.has(fieldPrompt):
				return openAIOther
			}
			return nil
		},
		Repeats: true,
		Generic: true,
	}
)

var (
	sharedRequest = schema([]jsonscan.Path{
		{Path: "model", Field: fieldModel, Kind: jsonscan.String},
		{Path: "inputs", Field: fieldInputs, Kind: jsonscan.Text},
		{Path: "inputs[]", Field: fieldInputs, Kind: jsonscan.Text},
		{Path: "sampling_params", Field: fieldSampling, Kind: jsonscan.Object},
		{Path: "sampling_params.n", Field: fieldSamples, Kind: jsonscan.Number},
		{Path: "input_ids", Field: fieldPromptID, Kind: jsonscan.Count},
		{Path: "input_ids[]", Field: fieldPromptID, Kind: jsonscan.Count},
		{Path: "messages[]", Field: fieldMessage, Kind: jsonscan.Object},
		{Path: "messages[].content", Field: fieldPrompt, Kind: jsonscan.Text},
		{Path: "messages[].content[].text", Field: fieldPrompt, Kind: jsonscan.Text},
		{Path: "text", Field: fieldPrompt, Kind: jsonscan.Text},
		{Path: "text[]", Field: fieldPrompt, Kind: jsonscan.Text},
		{Path: "prompt", Field: fieldPrompt, Kind: jsonscan.Text},
		{Path: "prompt[]", Field: fieldPrompt, Kind: jsonscan.Text},
		{Path: "input", Field: fieldPrompt, Kind: jsonscan.Text},
		{Path: "query", Field: fieldPrompt, Kind: jsonscan.Text},
		{Path: "question", Field: fieldPrompt, Kind: jsonscan.Text},
		{Path: "texts[]", Field: fieldTexts, Kind: jsonscan.Text},
		{Path: "documents[]", Field: fieldDocuments, Kind: jsonscan.Text},
		{Path: "text_1", Field: fieldDocuments, Kind: jsonscan.Text},
		{Path: "text_1[]", Field: fieldDocuments, Kind: jsonscan.Text},
		{Path: "text_2", Field: fieldDocuments, Kind: jsonscan.Text},
		{Path: "text_2[]", Field: fieldDocuments, Kind: jsonscan.Text},
	})
	sharedAnswer = schema(genericAnswer, metaInfo(""))
	sharedEvent  = schema(genericEvent, metaInfo(""))
)

// asked is the set of fields that a request had.
type asked uint64

func (a asked) has(f jsonscan.Field) bool { return a>>f&1 != 0 }

// choose settles which of the APIs that share a route it is, once the request
// has told what it can.
func (e *Exchange) choose() {
	c := e.dialect.Choose
	if c == nil {
		return
	}
	if d := c(e.asked); d != nil {
		e.become(d)
		e.chosen = true
	}
}

// become makes e an exchange of another API, if no label says yet which it is.
func (e *Exchange) become(d *Dialect) {
	if e.series == nil {
		e.dialect, e.rec.API = d, d.API
	}
}
