// SPDX-License-Identifier: Apache-2.0

package stream

import (
	"fmt"
	"strings"
	"testing"

	"github.com/modeltap/modeltap/observer/event"
	"github.com/modeltap/modeltap/observer/servers"
	"github.com/modeltap/modeltap/observer/tcp"
)

// on is a step on one of several connections.
type on struct {
	conn int
	step
}

// hall plays steps on several connections at once. At the end they are closed
// by the server.
func (k *talk) hall(s *servers.Server, cut int, steps ...on) {
	open := map[int]tcp.Handler{}
	for _, st := range steps {
		h := open[st.conn]
		if h == nil {
			h = k.shard.Handler(&tcp.Conn{Whole: true}, s)
			open[st.conn] = h
		}
		if playStep(h, cut, st.step); st.do == actClose {
			delete(open, st.conn)
		}
	}
	for _, h := range open {
		h.Close(steps[len(steps)-1].at*1e6, tcp.Finished)
	}
}

func get(path string) string { return "GET " + path + " HTTP/1.1\r\nHost: model\r\n\r\n" }

const sseHead = "text/event-stream; charset=utf-8"

// said is a message of the queue about an event, of which output is the data.
func said(msg, id, output string) string {
	generating := msg == "process_generating"
	return data(fmt.Sprintf(`{"msg":%q,"event_id":%q,"output":{"data":%s,"is_generating":%v,"duration":0.05,"average_duration":0.05,`+
		`"render_config":null,"changed_state_ids":[]},"success":true,"time_limit":null}`, msg, id, output, generating))
}

func note(msg, id string) string {
	return data(fmt.Sprintf(`{"msg":%q,"event_id":%q,"rank":0,"queue_size":1,"rank_eta":1.9}`, msg, id))
}

func queuedUp(at int64, conn int, path, session, id string) []on {
	return []on{
		{conn, ask(at, post(path, `{"data":["a question of six words, perhaps",null],"event_data":null,"fn_index":2,"trigger_id":5,"session_hash":"`+session+`"}`))},
		{conn, answer(at+3, jsonAnswer(200, `{"event_id":"`+id+`"}`))},
	}
}

