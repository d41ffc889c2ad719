// SPDX-License-Identifier: Apache-2.0

package llm

import "github.com/modeltap/modeltap/observer/jsonscan"

// The meanings that a dialect can give to a JSON path.
const (
	fieldModel     jsonscan.Field = iota + 1
	fieldMessage                  // one message of a prompt (object)
	fieldPrompt                   // prompt text
	fieldPromptID                 // token ids of a prompt (count)
	fieldInputs                   // prompt text as Hugging Face's servers name it
	fieldTexts                    // the same of texts to be ranked
	fieldDocuments                // the same of documents to be ranked
	fieldSampling                 // SGLang's parameters (object)
	fieldSamples                  // answers wanted to each prompt
	fieldEcho                     // the answers are to repeat their prompts

	fieldChoice     // one choice of an answer (object)
	fieldIndex      // its index
	fieldText       // visible text
	fieldReasoning  // reasoning text
	fieldReasoning2 // the same, by another name: one of them counts
	fieldReasoning3 // the same, by a third
	fieldTool       // tool-call text
	fieldToken      // one token (object)
	fieldTokenID    // token ids or log probabilities of the event (count)
	fieldFinish     // finish reason of the choice, or of the answer

	fieldInput     // stated input tokens
	fieldOutput    // stated output tokens
	fieldThought   // stated reasoning tokens, part of output
	fieldCached    // stated cached tokens, part of input
	fieldTotal     // stated input and output tokens
	fieldTimings   // llama.cpp's counts, which are those of one choice (object)
	fieldUncached  // stated input tokens without the cached ones
	fieldCreated   // stated input tokens that were written to the cache, neither of the two
	fieldDone      // true in the event that ends the answer
	fieldError     // an error document
	fieldErrorCode // an error, unless it is 0
	fieldEnd       // ends the answer if it is not null
	fieldMetaInfo  // SGLang's counts (object)
	fieldEventType // name of the event, where it is inside the data

	fieldData       // the inputs of a function of Gradio's (count)
	fieldSession    // its session
	fieldEventID    // the event that a request to it has become
	fieldUnfinished // true if there will be more of the answer
	fieldTensor     // a named output (object)
	fieldTensorName // its name
)
