// SPDX-License-Identifier: Apache-2.0

package stream

import (
	"strings"
	"testing"

	"github.com/modeltap/modeltap/observer/event"
	"github.com/modeltap/modeltap/observer/servers"
	"github.com/modeltap/modeltap/observer/tcp"
)

func TestGenericServices(t *testing.T) {
	for name, c := range map[string]struct {
		steps  []step
		stream bool
		first  int64 // ms, 0: none
		out    bool  // output tokens known
	}{
		"JSON in, JSON out": {[]step{ask(0, post("/predict", `{"text":"a b"}`)), answer(9, jsonAnswer(200, `{"result":"good morning to you"}`))}, false, 0, true},
		"JSON without text": {[]step{ask(0, post("/predict", `{"x":1}`)), answer(9, jsonAnswer(200, `{"scores":[0.1,0.9]}`))}, false, 0, false},
		"text stream": {[]step{ask(0, post("/generate", `{"prompt":"a"}`)), answer(2, streamHead("text/plain; charset=utf-8")),
			answer(20, chunk("Hello ")), answer(30, chunk("world, how are you")), answer(31, lastChunk)}, true, 20, true},
		"text in one chunk": {[]step{ask(0, post("/generate", `{"prompt":"a"}`)), answer(2, streamHead("text/plain")),
			answer(20, chunk("Hello ")+lastChunk)}, false, 0, true},
		"NDJSON": {[]step{ask(0, post("/gen", `{"prompt":"a"}`)), answer(2, streamHead("application/x-ndjson")),
			answer(20, chunk("{\"text\":\"a\"}\n")), answer(30, chunk("{\"text\":\"b\"}\n")), answer(31, lastChunk)}, true, 20, true},
		"events of bare text": {[]step{ask(0, post("/gen", `{"prompt":"a"}`)), answer(2, streamHead("text/event-stream")),
			answer(20, data("Hello")), answer(30, data("world")), answer(31, lastChunk)}, true, 20, true},
		"events of JSON": {[]step{ask(0, post("/gen", `{"question":"a"}`)), answer(2, streamHead("text/event-stream")),
			answer(10, data(`{"status":"thinking"}`)), answer(20, data(`{"token":"He"}`)), answer(30, data(`{"token":"llo"}`)), answer(31, lastChunk)}, true, 20, true},
		"GET that streams": {[]step{ask(0, "GET /stream?q=a HTTP/1.1\r\nHost: x\r\n\r\n"), answer(2, streamHead("text/event-stream")),
			answer(20, data("Hello")), answer(31, lastChunk)}, true, 20, true},
		"nothing to say": {[]step{ask(0, post("/predict", `{}`)), answer(9, "HTTP/1.1 204 No Content\r\n\r\n")}, false, 0, false},
	} {
		t.Run(name, func(t *testing.T) {
			e := one(t, c.steps...)
			if e.API != "generic" || e.Stream != c.stream || e.Outcome != event.OK || e.FirstToken != c.first*ms {
				t.Errorf("got %+v", e)
			}
			if got := e.Tokens[event.Output].Known; got != c.out {
				t.Errorf("output tokens known: %v, want %v (%+v)", got, c.out, e.Tokens)
			}
		})
	}
}

// TestStreamOfGet: nothing that was seen of a GET before its answer made it a
// model request is lost.
func TestStreamOfGet(t *testing.T) {
	get := "GET /stream HTTP/1.1\r\nHost: x\r\ntraceparent: 00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01\r\n\r\n"
	e := one(t, ask(3, get), step{at: 8, do: actRead, n: len(get)}, answer(12, streamHead("text/event-stream")),
		answer(20, data("Hello")), answer(31, lastChunk))
	if e.Start != 3*ms || e.Complete != 3*ms || e.SocketWait != 5*ms || e.Headers != 12*ms || e.FirstToken != 20*ms || e.End != 31*ms {
		t.Errorf("got %+v", e)
	}
	if !e.HasTraceID || e.TraceID[0] != 0x0a || e.TraceID[15] != 0x9c {
		t.Errorf("trace %v %x", e.HasTraceID, e.TraceID)
	}
}

