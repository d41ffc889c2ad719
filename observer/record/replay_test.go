// SPDX-License-Identifier: Apache-2.0

package record_test

import (
	"bytes"
	"context"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/modeltap/modeltap/observer"
	"github.com/modeltap/modeltap/observer/event"
	"github.com/modeltap/modeltap/observer/record"
	"github.com/modeltap/modeltap/observer/servers"
)

// ledger keeps the exchanges of a replay.
type ledger struct {
	exchanges []event.Exchange
	others    int
}

func (l *ledger) Exchange(e *event.Exchange)             { l.exchanges = append(l.exchanges, *e) }
func (l *ledger) OtherRequest(server string, status int) { l.others++ }

// replay records segments and runs the file through the pipeline.
func replay(t *testing.T, opt record.Options, segs []event.Segment) (ledger, []byte) {
	t.Helper()
	var out bytes.Buffer
	w, err := record.NewWriter(&out, opt)
	if err != nil {
		t.Fatal(err)
	}
	if err := w.Segments(segs); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	name := filepath.Join(t.TempDir(), "capture.pcapng")
	if err := os.WriteFile(name, out.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
	var l ledger
	if _, err := observer.Replay(context.Background(), observer.Config{Targets: []servers.Spec{{Port: 8000}}}, &l, name); err != nil {
		t.Fatal(err)
	}
	return l, out.Bytes()
}

// session builds segments with a fixed number of bytes each.
type session struct {
	size int
	time int64
	seq  [2]uint32
	segs []event.Segment
}

func (s *session) send(d event.Direction, f event.Flags, text string) {
	flow := event.Flow{
		Server: event.EndpointOf(netip.MustParseAddrPort("127.0.0.1:8000")),
		Client: event.EndpointOf(netip.MustParseAddrPort("127.0.0.1:40000")),
	}
	for {
		n := min(len(text), s.size)
		s.time += 3_000_000
		s.segs = append(s.segs, event.Segment{Time: s.time, Flow: flow, Dir: d, Seq: s.seq[d], Ack: s.seq[1-d],
			Flags: f, Len: uint32(n), Payload: []byte(text[:n])})
		s.seq[d] += uint32(n)
		if f&(event.SYN|event.FIN) != 0 {
			s.seq[d]++
		}
		if text = text[n:]; text == "" {
			return
		}
	}
}

func (s *session) ask(path, kind, body string) {
	s.send(event.Request, event.ACK, fmt.Sprintf("POST %s HTTP/1.1\r\nHost: a\r\nUser-Agent: x/1\r\ntraceparent: 00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01\r\nContent-Type: %s\r\nContent-Length: %d\r\n\r\n%s", path, kind, len(body), body))
}

func (s *session) answer(status int, kind string, pieces ...string) {
	s.send(event.Response, event.ACK, fmt.Sprintf("HTTP/1.1 %d Whatever\r\nContent-Type: %s\r\nTransfer-Encoding: chunked\r\n\r\n", status, kind))
	for _, p := range pieces {
		s.send(event.Response, event.ACK, fmt.Sprintf("%x\r\n%s\r\n", len(p), p))
	}
	s.send(event.Response, event.ACK, "0\r\n\r\n")
}

func delta(text string) string {
	return fmt.Sprintf("data: {\"id\":\"chatcmpl-1\",\"object\":\"chat.completion.chunk\",\"model\":\"qwen2.5\",\"choices\":[{\"index\":0,\"delta\":{\"content\":%q},\"finish_reason\":null}]}\n\n", text)
}

// talk is a conversation of the kinds that are understood.
func talk(size int) []event.Segment {
	s := &session{size: size, seq: [2]uint32{100, 200}}
	s.send(event.Request, event.SYN, "")
	s.send(event.Response, event.SYN|event.ACK, "")
	const chat = `{"model":"qwen2.5","stream":true,"messages":[{"role":"user","content":"Why is the sky blue? Γιατί; 为什么 なぜ"}]}`
	role := "data: {\"model\":\"qwen2.5\",\"choices\":[{\"index\":0,\"delta\":{\"role\":\"assistant\",\"content\":\"\"}}]}\n\n"
	finish := "data: {\"model\":\"qwen2.5\",\"choices\":[{\"index\":0,\"delta\":{},\"finish_reason\":\"stop\"}]}\n\n"
	s.ask("/v1/chat/completions?secret=1", "application/json", chat)
	s.answer(200, "text/event-stream", role, ": ping\n\n", delta("Because"), delta(" of"), delta(" Rayleigh"), delta(" scattering"), finish,
		"data: {\"model\":\"qwen2.5\",\"choices\":[],\"usage\":{\"prompt_tokens\":21,\"completion_tokens\":4,\"total_tokens\":25}}\n\n", "data: [DONE]\n\n")
	s.ask("/v1/chat/completions", "application/json", chat)
	s.answer(200, "text/event-stream", role, delta("Weil das Licht gestreut wird, und zwar überall."), delta("因为瑞利散射。空はなぜ青い?"), delta("Потому что"), delta("é \U0001f600 ok"), finish, "data: [DONE]\n\n")
	s.ask("/v1/completions", "application/json", `{"model":"m2","prompt":["Once upon","a time"]}`)
	s.answer(200, "application/json", `{"id":"cmpl-1","object":"text_completion","model":"m2","choices":[{"text":"there was","index":0,"finish_reason":"length"}],"usage":{"prompt_tokens":5,"completion_tokens":2}}`)
	s.ask("/generate", "application/json", `{"prompt":"tell me a story"}`)
	s.answer(200, "text/plain; charset=utf-8", "Once ", "upon a ", "time, there was 1 cat.")
	s.ask("/lines", "application/json", `{"inputs":"tell me"}`)
	s.answer(200, "application/x-ndjson", "{\"text\":\"Hello\"}\n", "{\"text\":\" world\"}\n")
	s.ask("/v1/chat/completions", "application/json", chat)
	s.answer(400, "application/json", `{"error":{"message":"no such thing","type":"invalid_request_error","code":400}}`)
	s.ask("/v1/chat/completions", "application/json", chat)
	s.answer(200, "text/event-stream", role, delta("Be"), "data: {\"error\":{\"message\":\"engine died\",\"type\":\"InternalServerError\",\"code\":500}}\n\n", "data: [DONE]\n\n")
	s.send(event.Request, event.FIN|event.ACK, "")
	s.send(event.Response, event.FIN|event.ACK, "")
	return s.segs
}

// TestReplayIsTheSame: a recording without text measures what one with text
// does, wherever the segments were cut.
func TestReplayIsTheSame(t *testing.T) {
	for _, size := range []int{1 << 20, 97, 7} {
		segs := talk(size)
		want, text := replay(t, record.Options{KeepText: true}, segs)
		got, masked := replay(t, record.Options{}, segs)
		if len(want.exchanges) != 7 || len(got.exchanges) != len(want.exchanges) || got.others != want.others {
			t.Fatalf("%d and %d exchanges, want 7", len(got.exchanges), len(want.exchanges))
		}
		if e := want.exchanges; e[0].FirstToken == 0 || e[0].Model != "qwen2.5" || e[0].Tokens[event.Output].N != 4 || !e[1].Tokens[event.Output].Known {
			t.Fatalf("the recording with text is not understood: %+v", e[:2])
		}
		for i := range want.exchanges {
			if got.exchanges[i] != want.exchanges[i] {
				t.Errorf("segments of %d bytes, exchange %d:\n%+v, want\n%+v", size, i, got.exchanges[i], want.exchanges[i])
			}
		}
		if s := string(text); size > 1000 && !strings.Contains(s, "Rayleigh") {
			t.Error("the text is not there when it is kept")
		}
		for _, s := range []string{"Rayleigh", "Once upon", "story", "engine died", "\u7efc", "为什么"} {
			if strings.Contains(string(masked), s) {
				t.Errorf("%q survives", s)
			}
		}
	}
}
