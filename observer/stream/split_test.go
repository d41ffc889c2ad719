// SPDX-License-Identifier: Apache-2.0

package stream

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/modeltap/modeltap/observer/event"
	"github.com/modeltap/modeltap/observer/tcp"
)

// generated is a valid conversation: three requests and their answers, an
// event stream among them, and what is certain to be measured.
type generated struct {
	request, response [3]string
	tokens            int
}

// generate writes a conversation in one of the many ways that mean the same.
func generate(r *rand.Rand) generated {
	var g generated
	g.request[0] = post("/v1/completions", `{"prompt":"one two three","model":"m"}`)
	g.response[0] = jsonAnswer(200, `{"choices":[{"text":" four","finish_reason":"length"}],"model":"m","usage":{"completion_tokens":1,"prompt_tokens":3}}`)
	body := `{"stream":true,"messages":[{"role":"user","content":"Say \u00fc \"x\"."}],"model":"m"}`
	g.request[1] = "POST /v1/chat/completions HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n" + chunked(r, body) + lastChunk
	g.response[1] = streamHead("text/event-stream") + chunked(r, g.events(r)) + "0\r\nX-Trailer: 1\r\n\r\n"
	g.request[2] = post("/predict", `{"text":"five"}`)
	g.response[2] = jsonAnswer(503, `{"detail":"later"}`)
	return g
}

// events writes a stream of SSE events (HTML Living Standard section 9.2.6).
func (g *generated) events(r *rand.Rand) string {
	var b strings.Builder
	eol := [...]string{"\n", "\r\n", "\r"}[r.IntN(3)]
	field := func(name, value string) { b.WriteString(name + ":" + [...]string{"", " "}[r.IntN(2)] + value + eol) }
	emit := func(data string) {
		if r.IntN(4) == 0 {
			b.WriteString(":" + strings.Repeat(" ping", r.IntN(3)) + eol + strings.Repeat(eol, r.IntN(2)))
		}
		if r.IntN(4) == 0 {
			field("id", "7")
		}
		if r.IntN(4) == 0 {
			field("event", "message")
		}
		for line := range strings.SplitSeq(data, "\n") {
			field("data", line)
		}
		b.WriteString(eol)
	}
	comma := func() string { return "," + strings.Repeat("\n", r.IntN(2)) }
	emit(`{"model":"m",` + `"choices":[{"index":0,"delta":{"role":"assistant","content":""}}]}`)
	for range r.IntN(12) {
		g.tokens++
		emit(`{"choices":[{"index":0` + comma() + `"delta":{"content":" wo\u0072d é"}}]` + comma() + `"model":"m"}`)
	}
	emit(`{"choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}`)
	emit(fmt.Sprintf(`{"choices":[],"usage":{"prompt_tokens":9,"completion_tokens":%d}}`, g.tokens))
	emit("[DONE]")
	return b.String()
}

// chunked frames s in HTTP chunks of any sizes, with extensions here and there.
func chunked(r *rand.Rand, s string) string {
	var b strings.Builder
	for len(s) > 0 {
		n := 1 + r.IntN(min(len(s), 1+r.IntN(400)))
		size := fmt.Sprintf([...]string{"%x", "%X", "0%x", "%x;a=\"b\""}[r.IntN(4)], n)
		b.WriteString(size + "\r\n" + s[:n] + "\r\n")
		s = s[n:]
	}
	return b.String()
}

// FuzzSplit says the same conversation whole and in pieces: the exchanges are
// the same, but for the times that the pieces have.
func FuzzSplit(f *testing.F) {
	for i := range uint64(8) {
		f.Add(i, []byte{byte(i), 1, 200, 3})
	}
	f.Add(uint64(9), []byte{1})
	f.Fuzz(func(t *testing.T, seed uint64, cuts []byte) {
		g := generate(rand.New(rand.NewPCG(seed, 1)))
		whole, pieces := g.tell(t, nil), g.tell(t, cuts)
		if len(whole.exchanges) != 3 {
			t.Fatalf("%d exchanges, want 3: %s", len(whole.exchanges), describe(whole.exchanges))
		}
		e := whole.exchanges[1]
		if e.Outcome != event.OK || e.Finish[event.FinishStop] != 1 || !e.Stream || (e.FirstToken != 0) != (g.tokens > 0) ||
			e.Tokens[event.Output] != count(int64(g.tokens), event.Usage) || e.Tokens[event.Input] != count(9, event.Usage) {
			t.Fatalf("the stream of %d tokens was read as %+v", g.tokens, e)
		}
		if got, want := describe(pieces.exchanges), describe(whole.exchanges); got != want {
			t.Fatalf("in pieces\n got %s\nwant %s", got, want)
		}
		if pieces.tally != whole.tally || pieces.tally != (event.Tally{}) {
			t.Fatalf("in pieces %+v, whole %+v; want nothing", pieces.tally, whole.tally)
		}
	})
}

// tell plays the conversation, one moment for each message, in segments of the
// sizes in cuts.
func (g *generated) tell(t *testing.T, cuts []byte) *talk {
	k := newTalk()
	h := k.shard.Handler(&tcp.Conn{Whole: true}, explicit(t))
	now, at := int64(0), 0
	send := func(d event.Direction, s string) {
		now += 7 * ms
		for p := []byte(s); len(p) > 0; at++ {
			n := len(p)
			if len(cuts) > 0 {
				n = min(n, 1+int(cuts[at%len(cuts)]))
			}
			h.Data(d, event.Mark{Time: now}, append([]byte(nil), p[:n]...))
			p = p[n:]
		}
	}
	for i := range g.request {
		send(event.Request, g.request[i])
		send(event.Response, g.response[i])
	}
	h.Close(now, tcp.Finished)
	return k
}