// gradio is one conversation of each version in which three steps yield the
// same text: joined at 0, generated at 100, 120 and 150 ms, ended at 160 ms.
func gradio() map[string][]on {
	feed := func(prefix string, generated ...string) []on {
		s := queuedUp(0, 1, prefix+"/queue/join", "abc", "e1")
		s = append(s, on{2, ask(20, get(prefix+"/queue/data?session_hash=abc"))},
			on{2, answer(22, streamHead(sseHead))},
			on{2, answer(22, note("estimation", "e1")+note("process_starts", "e1"))},
			on{2, answer(50, data(`{"msg":"heartbeat"}`)+note("progress", "e1")+note("log", "e1"))})
		for i, g := range generated[:3] {
			s = append(s, on{2, answer([]int64{100, 120, 150}[i], said("process_generating", "e1", g))})
		}
		return append(s, on{2, answer(160, said("process_completed", "e1", generated[3]))},
			on{2, answer(161, data(`{"msg":"close_stream","event_id":null}`)+lastChunk)})
	}
	chat := func(content string) string {
		return `[null,[{"role":"user","metadata":null,"content":"old question of mine","options":null},{"role":"assistant","content":"an old answer"},` +
			`{"role":"user","metadata":null,"content":[{"text":"a new question","type":"text"}],"options":null},{"role":"assistant","metadata":null,"content":` + content + `,"options":null}]]`
	}
	pairs := func(text string) string {
		return `[[["old question","old answer"],["a new question",` + text + `]]]`
	}
	calls := queuedUp(0, 1, "/gradio_api/call/chat", "", "e1")
	calls = append(calls, on{2, ask(20, get("/gradio_api/call/chat/e1"))}, on{2, answer(22, streamHead(sseHead))},
		on{2, answer(50, chunk("event: heartbeat\ndata: null\n\n"))},
		on{2, answer(100, chunk("event: generating\ndata: [\"Hello\", null]\n\n"))},
		on{2, answer(120, chunk("event: generating\ndata: [\"Hello there\", null]\n\n"))},
		on{2, answer(150, chunk("event: generating\ndata: [\"Hello there friend\", null]\n\n"))},
		on{2, answer(160, chunk("event: complete\ndata: [\"Hello there friend\", null]\n\n")+lastChunk)})
	return map[string][]on{
		"6, chat interface": feed("/gradio_api", `["Hello",null]`, `[[["append",[]," there"]],[]]`, `[[["append",[]," friend"]],[]]`, `["Hello there friend",null]`),
		"6, messages": feed("/ui/gradio_api", chat(`[{"text":"Hello","type":"text"}]`), `[[],[["append",[3,"content",0,"text"]," there"],["replace",[3,"metadata","status"],"pending"]]]`,
			`[[],[["append",[3,"content",0,"text"]," friend"]]]`, chat(`[{"text":"Hello there friend","type":"text"}]`)),
		"5, messages": feed("/gradio_api", chat(`"Hello"`), `[[],[["append",[3,"content"]," there"]]]`, `[[],[["append",[3,"content"]," friend"]]]`, chat(`"Hello there friend"`)),
		"4.44, a new message": feed("", `[[{"role":"user","content":"a question"},{"role":"assistant","content":"Hello"}]]`, `[[["add",[2],{"role":"assistant","content":" there","metadata":null}]]]`,
			`[[["append",[2,"content"]," friend"]]]`, `[[{"role":"user","content":"a question"},{"role":"assistant","content":"Hello"},{"role":"assistant","content":" there friend"}]]`),
		"4.22, pairs":             feed("", pairs(`"Hello"`), `[[["append",[1,1]," there"]]]`, `[[["append",[1,1]," friend"]]]`, pairs(`"Hello there friend"`)),
		"4.19, text":              feed("", `["Hello"]`, `[[["append",[]," there"]]]`, `[[["append",[]," friend"]]]`, `["Hello there friend"]`),
		"4.10, text so far":       feed("", `["Hello"]`, `["Hello there"]`, `["Hello there friend"]`, `["Hello there friend"]`),
		"4.10, pairs so far":      feed("", pairs(`"Hello"`), pairs(`"Hello there"`), pairs(`"Hello there friend"`), pairs(`"Hello there friend"`)),
		"4.10, updates of a box":  feed("", `[{"value":"Hello","__type__":"update"}]`, `[{"value":"Hello there","__type__":"update"}]`, `[{"value":"Hello there friend","__type__":"update"}]`, `[{"value":"Hello there friend","__type__":"update"}]`),
		"4.20 and later, by call": calls,
		"4.0, one connection": {
			{2, ask(0, get("/queue/join?fn_index=2&session_hash=abc"))}, {2, answer(3, streamHead(sseHead))},
			{2, answer(4, note("estimation", "e1")+data(`{"msg":"send_data","event_id":"e1"}`))},
			{1, ask(5, post("/queue/data", `{"data":["a question",null],"event_data":null,"fn_index":2,"session_hash":"abc","event_id":"e1"}`))},
			{1, answer(7, jsonAnswer(200, `null`))},
			{2, answer(100, said("process_generating", "e1", `["Hello"]`))}, {2, answer(120, said("process_generating", "e1", `["Hello there"]`))},
			{2, answer(150, said("process_generating", "e1", `["Hello there friend"]`))}, {2, answer(160, said("process_completed", "e1", `["Hello there friend"]`)+lastChunk)},
		},
	}
}

func checkGradio(t *testing.T, k *talk, e event.Exchange) {
	t.Helper()
	if e.API != "gradio" || e.Outcome != event.OK || !e.Stream || e.Start != 0 || e.FirstChunk != 100*ms || e.FirstToken != 100*ms ||
		e.LastToken != 150*ms || e.End != 160*ms {
		t.Errorf("api %s, outcome %v, stream %v: from %d, chunk %d, tokens %d to %d, end %d ms", e.API, e.Outcome, e.Stream,
			e.Start/ms, e.FirstChunk/ms, e.FirstToken/ms, e.LastToken/ms, e.End/ms)
	}
	if out := e.Tokens[event.Output]; out != (event.Count{N: 3, Source: event.Chunks, Known: true}) {
		t.Errorf("output %+v, want 3 by chunks", out)
	}
	if len(k.others) != 0 || k.shard.LLM.InFlight() != 0 || k.tally.Unpaired != [event.UnpairedReasons]uint64{} {
		t.Errorf("others %v, in flight %d, unpaired %v", k.others, k.shard.LLM.InFlight(), k.tally.Unpaired)
	}
}

