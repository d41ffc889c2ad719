// SPDX-License-Identifier: Apache-2.0

package record

import (
	"fmt"
	"strings"
	"testing"
)

const (
	askHead = "POST /v1/chat/completions?key=hunter2 HTTP/1.1\r\nHost: llm:8000\r\nAuthorization: Bearer sk-abc123\r\n" +
		"X-Tenant: Müller\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n"
	maskedHead = "POST /v1/chat/completions?xxx.xxxxxx1 HTTP/1.1\r\nHost: llm:8000\r\nAuthorization: Xxxxxx xx.xxx111\r\n" +
		"X-Xxxxxx: Xéxxxx\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n"
	streamHead   = "HTTP/1.1 200 OK\r\nServer: uvicorn\r\nX-Trace: abc\r\nContent-Type: text/event-stream; charset=utf-8\r\nTransfer-Encoding: chunked\r\n\r\n"
	maskedStream = "HTTP/1.1 200 XX\r\nServer: uvicorn\r\nX-Xxxxx: xxx\r\nContent-Type: text/event-stream; charset=utf-8\r\nTransfer-Encoding: chunked\r\n\r\n"
)

func withLength(head, body string) string { return fmt.Sprintf(head, len(body)) + body }

func chunked(pieces ...string) string {
	var b strings.Builder
	for _, p := range pieces {
		fmt.Fprintf(&b, "%x\r\n%s\r\n", len(p), p)
	}
	return b.String() + "0\r\n\r\n"
}

// TestWhatIsKept shows one conversation before and after, however it was cut.
func TestWhatIsKept(t *testing.T) {
	ask := withLength(askHead, `{"model":"qwen2.5:0.5b","stream":true,"temperature":0.7,"messages":[{"role":"user","content":"Where is Zoë's 2nd cat?\n"}],"my_secret_key":42}`)
	asked := withLength(maskedHead, `{"model":"qwen2.5:0.5b","stream":true,"temperature":0.7,"messages":[{"role":"user","content":"Xxxxx xx Xxé.x 1xx xxx.\n"}],"mx.xxxxxx.xxx":11}`)
	answer := streamHead + chunked(
		": ping\n\n",
		"event: message_delta\ndata: {\"id\":\"chatcmpl-7\",\"choices\":[{\"delta\":{\"content\":\"Über 北京 \\ud83d\\ude00\"},\"finish_reason\":null,\"token_ids\":[101,7]}]}\n\n",
		"data: {\"usage\":{\"completion_tokens\":12}}\n\n", "data: Guten Tag\n\n", "data: [DONE]\n\n")
	answered := maskedStream + chunked(
		": xxxx\n\n",
		"event: message_delta\ndata: {\"id\":\"chatcmpl-1\",\"choices\":[{\"delta\":{\"content\":\"éxxx 一一 \\ud83d\\ude00\"},\"finish_reason\":null,\"token_ids\":[111,1]}]}\n\n",
		"data: {\"usage\":{\"completion_tokens\":12}}\n\n", "data: Xxxxx Xxx\n\n", "data: [DONE]\n\n")
	answered = strings.ReplaceAll(answered, "一", "\xe4\xb8\x80")
	check := func(how string, req, resp []string) {
		t.Helper()
		gotReq, gotResp := masked(t, Options{}, req, resp)
		if gotReq != asked {
			t.Fatalf("%s: request\n%q, want\n%q", how, gotReq, asked)
		}
		if gotResp != answered {
			t.Fatalf("%s: response\n%q, want\n%q", how, gotResp, answered)
		}
	}
	check("whole", []string{ask}, []string{answer})
	check("bytewise", bytewise(ask), bytewise(answer))
	for i := 1; i < max(len(ask), len(answer)); i++ {
		a, b := min(i, len(ask)), min(i, len(answer))
		check(fmt.Sprint("cut at ", i), []string{ask[:a], ask[a:]}, []string{answer[:b], answer[b:]})
	}
}

