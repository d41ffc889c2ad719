// SPDX-License-Identifier: Apache-2.0

package stream

import (
	"testing"

	"github.com/modeltap/modeltap/observer/event"
	"github.com/modeltap/modeltap/observer/tcp"
)

func TestOutcomes(t *testing.T) {
	request := ask(0, post("/v1/chat/completions", `{"model":"m","stream":true}`))
	head := answer(1, streamHead("text/event-stream"))
	text := answer(10, data(`{"model":"m","choices":[{"index":0,"delta":{"content":"x"}}]}`))
	finish := answer(20, data(`{"choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}`))
	for name, c := range map[string]struct {
		want  event.Outcome
		steps []step
	}{
		"complete": {event.OK, []step{request, head, text, finish, answer(30, lastChunk)}},
		"refused":  {event.HTTPError, []step{request, answer(5, jsonAnswer(429, `{"error":{"message":"no"}}`))}},
		"error in the stream": {event.StreamError, []step{request, head, text,
			answer(20, data(`{"error":{"message":"boom","code":500}}`)), answer(21, data("[DONE]")+lastChunk)}},
		"no error in spite of its name": {event.OK, []step{request, head,
			answer(20, data(`{"error":null,"choices":[{"index":0,"delta":{"content":"x"},"finish_reason":"stop"}]}`)), answer(21, lastChunk)}},
		"client resets":            {event.ClientAbort, []step{request, head, text, closed(30, tcp.ResetByClient)}},
		"client leaves":            {event.ClientAbort, []step{request, head, text, fin(20, event.Request), fin(30, event.Response)}},
		"client leaves before any": {event.ClientAbort, []step{request, closed(30, tcp.ResetByClient)}},
		"client leaves, server writes the last chunk all the same": {event.ClientAbort,
			[]step{request, head, text, fin(20, event.Request), answer(25, lastChunk)}},
		"client has all it wants":  {event.OK, []step{request, head, text, finish, closed(30, tcp.ResetByClient)}},
		"client stops at [DONE]":   {event.OK, []step{request, head, text, answer(20, data("[DONE]")), fin(21, event.Request), fin(30, event.Response)}},
		"half-close":               {event.OK, []step{request, fin(0, event.Request), head, text, finish, answer(30, lastChunk), fin(31, event.Response)}},
		"server resets":            {event.ServerAbort, []step{request, head, text, closed(30, tcp.ResetByServer)}},
		"server closes":            {event.ServerAbort, []step{request, head, text, fin(30, event.Response)}},
		"server closes unanswered": {event.ServerAbort, []step{request, fin(30, event.Response)}},
		"bytes lost in the stream": {event.Incomplete, []step{request, head, text, answer(15, "40\r\n"), gap(16, event.Response, 64),
			answer(17, "\r\n"), finish, answer(30, lastChunk)}},
		"boundary lost":      {event.Incomplete, []step{request, head, text, gap(16, event.Response, 64), finish, answer(30, lastChunk)}},
		"connection evicted": {event.Incomplete, []step{request, head, text, closed(30, tcp.Evicted)}},
		"observer stops":     {event.Incomplete, []step{request, head, text, closed(30, tcp.Shutdown)}},
	} {
		t.Run(name, func(t *testing.T) {
			if e := one(t, c.steps...); e.Outcome != c.want {
				t.Errorf("outcome %v, want %v", e.Outcome, c.want)
			}
		})
	}
}

func TestCloseDelimitedEndsWithItsLastByte(t *testing.T) {
	e := one(t,
		ask(0, post("/predict", `{"prompt":"x"}`)),
		answer(10, "HTTP/1.0 200 OK\r\nContent-Type: text/plain\r\n\r\nhello"),
		answer(20, " world"),
		fin(500, event.Response))
	if e.Outcome != event.OK || e.End != 20*ms {
		t.Errorf("outcome %v, end %d ms; want ok, 20", e.Outcome, e.End/ms)
	}
}

// A request can cross the server's close of an idle connection. It fails, but
// the server has refused nothing, and the client sends it again.
func TestRequestIntoAClosedConnection(t *testing.T) {
	k := newTalk()
	k.run(explicit(t), true, 0,
		ask(0, post("/v1/completions", `{"model":"m"}`)),
		answer(5, jsonAnswer(200, `{"model":"m","choices":[]}`)),
		fin(6, event.Response),
		ask(7, post("/v1/completions", `{"model":"m"}`)),
		closed(8, tcp.ResetByServer))
	if len(k.exchanges) != 1 || len(k.others) != 1 || k.others[0] != 0 {
		t.Errorf("%d exchanges, others %v; want the first alone, and one other without status", len(k.exchanges), k.others)
	}
}