func TestGradio(t *testing.T) {
	for name, steps := range gradio() {
		t.Run(name, func(t *testing.T) {
			for _, cut := range []int{0, 1, 2, 3, 7, 50} {
				k := newTalk()
				k.hall(explicit(t), cut, steps...)
				if len(k.exchanges) != 1 {
					t.Fatalf("in pieces of %d: %d exchanges, want 1", cut, len(k.exchanges))
				}
				checkGradio(t, k, k.exchanges[0])
				// The estimate sees the text once, however it was told.
				if s := k.shard.LLM.Book.Snapshot(nil, 160*ms); len(s) != 1 {
					t.Errorf("%d series", len(s))
				}
			}
		})
	}
}

func TestGradioDiscovered(t *testing.T) {
	for name, steps := range gradio() {
		k := newTalk()
		s := discovered(t)
		k.hall(s, 0, steps...)
		if len(k.exchanges) != 1 || !s.Confirmed() {
			t.Errorf("%s: %d exchanges, confirmed %v", name, len(k.exchanges), s.Confirmed())
		}
	}
}

// Several events of one session, whose outputs are mixed on one stream, and
// one of another session.
func TestGradioEventsAtOnce(t *testing.T) {
	steps := queuedUp(0, 1, "/queue/join", "abc", "e1")
	steps = append(steps, on{2, ask(5, get("/queue/data?session_hash=abc"))}, on{2, answer(6, streamHead(sseHead))})
	steps = append(steps, queuedUp(10, 3, "/queue/join", "abc", "e2")...)
	steps = append(steps, queuedUp(20, 4, "/queue/join", "xyz", "e3")...)
	steps = append(steps, on{5, ask(21, get("/queue/data?session_hash=xyz"))}, on{5, answer(22, streamHead(sseHead))},
		on{2, answer(50, said("process_generating", "e1", `["one"]`)+said("process_generating", "e2", `["two"]`))},
		on{5, answer(60, said("process_generating", "e3", `["three"]`))},
		on{2, answer(70, said("process_generating", "e2", `[[["append",[]," more"]]]`))},
		on{2, answer(80, said("process_completed", "e2", `["two more"]`))},
		on{2, answer(90, said("process_completed", "e1", `["one"]`)+lastChunk)},
		on{5, answer(95, said("process_completed", "e3", `["three"]`)+lastChunk)})
	k := newTalk()
	k.hall(explicit(t), 0, steps...)
	if len(k.exchanges) != 3 {
		t.Fatalf("%d exchanges, want 3", len(k.exchanges))
	}
	for i, want := range [][4]int64{{10, 50, 70, 80}, {0, 50, 50, 90}, {20, 60, 60, 95}} {
		e := k.exchanges[i]
		if got := [4]int64{e.Start / ms, e.FirstToken / ms, e.LastToken / ms, e.End / ms}; got != want || e.Outcome != event.OK {
			t.Errorf("%d: %v %v, want %v", i, got, e.Outcome, want)
		}
	}
}

