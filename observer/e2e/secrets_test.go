// SPDX-License-Identifier: Apache-2.0

package e2e

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"
)

// What users and models say reaches nothing that modeltap writes: not the
// metrics, not the API, not the pages, not its most talkative log; nor do query
// strings, keys and cookies. Requests and answers are right, wrong and broken.
func TestTextStaysInside(t *testing.T) {
	p := need(t)
	const secret = "Xyzzy7Plugh"
	answers := map[string]struct{ kind, body string }{
		"/v1/chat/completions":  {"text/event-stream", "data: {\"object\":\"chat.completion.chunk\",\"model\":\"m\",\"choices\":[{\"index\":0,\"delta\":{\"content\":\"" + secret + "\"}}]}\n\ndata: [DONE]\n\n"},
		"/v1/completions":       {"application/json", `{"object":"text_completion","model":"m","choices":[{"text":"` + secret + `","finish_reason":"stop"}]}`},
		"/v1/messages":          {"text/event-stream", "event: content_block_delta\ndata: {\"type\":\"content_block_delta\",\"delta\":{\"type\":\"text_delta\",\"text\":\"" + secret + "\"}}\n\nevent: error\ndata: {\"type\":\"error\",\"error\":{\"message\":\"" + secret + "\"}}\n\n"},
		"/api/chat":             {"application/x-ndjson", `{"model":"m","message":{"content":"` + secret + `"},"done":false}` + "\n" + `{"broken ` + secret + "\n"},
		"/generate":             {"text/plain", secret + " " + secret},
		"/gradio_api/call/chat": {"application/json", `{"event_id":"` + secret + `"}`},
		"/predict":              {"application/json", `{"error":"` + secret},
		"/v1/embeddings":        {"application/json", `["` + secret + `"]`},
	}
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		a := answers[r.URL.Path]
		w.Header().Set("Content-Type", a.kind)
		w.Header().Set("Set-Cookie", "session="+secret)
		if r.Header.Get("X-Fail") != "" {
			w.WriteHeader(http.StatusInternalServerError)
		}
		_, _ = io.WriteString(w, a.body)
	}))
	defer s.Close()
	m := p.observe(t, fmt.Sprintf("--target=app=%d", s.Listener.Addr().(*net.TCPAddr).Port), "--log.level=debug", "--gpu.backend=demo")
	asked := 0
	for path := range answers {
		for _, body := range []string{
			`{"model":"m","stream":true,"messages":[{"role":"user","content":"` + secret + `"}],"prompt":"` + secret + `","input":["` + secret + `"]}`,
			`{"model":"m","prompt":"` + secret, // ends too soon
			secret,
		} {
			for _, fail := range []string{"", "yes"} {
				q, _ := http.NewRequest(http.MethodPost, s.URL+path+"?key="+secret, strings.NewReader(body))
				q.Header.Set("Content-Type", "application/json")
				q.Header.Set("Authorization", "Bearer "+secret)
				q.Header.Set("Cookie", "session="+secret)
				q.Header.Set("X-Fail", fail)
				a, err := http.DefaultClient.Do(q)
				if err != nil {
					t.Fatal(err)
				}
				_, _ = io.Copy(io.Discard, a.Body)
				_ = a.Body.Close()
				asked++
			}
		}
	}
	// What is no HTTP at all, to the same port.
	for _, text := range []string{secret + "\r\n\r\n", "POST /" + secret + " HTTP/1.1\r\nHost: x\r\nContent-Length: zz" + secret + "\r\n\r\n"} {
		c, err := net.Dial("tcp", s.Listener.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		_, _ = io.WriteString(c, text)
		_ = c.SetReadDeadline(time.Now().Add(time.Second))
		_, _ = io.Copy(io.Discard, c)
		_ = c.Close()
	}
	got := scrape(t, m)
	if n := got.Value("model_requests_total") + got.Value("modeltap_other_requests_total"); n < float64(asked) {
		t.Errorf("%v of %d requests were seen: the test shows nothing", n, asked)
	}
	pages := map[string]string{"log": m.Output()}
	for _, path := range []string{"/metrics", "/api/v1/requests", "/api/v1/servers", "/"} {
		a, err := http.Get(m.URL + path)
		if err != nil {
			t.Fatal(err)
		}
		b, err := io.ReadAll(a.Body)
		_ = a.Body.Close()
		if err != nil || a.StatusCode != http.StatusOK {
			t.Fatalf("%s: %d %v", path, a.StatusCode, err)
		}
		pages[path] = string(b)
	}
	for name, text := range pages {
		if len(text) < 100 {
			t.Errorf("%s: %d bytes: the test shows nothing", name, len(text))
		}
		for line := range strings.Lines(text) {
			if strings.Contains(strings.ToLower(line), strings.ToLower(secret)) {
				t.Errorf("%s tells it: %s", name, line)
			}
		}
	}
}