func TestOtherRequests(t *testing.T) {
	get := func(path string) string { return "GET " + path + " HTTP/1.1\r\nHost: x\r\n\r\n" }
	for name, c := range map[string]struct {
		ask, answer string
		status      int
	}{
		"health":         {get("/health"), jsonAnswer(200, `{}`), 200},
		"metrics":        {get("/metrics"), jsonAnswer(200, ``), 200},
		"page":           {get("/"), "HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: 2\r\n\r\nhi", 200},
		"unknown route":  {post("/nothing", `{}`), jsonAnswer(404, `{"detail":"Not Found"}`), 404},
		"wrong method":   {post("/only-get", `{}`), jsonAnswer(405, `{}`), 405},
		"not modified":   {get("/stream"), "HTTP/1.1 304 Not Modified\r\n\r\n", 304},
		"head":           {"HEAD /v1/models HTTP/1.1\r\nHost: x\r\n\r\n", "HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n", 200},
		"options":        {"OPTIONS /v1/chat/completions HTTP/1.1\r\nHost: x\r\n\r\n", "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", 200},
		"health by POST": {post("/health", `{}`), jsonAnswer(200, `{}`), 200},
	} {
		t.Run(name, func(t *testing.T) {
			k := newTalk()
			k.run(explicit(t), true, 0, ask(0, c.ask), answer(1, c.answer),
				// What follows on the connection is measured all the same.
				ask(10, post("/predict", `{}`)), answer(20, jsonAnswer(200, `{}`)))
			if len(k.others) != 1 || k.others[0] != c.status {
				t.Errorf("other requests %v, want [%d]", k.others, c.status)
			}
			if len(k.exchanges) != 1 || k.exchanges[0].Start != 10*ms || k.exchanges[0].End != 20*ms {
				t.Errorf("exchanges %v", describe(k.exchanges))
			}
		})
	}
}

func discovered(t *testing.T) *servers.Server {
	t.Helper()
	table := servers.NewTable(servers.Options{})
	s := table.Adopt(event.Endpoint{Port: 9000})
	if s == nil || s.Explicit {
		t.Fatalf("no discovered server: %+v", s)
	}
	return s
}

func TestDiscoveredServers(t *testing.T) {
	k := newTalk()
	s := discovered(t)
	if s.Confirmed() {
		t.Fatal("this table confirms what it adopts")
	}
	k.run(s, true, 0,
		ask(0, post("/predict", `{}`)), answer(1, jsonAnswer(200, `{"result":"x"}`)),
		ask(2, post("/v1/chat/completions", `{}`)), answer(3, jsonAnswer(404, `{}`)))
	if len(k.exchanges) != 0 || len(k.others) != 0 || s.Confirmed() {
		t.Fatalf("an ordinary web server counts: %s %v", describe(k.exchanges), k.others)
	}
	k.run(s, true, 0,
		ask(0, post("/v1/chat/completions", `{}`)), answer(1, jsonAnswer(200, `{"model":"m","choices":[]}`)),
		ask(2, post("/v1/chat/completions", `{}`)), answer(3, jsonAnswer(500, `{}`)),
		ask(4, post("/predict", `{}`)), answer(5, jsonAnswer(200, `{}`)))
	if len(k.exchanges) != 2 || !s.Confirmed() || len(k.others) != 1 {
		t.Errorf("exchanges %s others %v; want the two of a known API, and one other", describe(k.exchanges), k.others)
	}
}

// A route that hand-written services share with model servers proves nothing by
// itself.
func TestDiscoveredServersOnSharedRoutes(t *testing.T) {
	k := newTalk()
	s := discovered(t)
	k.run(s, true, 0,
		ask(0, post("/generate", `{"prompt":"x"}`)), answer(1, jsonAnswer(200, `{"model":"m","text":"x"}`)),
		ask(2, post("/", `{}`)), answer(3, jsonAnswer(200, `{"usage":{"prompt_tokens":1}}`)))
	if len(k.exchanges) != 0 || len(k.others) != 0 || s.Confirmed() {
		t.Fatalf("an ordinary web server counts: %s %v", describe(k.exchanges), k.others)
	}
	k.run(s, true, 0,
		ask(0, post("/generate", `{"inputs":"x"}`)), answer(1, jsonAnswer(200, `{"generated_text":"x","details":{"generated_tokens":1}}`)),
		ask(2, post("/", `{}`)), answer(3, jsonAnswer(404, `{}`)),
		ask(4, post("/generate", `{}`)), answer(5, jsonAnswer(422, `{}`)))
	if len(k.exchanges) != 1 || k.exchanges[0].API != "tgi" || !s.Confirmed() || len(k.others) != 2 {
		t.Errorf("exchanges %s others %v; want the one that asked as TGI is asked, and two others", describe(k.exchanges), k.others)
	}
}

func TestCompressedAnswers(t *testing.T) {
	k := newTalk()
	k.run(explicit(t), true, 0,
		ask(0, post("/v1/chat/completions", `{"stream":true}`)),
		answer(5, "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nContent-Encoding: gzip\r\nTransfer-Encoding: chunked\r\n\r\n"),
		answer(6, chunk("\x1f\x8b\x08")), answer(100, chunk("\x00\x01\x02")), answer(120, lastChunk))
	if k.tally.Unobserved[event.UnobservedCompressed] != 1 {
		t.Error("the compressed answer is not counted")
	}
	e := k.exchanges[0]
	if e.End != 120*ms || !e.Stream || e.FirstToken != 0 || e.FirstChunk != 0 || e.Outcome != event.OK {
		t.Errorf("want a duration and no token times: %+v", e)
	}
	if s := k.shard.LLM.Book.Snapshot(nil, 0)[0]; s.InterChunk.Sum != 0 {
		t.Error("a compressed answer fed the gap histogram")
	}
}

