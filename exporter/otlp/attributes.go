// SPDX-License-Identifier: Apache-2.0

package otlp

import (
	"strconv"

	"go.opentelemetry.io/otel/attribute"

	"github.com/modeltap/modeltap/observer/event"
)

// operations are the well-known values of gen_ai.operation.name by API; what is
// not here generates content.
var operations = map[string]string{
	"openai_chat": "chat", "openai_responses": "chat", "anthropic_messages": "chat", "ollama_chat": "chat", "lmdeploy": "chat",
	"openai_completions": "text_completion", "ollama_generate": "text_completion", "llamacpp": "text_completion", "tgi": "text_completion",
	"sglang": "text_completion", "vllm": "text_completion", "worker": "text_completion",
	"openai_embeddings": "embeddings", "ollama_embed": "embeddings", "tei": "embeddings",
}

func operationOf(api string) string {
	if o := operations[api]; o != "" {
		return o
	}
	return "generate_content"
}

// providerOf returns the flavour of the telemetry: servers of one's own have no
// value, and those that speak a provider's API say that provider's.
func providerOf(api string) string {
	switch {
	case api == "anthropic_messages":
		return "anthropic"
	case len(api) > 7 && api[:7] == "openai_":
		return "openai"
	}
	return api
}

// errorOf returns error.type, "" for none. An exchange that was not seen whole
// had no error that is known.
func errorOf(x *event.Exchange) string {
	switch x.Outcome {
	case event.OK, event.Incomplete:
		return ""
	case event.HTTPError:
		return strconv.Itoa(x.Status)
	}
	return x.Outcome.String()
}

// identity are the attributes of a span and of each measurement.
func identity(x *event.Exchange) []attribute.KeyValue {
	a := []attribute.KeyValue{
		attribute.String("gen_ai.operation.name", operationOf(x.API)),
		attribute.String("gen_ai.provider.name", providerOf(x.API)),
		attribute.String("gen_ai.response.model", x.Model),
		attribute.String("modeltap.server", x.Server),
	}
	if e := errorOf(x); e != "" {
		a = append(a, attribute.String("error.type", e))
	}
	return a
}

// details are what only the span of an exchange has. Tokens that were
// estimated are not usage, by the conventions, and go by another name.
func details(x *event.Exchange) []attribute.KeyValue {
	a := []attribute.KeyValue{
		attribute.String("modeltap.api", x.API),
		attribute.String("modeltap.outcome", x.Outcome.String()),
		attribute.Bool("gen_ai.request.stream", x.Stream),
		attribute.Int64("http.request.body.size", x.RequestBytes),
		attribute.Int64("http.response.body.size", x.ResponseBytes),
	}
	if x.Status != 0 {
		a = append(a, attribute.Int("http.response.status_code", x.Status))
	}
	if x.Stream && x.FirstChunk > x.Start {
		a = append(a, attribute.Float64("gen_ai.response.time_to_first_chunk", float64(x.FirstChunk-x.Start)/1e9))
	}
	if x.Stream && x.FirstToken > x.Start {
		a = append(a, attribute.Float64("modeltap.time_to_first_token", float64(x.FirstToken-x.Start)/1e9))
	}
	for t, name := range [event.TokenTypes]string{
		event.Input: "input_tokens", event.Output: "output_tokens",
		event.Reasoning: "reasoning.output_tokens", event.Cached: "cache_read.input_tokens",
	} {
		switch n := x.Tokens[t]; {
		case !n.Known:
		case n.Source == event.Estimated:
			a = append(a, attribute.Int64("modeltap.estimated."+name, n.N))
		default:
			a = append(a, attribute.Int64("gen_ai.usage."+name, n.N))
		}
	}
	var reasons []string
	for r, n := range x.Finish {
		for range n {
			reasons = append(reasons, event.Finish(r).String())
		}
	}
	if len(reasons) > 0 {
		a = append(a, attribute.StringSlice("gen_ai.response.finish_reasons", reasons))
	}
	return a
}