// Where reads are reported, a request that crossed the close is told by the FIN
// having come before it was read, whether it is drained afterwards or not;
// elsewhere by the FIN having come at once. A request that was read, or left
// waiting, and never answered is the server's failure.
func TestRequestThatCrossesTheClose(t *testing.T) {
	body := post("/v1/completions", `{"model":"m"}`)
	first, second := ask(0, body), ask(6, body)
	reply := answer(5, jsonAnswer(200, `{"model":"m","choices":[]}`))
	read := step{at: 1, do: actRead, n: len(body)}
	readSecond := step{at: 8, do: actRead, n: 2 * len(body)}
	for name, c := range map[string]struct {
		steps             []step
		exchanges, others int
	}{
		"unread":                 {[]step{first, read, reply, second, fin(50, event.Response)}, 1, 1},
		"drained":                {[]step{first, read, reply, second, fin(7, event.Response), readSecond}, 1, 1},
		"read":                   {[]step{first, read, reply, second, readSecond, fin(8, event.Response)}, 2, 0},
		"reads unknown":          {[]step{first, reply, second, fin(6, event.Response)}, 1, 1},
		"in two parts":           {[]step{first, reply, ask(6, body[:30]), fin(6, event.Response), ask(7, body[30:])}, 1, 1},
		"left waiting":           {[]step{first, reply, second, fin(7, event.Response)}, 2, 0},
		"the first is no re-use": {[]step{first, fin(0, event.Response)}, 1, 0},
		"answer begun":           {[]step{first, reply, second, answer(6, streamHead("text/event-stream")), fin(6, event.Response)}, 2, 0},
	} {
		t.Run(name, func(t *testing.T) {
			k := newTalk()
			k.run(explicit(t), true, 0, c.steps...)
			if len(k.exchanges) != c.exchanges || len(k.others) != c.others {
				t.Errorf("%d exchanges, others %v; want %d and %d", len(k.exchanges), k.others, c.exchanges, c.others)
			}
		})
	}
}

func TestModelLabel(t *testing.T) {
	for name, c := range map[string]struct{ asked, answered, want string }{
		"the answer wins":         {`{"model":"alias"}`, jsonAnswer(200, `{"model":"real","choices":[]}`), "real"},
		"the request otherwise":   {`{"model":"alias"}`, jsonAnswer(200, `{"choices":[]}`), "alias"},
		"none":                    {`{}`, jsonAnswer(200, `{"choices":[]}`), "unknown"},
		"not of refused requests": {`{"model":"minted"}`, jsonAnswer(404, `{"error":{}}`), "unknown"},
		"control characters":      {`{"model":"a\u0000b"}`, jsonAnswer(200, `{}`), event.Label("a\x00b")},
		"not a string":            {`{"model":7}`, jsonAnswer(200, `{}`), "unknown"},
	} {
		t.Run(name, func(t *testing.T) {
			if e := one(t, ask(0, post("/v1/chat/completions", c.asked)), answer(9, c.answered)); e.Model != c.want {
				t.Errorf("model %q, want %q", e.Model, c.want)
			}
		})
	}
}

func TestModelsAreBounded(t *testing.T) {
	k := newTalk() // admits 8
	s := explicit(t)
	names := map[string]int{}
	for i := range 10000 {
		m := `{"model":"m` + string(rune('a'+i%26)) + string(rune('a'+i/26%26)) + string(rune('a'+i/676)) + `","choices":[]}`
		k.run(s, true, 0, ask(0, post("/v1/chat/completions", `{}`)), answer(1, jsonAnswer(200, m)))
	}
	for _, e := range k.exchanges {
		names[e.Model]++
	}
	if len(names) != 9 || names["other"] != 10000-8 {
		t.Errorf("%d model labels, %d other; want 9 and 9992", len(names), names["other"])
	}
}

func TestLimitedChunksFeedNoGap(t *testing.T) {
	k := newTalk()
	ev := data(`{"model":"m","choices":[{"index":0,"delta":{"content":"x"}}]}`)
	k.run(explicit(t), true, 0,
		ask(0, post("/v1/chat/completions", `{"stream":true}`)),
		answer(1, streamHead("text/event-stream")),
		answer(10, ev), answer(30, ev),
		step{at: 900, do: actLimited, dir: event.Response, text: ev},
		answer(901, ev), answer(921, ev),
		answer(930, data("[DONE]")+lastChunk))
	s := k.shard.LLM.Book.Snapshot(nil, 0)[0]
	if s.InterChunk.Sum < 0.0399 || s.InterChunk.Sum > 0.0401 {
		t.Errorf("gaps sum to %v s, want 0.04: neither the gap before nor after the held-up chunk", s.InterChunk.Sum)
	}
	if !k.exchanges[0].Backpressure || k.tally.Backpressure != 2 {
		t.Errorf("backpressure %v, %d events; want true, 2", k.exchanges[0].Backpressure, k.tally.Backpressure)
	}
}

func TestSocketWait(t *testing.T) {
	body := post("/v1/completions", `{"model":"m"}`)
	e := one(t,
		ask(100, body),
		step{at: 110, do: actRead, n: len(body) - 1},
		step{at: 300, do: actRead, n: len(body)},
		step{at: 400, do: actRead, n: len(body)},
		answer(310, jsonAnswer(200, `{"model":"m"}`)))
	if e.SocketWait != 200*ms {
		t.Errorf("socket wait %d ms, want 200: until the last byte was read, once", e.SocketWait/ms)
	}
}
