// SPDX-License-Identifier: Apache-2.0

package stream

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/modeltap/modeltap/observer/event"
	"github.com/modeltap/modeltap/observer/llm"
	"github.com/modeltap/modeltap/observer/meter"
	"github.com/modeltap/modeltap/observer/servers"
	"github.com/modeltap/modeltap/observer/tcp"
)

// step is one thing that happens on a connection, at a time in ms.
type step struct {
	at   int64
	do   action
	dir  event.Direction
	text string
	n    int
	why  tcp.CloseReason
}

type action uint8

const (
	actData action = iota
	actSkip
	actGap
	actFIN
	actClose
	actRead
	actLimited
)

func ask(at int64, text string) step    { return step{at: at, dir: event.Request, text: text} }
func answer(at int64, text string) step { return step{at: at, dir: event.Response, text: text} }
func fin(at int64, d event.Direction) step {
	return step{at: at, do: actFIN, dir: d}
}
func closed(at int64, why tcp.CloseReason) step { return step{at: at, do: actClose, why: why} }
func gap(at int64, d event.Direction, n int) step {
	return step{at: at, do: actGap, dir: d, n: n}
}
func skip(at int64, d event.Direction, n int) step {
	return step{at: at, do: actSkip, dir: d, n: n}
}

// post makes a POST with a JSON body.
func post(path, body string) string {
	return fmt.Sprintf("POST %s HTTP/1.1\r\nHost: model\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s", path, len(body), body)
}

// streamHead begins a chunked answer.
func streamHead(contentType string) string {
	return "HTTP/1.1 200 OK\r\nContent-Type: " + contentType + "\r\nTransfer-Encoding: chunked\r\n\r\n"
}

// chunk frames one HTTP chunk.
func chunk(s string) string { return fmt.Sprintf("%x\r\n%s\r\n", len(s), s) }

// data frames one SSE event in an HTTP chunk of its own.
func data(s string) string { return chunk("data: " + s + "\n\n") }

const lastChunk = "0\r\n\r\n"

// jsonAnswer makes a whole JSON answer.
func jsonAnswer(status int, body string) string {
	return fmt.Sprintf("HTTP/1.1 %d Whatever\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s", status, len(body), body)
}

// talk is a shard and what it reported.
type talk struct {
	shard     *Shard
	tally     event.Tally
	labels    *meter.Labels
	exchanges []event.Exchange
	others    []int
}

func (k *talk) Exchange(e *event.Exchange)             { k.exchanges = append(k.exchanges, *e) }
func (k *talk) OtherRequest(server string, status int) { k.others = append(k.others, status) }

func newTalk() *talk {
	k := &talk{labels: meter.NewLabels(8)}
	k.shard = &Shard{
		LLM: &llm.Shard{
			Book: meter.NewBook(k.labels, int64(time.Hour), false), Sink: k, Tally: &k.tally,
			StallAfter: int64(10 * time.Second),
		},
		Sink: k, Tally: &k.tally,
	}
	return k
}

// server returns the explicit target test=8000.
func explicit(t testing.TB) *servers.Server {
	spec, err := servers.ParseSpec("test=8000")
	if err != nil {
		t.Fatal(err)
	}
	table := servers.NewTable(servers.Options{Specs: []servers.Spec{spec}})
	s := table.Resolve(&event.Segment{Group: 1, NetNS: 1, Flow: event.Flow{Server: event.Endpoint{Port: 8000}}})
	if s == nil {
		t.Fatal("the target is not resolved")
	}
	return s
}

// run plays steps on one connection; with cut > 0 data comes in pieces of that
// many bytes, all at the time of the step.
func (k *talk) run(s *servers.Server, whole bool, cut int, steps ...step) {
	h := k.shard.Handler(&tcp.Conn{Whole: whole}, s)
	for _, st := range steps {
		if playStep(h, cut, st); st.do == actClose {
			h = nil
		}
	}
	if h != nil {
		h.Close(steps[len(steps)-1].at*1e6, tcp.Finished)
	}
}

// playStep plays one step on a connection.
func playStep(h tcp.Handler, cut int, st step) {
	m := event.Mark{Time: st.at * 1e6}
	switch st.do {
	case actData, actLimited:
		m.Limited = st.do == actLimited
		p := []byte(st.text)
		for len(p) > 0 {
			n := len(p)
			if cut > 0 {
				n = min(n, cut)
			}
			// A copy of exact length: what looks beyond it fails.
			h.Data(st.dir, m, append([]byte(nil), p[:n]...))
			p = p[n:]
		}
	case actSkip:
		h.Skip(st.dir, m, st.n)
	case actGap:
		h.Gap(st.dir, m, st.n)
	case actFIN:
		h.FIN(st.dir, m)
	case actRead:
		h.Read(m.Time, uint64(st.n))
	case actClose:
		h.Close(m.Time, st.why)
	}
}

// one plays steps on an explicit target and returns the only exchange.
func one(t *testing.T, steps ...step) event.Exchange {
	t.Helper()
	k := newTalk()
	k.run(explicit(t), true, 0, steps...)
	if len(k.exchanges) != 1 {
		t.Fatalf("%d exchanges, want 1: %+v", len(k.exchanges), k.exchanges)
	}
	if k.shard.LLM.InFlight() != 0 {
		t.Errorf("%d exchanges are still open", k.shard.LLM.InFlight())
	}
	return k.exchanges[0]
}

// story is a whole conversation that every cut must leave alone.
func story() []step {
	return []step{
		ask(0, post("/v1/chat/completions", `{"messages":[{"role":"user","content":"Say \"hi\" twice."}],"model":"m1","stream":true}`)),
		answer(10, streamHead("text/event-stream; charset=utf-8")),
		answer(20, data(`{"model":"m1","choices":[{"index":0,"delta":{"role":"assistant","content":""},"finish_reason":null}]}`)),
		answer(100, chunk(": ping\n\n")),
		answer(200, data(`{"model":"m1","choices":[{"index":0,"delta":{"content":"Hi"},"finish_reason":null}]}`)),
		answer(230, data(`{"model":"m1","choices":[{"index":0,"delta":{"content":" hi é"},"finish_reason":null}]}`)),
		answer(270, data(`{"model":"m1","choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}`)),
		answer(271, data(`{"model":"m1","choices":[],"usage":{"prompt_tokens":12,"completion_tokens":3,"total_tokens":15}}`)),
		answer(272, data(`[DONE]`)),
		answer(273, lastChunk),
		ask(500, post("/predict", `{"text":"one two three"}`)),
		answer(550, jsonAnswer(200, `{"result":"four five six"}`)),
	}
}

func describe(es []event.Exchange) string {
	var b strings.Builder
	for _, e := range es {
		fmt.Fprintf(&b, "%+v\n", e)
	}
	return b.String()
}