// A function that yields nothing gives its output with its end: an answer, but
// no stream.
func TestGradioFunctions(t *testing.T) {
	steps := append(queuedUp(0, 1, "/queue/join", "abc", "e1"), on{2, ask(5, get("/queue/data?session_hash=abc"))}, on{2, answer(6, streamHead(sseHead))},
		on{2, answer(50, note("process_starts", "e1"))}, on{2, answer(90, said("process_completed", "e1", `["an answer of five words"]`)+lastChunk)})
	k := newTalk()
	k.hall(explicit(t), 0, steps...)
	e := k.exchanges[0]
	if len(k.exchanges) != 1 || e.Stream || e.FirstToken != 0 || e.End != 90*ms || e.Outcome != event.OK || e.Tokens[event.Output].N < 4 || e.Tokens[event.Output].N > 7 {
		t.Errorf("%+v", k.exchanges)
	}
	k = newTalk()
	k.run(explicit(t), true, 0,
		ask(0, post("/gradio_api/run/predict", `{"data":["a question"],"fn_index":0,"session_hash":"abc"}`)),
		answer(40, jsonAnswer(200, `{"data":["an answer of five words"],"is_generating":false,"duration":1.2}`)),
		ask(50, post("/api/predict", `{"data":["a question"],"fn_index":0,"session_hash":"abc"}`)),
		answer(60, jsonAnswer(200, `{"data":["an answer"],"is_generating":true,"duration":1.2}`)),
		ask(70, post("/api/predict", `{"prompt":"a question"}`)),
		answer(80, jsonAnswer(200, `{"text":"an answer"}`)))
	if len(k.exchanges) != 3 || k.exchanges[0].API != "gradio" || !k.exchanges[0].Tokens[event.Output].Known {
		t.Errorf("run: %s", describe(k.exchanges))
	}
	if k.exchanges[1].API != "gradio" || k.exchanges[1].Tokens[event.Output].Known {
		t.Errorf("an answer that the next will repeat counts: %+v", k.exchanges[1])
	}
	if k.exchanges[2].API != "generic" {
		t.Errorf("somebody's own /api/predict is %s", k.exchanges[2].API)
	}
}

func TestGradioOutcomes(t *testing.T) {
	begin := func() []on {
		return append(queuedUp(0, 1, "/queue/join", "abc", "e1"), on{2, ask(5, get("/queue/data?session_hash=abc"))}, on{2, answer(6, streamHead(sseHead))},
			on{2, answer(50, said("process_generating", "e1", `["Hello"]`))})
	}
	failed := data(`{"msg":"process_completed","event_id":"e1","output":{"error":"no"},"success":false,"title":"Error"}`)
	for name, c := range map[string]struct {
		steps []on
		want  event.Outcome
	}{
		"error":            {append(begin(), on{2, answer(60, failed+lastChunk)}), event.StreamError},
		"unexpected error": {append(begin(), on{2, answer(60, data(`{"msg":"unexpected_error","event_id":null,"message":"x","success":false}`)+lastChunk)}), event.StreamError},
		"client gone":      {append(begin(), on{2, fin(60, event.Request)}, on{2, closed(61, tcp.ResetByClient)}), event.ClientAbort},
		"server gone":      {append(begin(), on{2, closed(61, tcp.ResetByServer)}), event.ServerAbort},
		"stream ended":     {append(begin(), on{2, answer(60, lastChunk)}), event.ServerAbort},
		"a loss":           {append(begin(), on{2, gap(60, event.Response, 40)}, on{2, closed(70, tcp.ResetByServer)}), event.Incomplete},
		"half a message":   {append(begin(), on{2, answer(60, "20\r\ndata: {\"msg\":\"proc")}, on{2, closed(70, tcp.ResetByServer)}), event.ServerAbort},
		"refused":          {[]on{{1, ask(0, post("/queue/join", `{"data":[],"session_hash":"abc"}`))}, {1, answer(9, jsonAnswer(503, `{"detail":"Queue is full."}`))}}, event.HTTPError},
		"no ticket":        {[]on{{1, ask(0, post("/queue/join", `{"data":[],"session_hash":"abc"}`))}, {1, answer(9, jsonAnswer(200, `{}`))}}, event.Incomplete},
		"not answered":     {[]on{{1, ask(0, post("/queue/join", `{"data":[],"session_hash":"abc"}`))}, {1, closed(9, tcp.Finished)}}, event.ServerAbort},
		"call, error":      {append(queuedUp(0, 1, "/call/chat", "", "e1"), on{2, ask(5, get("/call/chat/e1"))}, on{2, answer(6, streamHead(sseHead))}, on{2, answer(9, chunk("event: error\ndata: null\n\n")+lastChunk)}), event.StreamError},
	} {
		t.Run(name, func(t *testing.T) {
			k := newTalk()
			k.hall(explicit(t), 0, c.steps...)
			if len(k.exchanges) != 1 || k.exchanges[0].Outcome != c.want || k.exchanges[0].API != "gradio" {
				t.Errorf("%s, want %v", describe(k.exchanges), c.want)
			}
			if k.shard.LLM.InFlight() != 0 || len(k.others) != 0 || k.tally.ParseErrors[event.ProtoJSON] != [event.ParseReasons]uint64{} {
				t.Errorf("%d in flight, others %v, JSON errors %v", k.shard.LLM.InFlight(), k.others, k.tally.ParseErrors[event.ProtoJSON])
			}
		})
	}
}

