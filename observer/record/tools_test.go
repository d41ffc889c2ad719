// SPDX-License-Identifier: Apache-2.0

package record

import (
	"fmt"
	"strings"
	"testing"

	"github.com/modeltap/modeltap/observer/event"
)

// TestNothingOfTools: the names by which APIs say what a thing is say nothing
// below a tool's arguments, metadata, structured output, or in an API that
// nobody published.
func TestNothingOfTools(t *testing.T) {
	const inner = `{"id":"john.smith-1975-03-02","reason":"chemotherapy","status":"pregnant","type":"terminated","model":"visa-4222","code":4733,"index":234567892,` +
		`"usage":{"prompt_tokens":4733},"choices":[{"index":4733,"finish_reason":"divorce"}],"created":19750302,"role":"ceo","finish_reason":"bankruptcy","object":"house"}`
	secrets := []string{"smith", "1975", "chemo", "pregn", "termin", "visa", "4222", "4733", "23456", "divorce", "bankr", "ceo", "house", "alice", "lookup"}
	routes := map[string][]string{
		"/api/chat": {`{"model":"q","message":{"role":"assistant","content":"","tool_calls":[{"function":{"name":"lookup","arguments":%s}}]},"done":false}`},
		"/v1/messages": {
			`{"content":[{"type":"tool_use","id":"alice","name":"lookup","input":%s}]}`,
			`{"messages":[{"role":"assistant","content":[{"type":"tool_use","id":"alice","name":"lookup","input":%s}]}],"metadata":{"user_id":"alice","x":%[1]s},"tools":[{"name":"lookup","input_schema":{"properties":%[1]s}}]}`,
		},
		"/v1/chat/completions": {
			`{"choices":[{"message":{"content":"x","parsed":%s,"tool_calls":[{"id":"alice","function":{"name":"lookup","arguments":%[1]s}}]},"logprobs":{"content":[{"token":"alice","bytes":[97,4733],"top_logprobs":[%[1]s]}]}}]}`,
			`{"metadata":%s,"user":"alice","tools":[{"type":"function","function":{"name":"lookup","parameters":{"properties":%[1]s}}}],"response_format":{"json_schema":{"schema":%[1]s}},"logit_bias":{"4733":4733},"prompt":[4733]}`,
		},
		"/v1/responses": {`{"output":[{"type":"function_call","name":"lookup","call_id":"alice","arguments":%s,"parsed":%[1]s}],"metadata":%[1]s}`, `{"input":[{"output":%s}],"safety_identifier":"alice","prompt_cache_key":"alice"}`},
		"/own/service":  {`%s`, `[%s]`, `{"data":%s,"result":%[1]s,"message":%[1]s,"user":"alice"}`},
		"/generate":     {`%s`, `{"text":"alice","meta_info":{"id":"alice","output_token_logprobs":[[4733]],"x":%[1]s}}`},
	}
	for route, docs := range routes {
		for _, doc := range docs {
			doc = fmt.Sprintf(doc, inner)
			ask := fmt.Sprintf("POST %s HTTP/1.1\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s", route, len(doc), doc)
			for kind, body := range map[string]string{"application/json": doc, "text/event-stream": "data: " + doc + "\n\n", "application/x-ndjson": doc + "\n"} {
				answer := fmt.Sprintf("HTTP/1.1 200 OK\r\nContent-Type: %s\r\nContent-Length: %d\r\n\r\n%s", kind, len(body), body)
				asked, answered := masked(t, Options{}, []string{ask}, []string{answer})
				for _, s := range secrets {
					if strings.Contains(asked, s) || strings.Contains(answered, s) {
						t.Errorf("%s, %s: %q is in\n%s\n%s", route, kind, s, asked, answered)
					}
				}
			}
		}
	}
}

// TestWhichAnswerIsWhose: an answer whose request is not known for sure is one
// of an API that nobody published.
func TestWhichAnswerIsWhose(t *testing.T) {
	post := func(path string) string {
		return "POST " + path + " HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\n{}"
	}
	const doc = `{"model":"secret","usage":{"completion_tokens":4733}}`
	const answer = "HTTP/1.1 200 OK\r\nContent-Length: 53\r\n\r\n" + doc
	const chat = "/v1/chat/completions"
	run := func(steps ...string) string {
		c := newTalk()
		for _, s := range steps {
			d := 0
			if strings.HasPrefix(s, "HTTP") {
				d = 1
			}
			s, lost := strings.CutSuffix(s, "lost")
			c.add(event.Direction(d), event.ACK, []byte(s))
			if lost {
				c.segs = c.segs[:len(c.segs)-1]
			}
		}
		return streams(packets(t, file(t, Options{}, c.segs)))[1]
	}
	for name, c := range map[string]struct {
		got  string
		want int // answers that are kept
	}{
		"known":                            {run(post(chat), answer), 1},
		"unknown":                          {run(post("/a"), answer), 0},
		"in order":                         {run(post(chat), post("/a"), answer, answer), 1},
		"a request lost":                   {run(post("/a")+"lost", answer, post(chat), answer), 1},
		"a request lost, two ahead":        {run(post("/a")+"lost", post(chat), answer, answer), 0},
		"an answer lost":                   {run(post("/a"), answer+"lost", post(chat), answer), 1},
		"an answer lost, the request next": {run(post(chat), answer+"lost", post("/a")+"lost", answer), 0},
		"ahead, an answer lost":            {run(post("/a"), post("/a"), post(chat), answer+"lost", answer, answer), 0},
		"no request":                       {run(answer), 0},
		"after a HEAD":                     {run("HEAD /a HTTP/1.1\r\n\r\n", "HTTP/1.1 200 OK\r\nContent-Length: 53\r\n\r\n", post(chat), answer), 1},
		"after 100":                        {run(post(chat), "HTTP/1.1 100 Continue\r\n\r\n", answer), 1},
	} {
		if n := strings.Count(c.got, doc); n != c.want || strings.Count(c.got, "secret") != c.want {
			t.Errorf("%s: %d kept, want %d: %q", name, n, c.want, c.got)
		}
	}
}
