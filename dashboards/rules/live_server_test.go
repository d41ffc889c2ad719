// SPDX-License-Identifier: Apache-2.0

package rules

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"
)

// server is a model server that does what the prompt says.
type server struct {
	gone     chan struct{} // ends what stalls
	released sync.Once
}

func newServer() *server { return &server{gone: make(chan struct{})} }

func (s *server) release() { s.released.Do(func() { close(s.gone) }) }

func (s *server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.URL.Path != "/v1/chat/completions" {
		http.NotFound(w, r)
		return
	}
	text, _ := io.ReadAll(r.Body)
	if strings.Contains(string(text), "fail") {
		http.Error(w, `{"error":{"message":"out of memory"}}`, http.StatusInternalServerError)
		return
	}
	tokens, pause := 30, 10*time.Millisecond
	if strings.Contains(string(text), "quick") {
		tokens, pause = 2, 0
	}
	w.Header().Set("Content-Type", "text/event-stream")
	for i := range tokens {
		fmt.Fprintf(w, "data: {\"id\":\"x\",\"object\":\"chat.completion.chunk\",\"model\":\"demo\",\"choices\":[{\"index\":0,\"delta\":{\"content\":\"word \"},\"finish_reason\":null}]}\n\n")
		_ = http.NewResponseController(w).Flush()
		if i == 2 && strings.Contains(string(text), "stall") {
			<-s.gone
		}
		time.Sleep(pause)
	}
	fmt.Fprintf(w, "data: {\"id\":\"x\",\"object\":\"chat.completion.chunk\",\"model\":\"demo\",\"choices\":[{\"index\":0,\"delta\":{},\"finish_reason\":\"stop\"}],\"usage\":{\"prompt_tokens\":5,\"completion_tokens\":%d,\"total_tokens\":%d}}\n\ndata: [DONE]\n\n", tokens, tokens+5)
}

// ask sends one request and reads its answer.
func (s *server) ask(t *testing.T, url, act string) {
	r, err := http.Post(url+"/v1/chat/completions", "application/json",
		strings.NewReader(fmt.Sprintf(`{"model":"demo","stream":true,"messages":[{"role":"user","content":%q}]}`, act)))
	if err != nil {
		t.Error(err)
		return
	}
	_, _ = io.Copy(io.Discard, r.Body)
	r.Body.Close()
}

// notice is an alert as Alertmanager tells a webhook.
type notice struct {
	Status      string            `json:"status"`
	Labels      map[string]string `json:"labels"`
	Annotations map[string]string `json:"annotations"`
	receiver    string
}

// webhook keeps what it is told.
type webhook struct {
	mu  sync.Mutex
	all []notice
}

func newWebhook() *webhook { return &webhook{} }

func (h *webhook) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	var said struct {
		Alerts []notice `json:"alerts"`
	}
	if err := json.NewDecoder(r.Body).Decode(&said); err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, a := range said.Alerts {
		a.receiver = r.URL.Path
		h.all = append(h.all, a)
	}
}

// names returns the alerts told so far but those that a made-up GPU may cause.
func (h *webhook) names() (all []string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, a := range h.all {
		if a.Labels["component"] == "model" {
			all = append(all, a.Labels["alertname"])
		}
	}
	return all
}

// wait returns the first notice of an alert with a status.
func (h *webhook) wait(t *testing.T, name, status string) (found notice) {
	t.Helper()
	waitFor(t, name+" to be "+status, func() bool {
		h.mu.Lock()
		defer h.mu.Unlock()
		for _, a := range h.all {
			if a.Labels["alertname"] == name && a.Status == status {
				found = a
				return true
			}
		}
		return false
	})
	return found
}