// What nobody asks for is given up in time, and in number.
func TestGradioBounds(t *testing.T) {
	k := newTalk()
	s := explicit(t)
	k.hall(s, 0, queuedUp(0, 1, "/queue/join", "abc", "e1")...)
	k.shard.Expire(maxUnasked - 1)
	if len(k.exchanges) != 0 {
		t.Fatalf("given up early: %s", describe(k.exchanges))
	}
	k.shard.Expire(maxUnasked + 4*ms)
	if len(k.exchanges) != 1 || k.exchanges[0].Outcome != event.Incomplete || k.tally.Unpaired[event.UnpairedWaited] != 1 || len(k.shard.queues) != 0 {
		t.Errorf("%s, unpaired %v", describe(k.exchanges), k.tally.Unpaired)
	}
	k = newTalk()
	for i := range maxQueued + 5 {
		k.hall(s, 0, queuedUp(int64(i), 1, "/queue/join", "abc", fmt.Sprint("e", i))...)
	}
	if len(k.exchanges) != 5 || k.tally.Unpaired[event.UnpairedMany] != 5 || k.shard.LLM.InFlight() != maxQueued {
		t.Errorf("%d given up, unpaired %v, %d in flight", len(k.exchanges), k.tally.Unpaired, k.shard.LLM.InFlight())
	}
	k.shard.Close(1e9)
	if k.shard.LLM.InFlight() != 0 {
		t.Errorf("%d in flight after the end", k.shard.LLM.InFlight())
	}
	// The output of a request that was not seen.
	k = newTalk()
	k.hall(s, 0, on{2, ask(5, get("/queue/data?session_hash=abc"))}, on{2, answer(6, streamHead(sseHead))},
		on{2, answer(50, said("process_generating", "e1", `["Hello"]`)+lastChunk)})
	if len(k.exchanges) != 0 || k.tally.Unpaired[event.UnpairedEvent] != 1 {
		t.Errorf("%s, unpaired %v", describe(k.exchanges), k.tally.Unpaired)
	}
	// Names too long are no names.
	long := strings.Repeat("e", 65)
	k = newTalk()
	k.hall(s, 0, append(queuedUp(0, 1, "/queue/join", long, long), on{2, ask(5, get("/queue/data?session_hash="+long))}, on{2, answer(6, streamHead(sseHead))},
		on{2, answer(50, said("process_completed", long, `["Hello"]`)+lastChunk)})...)
	if len(k.shard.queues) != 0 || k.shard.LLM.InFlight() != 0 {
		t.Errorf("%d queues, %d in flight", len(k.shard.queues), k.shard.LLM.InFlight())
	}
}

// A route of somebody else's that looks like one of Gradio's.
func TestNoGradio(t *testing.T) {
	k := newTalk()
	k.run(explicit(t), true, 0,
		ask(0, get("/call/x/y")), answer(5, streamHead("text/event-stream")), answer(9, data(`{"text":"Hi"}`)+lastChunk),
		ask(20, get("/queue/join")), answer(25, jsonAnswer(404, `{}`)),
		ask(30, get("/queue/data")), answer(35, jsonAnswer(404, `{}`)),
		ask(40, post("/call/x", `{"prompt":"x"}`)), answer(45, jsonAnswer(200, `{"text":"y"}`)))
	if len(k.exchanges) != 2 || k.exchanges[0].API != "generic" || k.exchanges[1].API != "generic" || len(k.others) != 2 {
		t.Errorf("%s, others %v", describe(k.exchanges), k.others)
	}
}
