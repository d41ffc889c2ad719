// SPDX-License-Identifier: Apache-2.0

package main

import "encoding/json"

// stated is what an answer says of itself on the wire.
type stated struct {
	known         bool
	by            string // member that says it
	input, output int64
	promptMS      float64 // the server's own clock
}

// take reads one event of a stream, or a whole answer. The last count wins.
func (s *stated) take(data []byte) {
	type usage struct {
		PromptTokens     *int64 `json:"prompt_tokens"`
		CompletionTokens int64  `json:"completion_tokens"`
		InputTokens      int64  `json:"input_tokens"` // the Responses API, and Anthropic's
		OutputTokens     int64  `json:"output_tokens"`
		CacheRead        int64  `json:"cache_read_input_tokens"` // Anthropic's, not in input_tokens
		CacheCreated     int64  `json:"cache_creation_input_tokens"`
	}
	var e struct {
		Type     string
		Usage    *usage
		Response struct{ Usage *usage }
		Message  struct{ Usage *usage }
		Stop     bool
		// llama.cpp's own API
		Predicted *int64 `json:"tokens_predicted"`
		Evaluated int64  `json:"tokens_evaluated"`
		Timings   *struct {
			CacheN     int64   `json:"cache_n"`
			PromptN    int64   `json:"prompt_n"`
			PromptMS   float64 `json:"prompt_ms"`
			PredictedN int64   `json:"predicted_n"`
		}
	}
	if json.Unmarshal(data, &e) != nil {
		return // [DONE]
	}
	if t := e.Timings; t != nil {
		s.promptMS = t.PromptMS
		s.state("timings", t.CacheN+t.PromptN, t.PredictedN)
	}
	switch u, r, m := e.Usage, e.Response.Usage, e.Message.Usage; {
	case u != nil && u.PromptTokens != nil:
		s.state("usage", *u.PromptTokens, u.CompletionTokens)
	case r != nil:
		s.state("usage", r.InputTokens, r.OutputTokens)
	case m != nil: // message_start: the output is still to come
		s.input = m.InputTokens + m.CacheRead + m.CacheCreated
	case u != nil && e.Type == "message_delta":
		s.state("usage", max(s.input, u.InputTokens+u.CacheRead+u.CacheCreated), u.OutputTokens)
	case u != nil:
		s.state("usage", u.InputTokens+u.CacheRead+u.CacheCreated, u.OutputTokens)
	case e.Predicted != nil && e.Stop:
		s.state("tokens_predicted", e.Evaluated, *e.Predicted)
	}
}

func (s *stated) state(by string, input, output int64) {
	s.known, s.by, s.input, s.output = true, by, input, output
}