func TestBodyKinds(t *testing.T) {
	const post = "POST /api/generate HTTP/1.1\r\nContent-Length: 0\r\n\r\n"
	for _, c := range []struct{ header, body, want string }{
		{"Content-Type: application/x-ndjson", "{\"response\":\"Hé\",\"done\":false}\nplain text\n{\"done_reason\":\"stop\",\"eval_count\":7,\"context\":[1,20]}\n",
			"{\"response\":\"Xé\",\"done\":false}\nxxxxx xxxx\n{\"done_reason\":\"stop\",\"eval_count\":7,\"context\":[1,11]}\n"},
		{"Content-Type: text/plain", `say {"model":"x1"}`, `xxx ..xxxxx...x1..`},
		{"Content-Type: text/plain", `{"model":"x1"}`, `{"model":"x1"}`},
		{"Content-Type: text/plain", "data: {\"model\":\"x1\"}\n\ndata: x1\n\n", "data: {\"mxxxx\":\"x1\"}\n\ndata: x1\n\n"}, // not as Ollama answers
		{"Content-Type: text/plain", "dating: {\"model\":\"x1\"}\ndata: {\"model\":\"x1\"}\n\n", "datxxx. ..xxxxx...x1..\nxxxx. ..xxxxx...x1..\n\n"},
		{"Content-Type: application/json", "\r\n{\"done\":\ntrue}\x00{\"eval_count\":7}\n\x1e{\"eval_count\":8}", "\r\n{\"done\":\ntrue}\x00{\"eval_count\":7}\n\x1e{\"eval_count\":8}"},
		{"Content-Type: application/x-ndjson", "[\n{\"model\":\"x1\"},\n{\"model\":\"x1\"},]\n{\"model\":\"y1\"}\n", "[\n{\"xxxxx\":\"x1\"},\n{\"xxxxx\":\"x1\"},.\n..xxxxx...x1..\n"},
		{"Content-Type: text/event-stream", "{\"model\":\"x1\"}", "{\"model\":\"x1\"}"},
		{"Content-Type: application/json\r\nContent-Encoding: gzip", `{"model":"y1"}`, `{"model":"y1"}`},
		{"Content-Type: application/octet-stream", "data", "data"},
		{"Content-Type: application/octet-stream", "datum: secret", "datx\x00\x00\x00\x00\x00\x00\x00\x00\x00"},
		{"Content-Type: application/octet-stream", "secret", "\x00\x00\x00\x00\x00\x00"},
		{"Content-Type: multipart/form-data; boundary=b", "--b", "\x00\x00\x00"},
		{"Content-Type: application/json\r\nContent-Encoding: gzip", "secret", "\x00\x00\x00\x00\x00\x00"},
		{"Content-Type: application/x-www-form-urlencoded", `{"model":"m"}`, `{"model":"m"}`},
		{"Content-Type: application/x-www-form-urlencoded", `text=hello+1`, `txxx.xxxxx.1`},
		{"X-A: b", `{"model":"m"}`, `{"model":"m"}`},
		{"Content-Type: application/problem+json; charset", `{"x":"y"}`, `{"x":"x"}`},
		{"Content-Type: nonsense / more", `"x":"y"  `, "\x00\x00\x00\x00\x00\x00\x00\x00\x00"},
	} {
		head := "HTTP/1.1 200 OK\r\n" + c.header + fmt.Sprintf("\r\nContent-Length: %d\r\n\r\n", len(c.body))
		for _, pieces := range [][]string{{head + c.body}, bytewise(head + c.body)} {
			_, got := masked(t, Options{}, []string{post}, pieces)
			if got[len(head):] != c.want {
				t.Errorf("%s: %q became %q, want %q", c.header, c.body, got[len(head):], c.want)
			}
		}
	}
}

func TestKeepText(t *testing.T) {
	body := `{"prompt":"the secret"}`
	req, _ := masked(t, Options{KeepText: true}, []string{withLength(askHead, body)}, nil)
	if req != fmt.Sprintf(maskedHead, len(body))+body {
		t.Errorf("got %q", req)
	}
}

func TestAnswerToHead(t *testing.T) {
	_, resp := masked(t, Options{},
		[]string{"HEAD /a HTTP/1.1\r\nHost: a\r\n\r\n", "GET /b HTTP/1.1\r\nHost: a\r\n\r\n"},
		[]string{"HTTP/1.1 200 OK\r\nContent-Length: 50\r\n\r\n", "HTTP/1.1 404 \r\nContent-Length: 2\r\n\r\nno"})
	if want := "HTTP/1.1 200 XX\r\nContent-Length: 50\r\n\r\nHTTP/1.1 404 \r\nContent-Length: 2\r\n\r\nnx"; resp != want {
		t.Errorf("got %q", resp)
	}
}
