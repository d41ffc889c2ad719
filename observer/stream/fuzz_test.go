// SPDX-License-Identifier: Apache-2.0

package stream

import (
	"testing"

	"github.com/modeltap/modeltap/observer/event"
	"github.com/modeltap/modeltap/observer/tcp"
)

// phrases are what a script can say in one byte, so that a fuzzer gets past
// the heads.
var phrases = [...]string{
	post("/v1/chat/completions", `{"model":"m","messages":[{"content":"hello"}],"stream":true}`),
	post("/predict", `{"text":"one two"}`),
	"POST /v1/responses HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\nExpect: 100-continue\r\n\r\n",
	"GET /stream HTTP/1.1\r\nHost: x\r\n\r\n",
	"HTTP/1.1 100 Continue\r\n\r\n",
	streamHead("text/event-stream"),
	streamHead("application/x-ndjson"),
	streamHead("application/json"),
	streamHead("text/plain"),
	"HTTP/1.0 200 OK\r\nContent-Type: text/event-stream\r\n\r\n",
	jsonAnswer(200, `{"model":"m","choices":[{"message":{"content":"a b"},"finish_reason":"stop"}],"usage":{"prompt_tokens":3,"completion_tokens":2}}`),
	jsonAnswer(500, `{"error":{"message":"no"}}`),
	data(`{"model":"m","choices":[{"index":0,"delta":{"content":"x"}}]}`),
	data(`{"choices":[{"index":1,"delta":{"content":"y"},"token_ids":[1,2]},{"index":200,"delta":{"content":"z"},"finish_reason":"length"}]}`),
	data(`{"choices":[{"index":0,"delta":{"content":"y"}}],"usage":{"prompt_tokens":9,"completion_tokens":7}}`),
	data(`{"type":"response.output_text.delta","delta":"x"}`),
	chunk("data: {\"choices\":[{\"delta\":"),
	chunk("{\"content\":\"x\"}}]}\n\n"),
	chunk("event: error\ndata: boom\n\n"),
	chunk("{\"text\":\"a\"}\n{\"text\":"),
	data("[DONE]"),
	": ping\n\n", lastChunk, "\r\n", "5\r\nhello\r\n", "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: upgrade\r\n\r\n",
}

// play reads a script: a byte for what happens and in which direction, one for
// how much, and for data that many bytes of the script, or a phrase. It returns
// the exchanges.
func play(t *testing.T, k *talk, script []byte, whole bool) {
	h := k.shard.Handler(&tcp.Conn{Whole: whole}, explicit(t))
	next := func() int {
		if len(script) == 0 {
			return 0
		}
		b := script[0]
		script = script[1:]
		return int(b)
	}
	now := int64(1e9)
	for len(script) > 0 {
		op, n := next(), next()
		now += int64(n) * 1e5
		d := event.Direction(op & 1)
		m := event.Mark{Time: now, Limited: op&2 != 0}
		if d == event.Response && op&128 != 0 {
			m.Time -= 3e4 // the clocks of the two directions are not one
		}
		switch op >> 2 & 15 {
		case 0:
			h.Gap(d, m, 1+n)
		case 1:
			h.Skip(d, m, 1+n*n)
		case 2:
			h.FIN(d, m)
		case 3:
			h.Read(now, uint64(n*16))
		case 4, 5, 6, 7:
			if n = min(n, len(script)); n > 0 {
				h.Data(d, m, script[:n])
				script = script[n:]
			}
		case 8:
			p := phrases[n%len(phrases)]
			cut := next() % len(p)
			if cut > 0 {
				h.Data(d, m, []byte(p[:cut]))
			}
			h.Data(d, m, []byte(p[cut:]))
		default:
			h.Data(d, m, []byte(phrases[n%len(phrases)]))
		}
	}
	h.Close(now+1, tcp.CloseReason(now%8))
}

// FuzzConversation holds what must be true of any bytes, gaps and ends: nothing
// stays open, nothing is held, and the times of each exchange are in order.
func FuzzConversation(f *testing.F) {
	say := func(phrases ...byte) (script []byte) {
		for _, p := range phrases {
			d := byte(0)
			if p >= 4 {
				d = 1
			}
			script = append(script, 9<<2|d, p)
		}
		return script
	}
	f.Add(say(0, 5, 12, 13, 14, 20, 22, 1, 10), true)
	f.Add(say(0, 5, 16, 17, 18, 22), true)
	f.Add(say(2, 4, 11, 3, 8, 24, 24, 22), true)
	f.Add(say(0, 0, 1, 10, 10, 11), true)
	f.Add(say(3, 25, 0, 12), true)
	f.Add(say(1, 7, 19, 19, 22, 1, 9, 12), true)
	f.Add(append(say(12, 13, 22), say(0, 10)...), false)
	f.Add(append(append(say(0, 5, 12), 1, 40, 9, 0, 8, 0), say(12, 22)...), true)
	f.Add(append(say(2), 4, 200, 37, 10), true)
	f.Fuzz(func(t *testing.T, script []byte, whole bool) {
		k := newTalk()
		play(t, k, script, whole)
		if n := k.shard.LLM.InFlight(); n != 0 {
			t.Fatalf("%d exchanges are still open", n)
		}
		if n := k.shard.heads.Held(); n != 0 {
			t.Fatalf("%d bytes are still held", n)
		}
		for i := range k.exchanges {
			ordered(t, &k.exchanges[i])
		}
		// Whatever came before, the next connection is measured.
		k.exchanges = nil
		k.run(explicit(t), true, 0, ask(0, post("/v1/chat/completions", `{"model":"m"}`)), answer(5, jsonAnswer(200, `{"model":"m","choices":[]}`)))
		if len(k.exchanges) != 1 || k.exchanges[0].End != 5*ms || k.exchanges[0].Outcome != event.OK || k.exchanges[0].Stream {
			t.Fatalf("the next request: %s", describe(k.exchanges))
		}
	})
}

// ordered checks what is true of every exchange.
func ordered(t *testing.T, e *event.Exchange) {
	t.Helper()
	last := e.Start
	for _, at := range []int64{e.Headers, e.FirstChunk, e.FirstToken, e.LastToken, e.End} {
		if at == 0 {
			continue
		}
		if at < last {
			t.Fatalf("times go backwards: %+v", e)
		}
		last = at
	}
	switch {
	case e.Complete != 0 && e.Complete < e.Start, e.End == 0:
		t.Fatalf("request times: %+v", e)
	case (e.FirstToken == 0) != (e.LastToken == 0), e.FirstToken != 0 && e.FirstChunk == 0:
		t.Fatalf("a first without a last: %+v", e)
	case e.Headers == 0 && (e.Status != 0 || e.FirstChunk != 0 || e.Outcome == event.OK || e.Outcome == event.HTTPError):
		t.Fatalf("an answer without a head: %+v", e)
	case (e.Outcome == event.HTTPError) && e.Status < 400, e.Outcome == event.OK && e.Status >= 400:
		t.Fatalf("outcome and status: %+v", e)
	case e.Tokens[event.Output].N < 0 || e.Tokens[event.Input].N < 0 || e.RequestBytes < 0 || e.ResponseBytes < 0:
		t.Fatalf("negative: %+v", e)
	case e.Stream && e.Status >= 400, !e.Stream && e.FirstToken != 0:
		t.Fatalf("stream: %+v", e)
	}
}
