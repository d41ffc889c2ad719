// SPDX-License-Identifier: Apache-2.0

package demo

import (
	"bufio"
	"context"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

func post(t *testing.T, url, body string) *http.Response {
	t.Helper()
	resp, err := http.Post(url+"/v1/chat/completions", "application/json", strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { resp.Body.Close() })
	return resp
}

const ask = `"max_tokens":5,"messages":[{"role":"user","content":"one two three"}]}`

func TestStream(t *testing.T) {
	s := httptest.NewServer(Handler(Pace{}))
	defer s.Close()
	resp := post(t, s.URL, `{"stream":true,`+ask)
	if ct := resp.Header.Get("Content-Type"); ct != "text/event-stream" {
		t.Errorf("content type %q", ct)
	}
	content, usage, done := 0, 0, false
	for lines := bufio.NewScanner(resp.Body); lines.Scan(); {
		data, ok := strings.CutPrefix(lines.Text(), "data: ")
		if !ok {
			continue
		}
		if data == "[DONE]" {
			done = true
			continue
		}
		var e struct {
			Choices []struct{ Delta struct{ Content string } }
			Usage   *struct {
				PromptTokens     int `json:"prompt_tokens"`
				CompletionTokens int `json:"completion_tokens"`
			}
		}
		if err := json.Unmarshal([]byte(data), &e); err != nil {
			t.Fatalf("%s: %v", data, err)
		}
		if len(e.Choices) == 1 && e.Choices[0].Delta.Content != "" {
			content++
		}
		if e.Usage != nil {
			usage = e.Usage.CompletionTokens
		}
	}
	if content != 5 || usage != 5 || !done {
		t.Errorf("%d content events, usage %d, done %v; want 5, 5, true", content, usage, done)
	}
}

func TestAnswerAndMistake(t *testing.T) {
	s := httptest.NewServer(Handler(Pace{}))
	defer s.Close()
	var a struct {
		Model string
		Usage struct {
			CompletionTokens int `json:"completion_tokens"`
		}
	}
	if err := json.NewDecoder(post(t, s.URL, `{`+ask).Body).Decode(&a); err != nil {
		t.Fatal(err)
	}
	if a.Model != Model || a.Usage.CompletionTokens != 5 {
		t.Errorf("answer %+v", a)
	}
	if code := post(t, s.URL, `{"messages":[]}`).StatusCode; code != http.StatusBadRequest {
		t.Errorf("a request without messages got %d, want 400", code)
	}
}

func TestLoadSendsUntilStopped(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	var got atomic.Int64
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if got.Add(1) == 20 {
			cancel()
		}
	}))
	defer s.Close()
	if sent := Load(ctx, s.URL, 3, time.Microsecond); sent < 20 || sent > 23 {
		t.Errorf("%d requests sent, want 20 and at most one more of each client", sent)
	}
}
