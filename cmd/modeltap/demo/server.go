// SPDX-License-Identifier: Apache-2.0

// Package demo is a small model server and a modest load on it, for a first
// look at modeltap on a machine without a model server. Neither knows that it
// is observed.
package demo

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net/http"
	"strings"
	"time"
)

// Model is the name that the demo server gives its model.
const Model = "demo-1b"

const words = "the kernel sees every packet when it comes and so no server has to be asked how long a token took "

// Pace is how the server spends its time. The zero Pace answers at once.
type Pace struct {
	Prefill, Token time.Duration // means; each wait is between half and one and a half
}

func (p Pace) wait(r *http.Request, mean time.Duration) error {
	if mean <= 0 {
		return r.Context().Err()
	}
	select {
	case <-r.Context().Done():
		return r.Context().Err()
	case <-time.After(mean/2 + rand.N(mean)):
		return nil
	}
}

type chatRequest struct {
	Stream    bool `json:"stream"`
	MaxTokens int  `json:"max_tokens"`
	Messages  []struct {
		Content string `json:"content"`
	} `json:"messages"`
}

// maxTokens bounds an answer.
const maxTokens = 4096

// Handler returns an OpenAI-compatible chat completions server.
func Handler(pace Pace) http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /health", func(w http.ResponseWriter, _ *http.Request) { fmt.Fprintln(w, "ok") })
	mux.HandleFunc("POST /v1/chat/completions", func(w http.ResponseWriter, r *http.Request) {
		var q chatRequest
		if err := json.NewDecoder(http.MaxBytesReader(w, r.Body, 1<<20)).Decode(&q); err != nil || len(q.Messages) == 0 {
			w.Header().Set("Content-Type", "application/json")
			w.WriteHeader(http.StatusBadRequest)
			fmt.Fprintln(w, `{"error":{"message":"messages is required","type":"invalid_request_error"}}`)
			return
		}
		q.MaxTokens = min(max(q.MaxTokens, 1), maxTokens)
		if pace.wait(r, pace.Prefill) != nil {
			return
		}
		if q.Stream {
			stream(w, r, pace, &q)
			return
		}
		answer(w, r, pace, &q)
	})
	return mux
}

func word(i int) string {
	f := strings.Fields(words)
	return f[i%len(f)] + " "
}

func (q *chatRequest) usage() string {
	in := 0
	for _, m := range q.Messages {
		in += len(strings.Fields(m.Content)) + 1
	}
	return fmt.Sprintf(`{"prompt_tokens":%d,"completion_tokens":%d,"total_tokens":%d}`, in, q.MaxTokens, in+q.MaxTokens)
}

func answer(w http.ResponseWriter, r *http.Request, pace Pace, q *chatRequest) {
	var text strings.Builder
	for i := range q.MaxTokens {
		if pace.wait(r, pace.Token) != nil {
			return
		}
		text.WriteString(word(i))
	}
	w.Header().Set("Content-Type", "application/json")
	fmt.Fprintf(w, `{"id":"demo","object":"chat.completion","model":%q,"choices":[{"index":0,"message":{"role":"assistant","content":%q},"finish_reason":"stop"}],"usage":%s}`,
		Model, text.String(), q.usage())
}

func stream(w http.ResponseWriter, r *http.Request, pace Pace, q *chatRequest) {
	w.Header().Set("Content-Type", "text/event-stream")
	flush := http.NewResponseController(w)
	send := func(choices, usage string) {
		fmt.Fprintf(w, "data: {\"id\":\"demo\",\"object\":\"chat.completion.chunk\",\"model\":%q,\"choices\":[%s]%s}\n\n", Model, choices, usage)
		_ = flush.Flush()
	}
	send(`{"index":0,"delta":{"role":"assistant"},"finish_reason":null}`, "")
	for i := range q.MaxTokens {
		if i > 0 && pace.wait(r, pace.Token) != nil {
			return
		}
		send(fmt.Sprintf(`{"index":0,"delta":{"content":%q},"finish_reason":null}`, word(i)), "")
	}
	send(`{"index":0,"delta":{},"finish_reason":"stop"}`, "")
	send("", `,"usage":`+q.usage())
	fmt.Fprint(w, "data: [DONE]\n\n")
}