func TestCutsChangeNothing(t *testing.T) {
	whole := newTalk()
	whole.run(explicit(t), true, 0, story()...)
	want := describe(whole.exchanges)
	if len(whole.exchanges) != 2 || !strings.Contains(want, "openai_chat") {
		t.Fatalf("the story is not understood: %s", want)
	}
	for cut := 1; cut < 400; cut++ {
		k := newTalk()
		k.run(explicit(t), true, cut, story()...)
		if got := describe(k.exchanges); got != want {
			t.Fatalf("in pieces of %d bytes\n got %s\nwant %s", cut, got, want)
		}
	}
}

func TestOtherProtocols(t *testing.T) {
	for name, c := range map[string]struct {
		first step
		why   event.Unobserved
	}{
		"TLS":           {ask(0, "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03"), event.UnobservedTLS},
		"HTTP/2":        {ask(0, "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"), event.UnobservedHTTP2},
		"random bytes":  {ask(0, "\x00\x9f\x92\x96"), event.UnobservedUnknown},
		"server speaks": {answer(0, "220 mail ESMTP\r\n"), event.UnobservedUnknown},
	} {
		t.Run(name, func(t *testing.T) {
			k := newTalk()
			s := explicit(t)
			k.run(s, true, 0, c.first, ask(1, "more"), answer(2, "and more"), closed(3, tcp.Finished))
			if k.tally.Unobserved[c.why] != 1 || len(k.exchanges) != 0 {
				t.Errorf("unobserved %v, exchanges %d", k.tally.Unobserved, len(k.exchanges))
			}
			k.run(s, true, 0, ask(0, post("/predict", `{}`)), answer(7, jsonAnswer(200, `{}`)))
			if len(k.exchanges) != 1 || k.exchanges[0].End != 7*ms {
				t.Error("the next good request is not measured")
			}
		})
	}
}

func TestJoinedInTheMiddle(t *testing.T) {
	k := newTalk()
	k.run(explicit(t), false, 0,
		answer(0, chunk("data: {\"choices\":[{\"index\":0,\"delta\":{\"content\":\"late\"}}]}\n\n")),
		answer(1, lastChunk),
		ask(10, post("/v1/completions", `{"model":"m"}`)), answer(30, jsonAnswer(200, `{"model":"m","choices":[]}`)))
	if len(k.exchanges) != 2 {
		t.Fatalf("want the one joined and the one whole: %s", describe(k.exchanges))
	}
	if e := k.exchanges[0]; e.Outcome != event.Incomplete || e.Status != 0 || e.Model != "unknown" {
		t.Errorf("joined: %+v", e)
	}
	if e := k.exchanges[1]; e.Outcome != event.OK || e.Start != 10*ms || e.End != 30*ms {
		t.Errorf("whole: %+v", e)
	}
}

func TestHeadOverTheLimit(t *testing.T) {
	k := newTalk()
	k.run(explicit(t), true, 1000,
		ask(0, "POST /predict HTTP/1.1\r\nHost: x\r\nX: "+strings.Repeat("a", 1<<20)+"\r\n\r\n"),
		answer(5, jsonAnswer(431, `{}`)),
		ask(10, post("/predict", `{}`)), answer(30, jsonAnswer(200, `{}`)))
	if len(k.exchanges) != 2 || k.exchanges[0].Outcome != event.Incomplete || k.exchanges[1].End != 30*ms {
		t.Fatalf("exchanges %s", describe(k.exchanges))
	}
	if k.tally.ParseErrors[event.ProtoHTTP1][event.ReasonTooLarge] != 1 {
		t.Errorf("parse errors %v", k.tally.ParseErrors)
	}
}

func TestSkippedUploads(t *testing.T) {
	k := newTalk()
	s := explicit(t)
	k.run(s, true, 0,
		ask(0, "POST /v1/chat/completions HTTP/1.1\r\nHost: x\r\nContent-Length: 10000000\r\n\r\n{\"model\":\"asked\",\"messages\":[{\"content\":\""),
		skip(50, event.Request, 10000000-41),
		answer(200, jsonAnswer(200, `{"model":"real","choices":[],"usage":{"prompt_tokens":5,"completion_tokens":1}}`)))
	k.run(s, true, 0,
		ask(0, "POST /v1/chat/completions HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n10000\r\n{\"a\":\""),
		skip(50, event.Request, 5000000),
		answer(200, jsonAnswer(200, `{"model":"real","choices":[]}`)),
		ask(300, post("/v1/chat/completions", `{}`)), answer(310, jsonAnswer(200, `{"model":"real"}`)))
	if len(k.exchanges) != 3 {
		t.Fatalf("exchanges %s", describe(k.exchanges))
	}
	for i, e := range k.exchanges[:2] {
		if e.Outcome != event.OK || e.End != 200*ms || e.Complete != 50*ms || e.Model != "real" {
			t.Errorf("upload %d: %+v", i, e)
		}
	}
	if k.exchanges[0].RequestBytes != 10000000 {
		t.Errorf("request size %d, want 10000000", k.exchanges[0].RequestBytes)
	}
}
