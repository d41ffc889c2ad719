// SPDX-License-Identifier: Apache-2.0

package llm

// notes are places that no measure is taken of, but that tell the reader of a
// recording what was asked and answered. None is of the client's own making.
type notes struct{ asked, answered []Place }

var noted = map[string]notes{
	"openai_chat": {
		asked: note(KeepRole, "messages[].role").and(KeepKey, "messages[].content[].type", "tools", "tool_choice", "metadata", "user").
			and(KeepNumber, sampling...).and(KeepKey, switches...),
		answered: openAINotes.and(KeepRole, "choices[].message.role", "choices[].delta.role").
			and(KeepKey, "choices[].message.tool_calls[].id", "choices[].delta.tool_calls[].id"),
	},
	"openai_completions": {asked: note(KeepNumber, sampling...).and(KeepKey, switches...), answered: openAINotes},
	"openai_responses": {
		asked: note(KeepRole, "input[].role").and(KeepNumber, sampling...).and(KeepKey, switches...),
		answered: note(KeepPrefix, "id", "response.id", "item_id").and(KeepWord, "object", "response.object", "response.status", "output[].type", "item.type").
			and(KeepNumber, "output_index", "content_index", "sequence_number", "created_at", "response.created_at").
			and(KeepRole, "output[].role", "item.role"),
	},
	"openai_embeddings": {asked: note(KeepKey, "encoding_format").and(KeepNumber, "dimensions"), answered: openAINotes.and(KeepKey, "data[].embedding")},
	"anthropic_messages": {
		asked: note(KeepRole, "messages[].role").and(KeepKey, "messages[].content[].type", "tools", "tool_choice", "metadata").
			and(KeepNumber, sampling...).and(KeepKey, switches...),
		answered: note(KeepPrefix, "id", "message.id").and(KeepWord, "type", "message.type", "content[].type", "content_block.type", "delta.type").
			and(KeepRole, "role", "message.role").and(KeepNumber, "index"),
	},
	"ollama_generate": {asked: ollamaAsked, answered: ollamaNotes},
	"ollama_chat":     {asked: ollamaAsked.and(KeepRole, "messages[].role"), answered: ollamaNotes.and(KeepRole, "message.role")},
	"llamacpp":        {asked: note(KeepNumber, "n_predict").and(KeepNumber, sampling...).and(KeepKey, switches...)},
	"tgi":             {answered: note(KeepNumber, "index")},
}

var (
	sampling    = []string{"max_tokens", "max_completion_tokens", "max_output_tokens", "temperature", "top_p", "top_k", "best_of"}
	switches    = []string{"stream", "stream_options.include_usage", "ignore_eos", "logprobs"}
	openAINotes = note(KeepPrefix, "id").and(KeepWord, "object").and(KeepNumber, "created")
	ollamaNotes = note(KeepNumber, "total_duration", "load_duration", "prompt_eval_duration", "eval_duration").and(KeepKey, "created_at", "context")
	ollamaAsked = note(KeepKey, "stream", "think", "raw", "options", "keep_alive").and(KeepNumber, "options.num_predict", "options.num_ctx", "options.temperature")
)

type placeList []Place

func note(k Keep, paths ...string) placeList { return placeList(nil).and(k, paths...) }

// and returns l and more, and leaves l as it is.
func (l placeList) and(k Keep, paths ...string) placeList {
	l = l[:len(l):len(l)]
	for _, p := range paths {
		l = append(l, Place{Path: p, Keep: k})
	}
	return l
}
