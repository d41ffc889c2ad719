// SPDX-License-Identifier: Apache-2.0

package llm

import (
	"testing"

	"github.com/modeltap/modeltap/observer/event"
)

func TestDialectOf(t *testing.T) {
	for target, want := range map[string]string{
		"/v1/chat/completions":                                 "openai_chat",
		"/chat/completions":                                    "openai_chat",
		"/api/v1/chat/completions":                             "openai_chat",
		"/v1/chat/completions/":                                "openai_chat",
		"/openai/deployments/g/chat/completions?api-version=1": "openai_chat",
		"http://host:8000/v1/chat/completions":                 "openai_chat",
		"/v1/completions":                                      "openai_completions",
		"/prefix/v1/completions#x":                             "openai_completions",
		"/v1/responses":                                        "openai_responses",
		"/v1/embeddings":                                       "openai_embeddings",
		"/v1/rerank":                                           "openai_other",
		"/v1/audio/speech":                                     "openai_other",
		"/v1/chat/completions/x":                               "",
		"/v1/responses/resp_1":                                 "",
		"/predict":                                             "",
		"/predict?next=/v1/completions":                        "",
		"/v1/chat/completionsx":                                "",
		"http://v1/completions":                                "",
		"http://host":                                          "generic",
		"/":                                                    "generic",
		"/x/":                                                  "",
		"/generate":                                            "generic",
		"/prefix/generate_stream":                              "generic",
		"/invocations":                                         "generic",
		"/rerank":                                              "generic",
		"/v2/rerank":                                           "generic",
		"/pooling":                                             "generic",
		"/v2/models/m/generate":                                "triton",
		"/v2/models/m/versions/3/generate_stream":              "triton",
		"/v2/models/m/infer":                                   "triton",
		"/v2/models/m/load":                                    "",
		"/v2/models/versions/3/infer":                          "",
		"/v1/models/m:predict":                                 "kserve",
		"/v1/models/:predict":                                  "",
		"/embed":                                               "tei",
		"/api/embed":                                           "ollama_embed",
		"/worker_generate_stream":                              "worker",
		"/v1/chat/interactive":                                 "lmdeploy",
		"/inference/v1/generate":                               "vllm",
		"*":                                                    "",
	} {
		got := ""
		if d := DialectOf([]byte("POST"), []byte(target)); d != nil {
			got = d.API
		}
		if got != want {
			t.Errorf("POST %s is %q, want %q", target, got, want)
		}
		if d := DialectOf([]byte("GET"), []byte(target)); d != nil {
			t.Errorf("GET %s is %s, want no model API", target, d.API)
		}
	}
}

func TestPath(t *testing.T) {
	for target, want := range map[string]string{
		"/a/b":             "/a/b",
		"/a/b?c=/d":        "/a/b",
		"/a#b?c":           "/a",
		"/a/":              "/a/",
		"http://h/a?b":     "/a",
		"http://h":         "",
		"http://h?a=/b":    "",
		"/go?u=http://h/a": "/go",
		"/http://h/a":      "/http://h/a",
		"*":                "*",
		"":                 "",
		"host:443":         "host:443",
	} {
		if got := string(Path([]byte(target))); got != want {
			t.Errorf("Path(%q) = %q, want %q", target, got, want)
		}
	}
}

// A row of the table that no request can reach, or that is not what a label
// may be, is a mistake.
func TestDialectsAreWhole(t *testing.T) {
	seen := map[*Dialect]bool{}
	for _, d := range append(dialects[:], generic, tgi, sglang) {
		if d.API == "" || d.API != event.Label(d.API) || seen[d] {
			t.Errorf("api %q is empty, no label, or twice there", d.API)
		}
		seen[d] = true
		if d.Request == nil || d.Answer == nil || d.Event == nil {
			t.Errorf("%s lacks a schema", d.API)
		}
		for _, r := range d.Routes {
			if got := DialectOf([]byte("POST"), []byte(r)); got != d {
				t.Errorf("%s: its route %s belongs to another", d.API, r)
			}
		}
	}
}

func TestKindOf(t *testing.T) {
	for _, c := range []struct {
		contentType      string
		chunked, generic bool
		want             bodyKind
	}{
		{"text/event-stream", true, false, bodySSE},
		{"Text/Event-Stream; charset=utf-8", false, true, bodySSE},
		{"application/x-ndjson", true, false, bodyNDJSON},
		{"application/jsonl", true, true, bodyNDJSON},
		{" application/jsonlines ;x=y", true, true, bodyNDJSON},
		{"application/json", false, false, bodyJSON},
		{"application/json", true, false, bodyJSON},
		{"application/json", false, true, bodyJSON},
		{"application/json", true, true, bodyChunkedJSON},
		{"application/problem+json", false, false, bodyJSON},
		{"text/plain; charset=utf-8", true, true, bodyText},
		{"", true, true, bodyUntyped},
		{"", false, true, bodyText},
		{"text/html", true, true, bodyMarkup},
		{"text/plain", true, false, bodyOpaque},
		{"audio/wav", true, true, bodyOpaque},
		{"", true, false, bodyOpaque},
	} {
		if got := kindOf([]byte(c.contentType), c.chunked, c.generic); got != c.want {
			t.Errorf("%+v: got %d", c, got)
		}
	}
}

func TestFinishOf(t *testing.T) {
	for reason, want := range map[string]event.Finish{
		"stop": event.FinishStop, "end_turn": event.FinishStop, "eos_token": event.FinishStop,
		"stop_sequence": event.FinishStop, "completed": event.FinishStop,
		"length": event.FinishLength, "max_tokens": event.FinishLength, "max_output_tokens": event.FinishLength,
		"tool_calls": event.FinishToolCalls, "tool_use": event.FinishToolCalls, "function_call": event.FinishToolCalls,
		"content_filter": event.FinishContentFilter, "abort": event.FinishOther, "STOP!": event.FinishOther,
	} {
		if got, ok := finishOf([]byte(reason)); !ok || got != want {
			t.Errorf("finish reason %q is %v, %v; want %v", reason, got, ok, want)
		}
	}
	for _, none := range []string{"", "in_progress", "queued", "incomplete"} {
		if _, ok := finishOf([]byte(none)); ok {
			t.Errorf("%q is no finish reason", none)
		}
	}
}
