// SPDX-License-Identifier: Apache-2.0

package record

import "slices"

// words is a sorted list that is matched one byte at a time.
type words []string

func list(s ...string) words {
	slices.Sort(s)
	return slices.Compact(s)
}

// matcher narrows words down to those that begin with the bytes seen.
type matcher struct {
	in     words
	lo, hi uint16
	n      uint16 // bytes matched
}

func (m *matcher) reset(in words) { *m = matcher{in: in, hi: uint16(len(in))} }

// next reports whether some word goes on with c. Once it does not, none does.
func (m *matcher) next(c byte) bool {
	for m.lo < m.hi && (len(m.in[m.lo]) <= int(m.n) || m.in[m.lo][m.n] < c) {
		m.lo++
	}
	for m.lo < m.hi && m.in[m.hi-1][m.n] > c {
		m.hi--
	}
	m.n++
	return m.lo < m.hi
}

// word returns the word that was matched as a whole, or "".
func (m *matcher) word() string {
	if m.lo < m.hi && len(m.in[m.lo]) == int(m.n) {
		return m.in[m.lo]
	}
	return ""
}

// methods are those whose names are kept.
var methods = list("CONNECT", "DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT", "TRACE")

var versions = list("HTTP/1.0", "HTTP/1.1")

// keptFields have values that framing and measurement need.
var keptFields = list("accept", "accept-encoding", "connection", "content-encoding", "content-length", "content-type",
	"date", "expect", "host", "keep-alive", "server", "te", "traceparent", "trailer", "transfer-encoding", "upgrade")

// knownFields have names that give nothing away.
var knownFields = list(append([]string{"access-control-allow-origin", "age", "authorization", "cache-control", "cookie", "etag",
	"forwarded", "location", "openai-organization", "origin", "referer", "retry-after", "set-cookie", "user-agent", "vary", "via",
	"www-authenticate", "x-accel-buffering", "x-api-key", "x-forwarded-for", "x-forwarded-proto", "x-request-id"}, keptFields...)...)

var eventFields = list("data", "event", "id", "retry")

// edits are the operations of Gradio's streamed differences (gradio/utils.py,
// diff): output.data is a list with one list of edits for each component.
var edits = list("add", "append", "delete", "replace")

// literals are JSON's, Python's additions, and what ends an OpenAI stream.
var literals = list("DONE", "Infinity", "NaN", "false", "null", "true")

// keptValues are keys whose short, plain string values say what an object is.
var keptValues = list("done_reason", "event_id", "finish_reason", "id", "model", "model_name", "msg", "object", "reason", "role",
	"status", "stop_reason", "stop_type", "type")

// textNumbers are keys whose numbers stand for text or persons.
var textNumbers = list("id", "content", "text", "token", "value", "user", "input", "inputs", "prompt", "answer", "query",
	"question", "response", "output", "result", "data", "name", "seed")

// knownKeys are the names in the dialects' documents.
var knownKeys = list(append(append([]string{
	"annotations", "arguments", "audio", "average_duration", "best_of", "cache_creation_input_tokens", "cache_n",
	"cache_read_input_tokens", "cached_tokens", "call_id", "choices", "code", "completion_tokens",
	"completion_tokens_details", "content_block", "content_index", "context", "conversation", "created", "created_at", "delta",
	"details", "detail", "dimensions", "done", "duration", "e2e_latency", "echo", "embedding", "embeddings", "encoding_format",
	"error", "eval_count", "eval_duration", "event_data", "event_id", "fn_index", "format", "frequency_penalty", "function",
	"function_call", "generated_text", "generated_tokens", "include_usage", "incomplete_details", "index", "input_length",
	"input_tokens", "input_tokens_details", "instructions", "is_generating", "item", "item_id", "keep_alive", "load_duration",
	"logit_bias", "logprob", "logprobs", "max_completion_tokens", "max_new_tokens", "max_output_tokens", "max_tokens", "message",
	"messages", "meta_info", "metadata", "model_version", "n", "n_predict", "num_predict", "obfuscation", "options",
	"output_ids", "output_index", "output_tokens", "output_tokens_details", "param", "parameters", "part", "partial_json",
	"predicted_ms", "predicted_n", "predicted_per_second", "presence_penalty", "prompt_eval_count", "prompt_eval_duration",
	"prompt_ms", "prompt_n", "prompt_token_ids", "prompt_tokens", "prompt_tokens_details", "reasoning",
	"reasoning_content", "reasoning_tokens", "refusal", "response_format", "sampling_params", "score", "scores",
	"sequence_number", "service_tier", "session_hash", "signature", "special", "stop", "stop_sequence", "store", "stream",
	"stream_options", "success", "summary_index", "system", "system_fingerprint", "temperature", "text_input", "text_output",
	"thinking", "timings", "token_ids", "tokens", "tokens_cached", "tokens_evaluated", "tokens_predicted", "tool_call_id",
	"tool_calls", "tool_choice", "tools", "top_k", "top_logprobs", "top_p", "total_duration", "total_tokens", "truncate",
	"truncated", "usage", "datatype", "documents", "error_code", "error_type", "history_tokens", "input_ids", "instances",
	"interactive_mode", "model_version", "outputs", "predictions", "prefill", "request_id", "sequence_id", "session_id", "shape",
	"text_1", "text_2", "texts",
}, keptValues...), textNumbers...)...)

func (w words) has(s string) bool {
	_, ok := slices.BinarySearch(w, s)
	return ok
}
