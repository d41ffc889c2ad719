// SPDX-License-Identifier: Apache-2.0

package stream

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/modeltap/modeltap/observer/budget"
	"github.com/modeltap/modeltap/observer/event"
	"github.com/modeltap/modeltap/observer/message"
	"github.com/modeltap/modeltap/observer/tcp"
)

var (
	askHead    = &message.Head{Method: []byte("POST"), Target: []byte("/v1/chat/completions"), ContentLength: -1, Streamed: true}
	streamedBy = &message.Head{Status: 200, ContentType: []byte("text/event-stream"), ContentLength: -1, Streamed: true}
	token      = []byte("data: {\"model\":\"m\",\"choices\":[{\"index\":0,\"delta\":{\"content\":\"x\"}}]}\n\n")
)

// TestCallsSideBySide: calls of one connection overlap and end in any order and
// in any way, as streams of HTTP/2 do, and each is measured alone.
func TestCallsSideBySide(t *testing.T) {
	for seed := range uint64(200) {
		r := rand.New(rand.NewPCG(seed, 6))
		k := newTalk()
		c := k.shard.Handler(&tcp.Conn{Whole: true}, explicit(t)).(*Conn)
		type open struct {
			*call
			tokens, step int
			want         string
		}
		var calls []*open
		now, want := int64(0), map[string]int{}
		ended := 0
		for ended < 12 {
			now += ms
			m := event.Mark{Time: now}
			if len(calls) < 5 && r.IntN(3) == 0 && ended+len(calls) < 12 {
				o := &open{call: c.call(now, budget.Fresh), want: fmt.Sprint(now / ms)}
				o.request(askHead)
				calls = append(calls, o)
			}
			if len(calls) == 0 {
				continue
			}
			i := r.IntN(len(calls))
			o := calls[i]
			done := ""
			switch o.step++; {
			case o.step == 1:
				o.requestBody([]byte(`{"model":"m","stream":true}`))
				o.requestEnd(now, 0)
			case o.step == 2:
				o.answer(now, streamedBy)
			case r.IntN(6) > 0:
				o.answerBody(m, token)
				o.chunkEnd(m)
				o.tokens++
			case r.IntN(2) == 0:
				o.answerEnd(now)
				done = "ok"
			default:
				o.abort(now, event.ClientAbort)
				done, o.tokens = "client_abort", 0
			}
			if done != "" {
				end := now
				if done != "ok" {
					end = 0
				}
				want[fmt.Sprint(o.want, " ", done, " ", end/ms, " ", o.tokens)]++
				o.free()
				calls = append(calls[:i], calls[i+1:]...)
				ended++
			}
			if int(c.open) != len(calls) {
				t.Fatalf("seed %d: %d calls are said to be open, %d are", seed, c.open, len(calls))
			}
		}
		for _, e := range k.exchanges {
			if e.Outcome != event.OK {
				e.End, e.ResponseBytes = 0, 0
			}
			want[fmt.Sprint(e.Start/ms, " ", e.Outcome, " ", e.End/ms, " ", int(e.ResponseBytes)/len(token))]--
		}
		for s, n := range want {
			if n != 0 {
				t.Fatalf("seed %d: %d of %s are missing: %s", seed, n, s, describe(k.exchanges))
			}
		}
	}
}

// TestAllocations: neither requests nor tokens nor connections cost memory once
// there was as much as there is.
func TestAllocations(t *testing.T) {
	k := newTalk()
	s := explicit(t)
	request := []byte(post("/v1/chat/completions", `{"model":"m","stream":true}`))
	head, last := []byte(streamHead("text/event-stream")), []byte(lastChunk)
	body := []byte(data(`{"model":"m","choices":[{"index":0,"delta":{"content":"x"}}]}`))
	whole := &tcp.Conn{Whole: true}
	now := int64(0)
	say := func(h tcp.Handler, d event.Direction, p []byte) {
		now += ms
		h.Data(d, event.Mark{Time: now}, p)
	}
	connection := func() {
		h := k.shard.Handler(whole, s)
		for range 3 {
			say(h, event.Request, request)
			say(h, event.Response, head)
			for range 5 {
				say(h, event.Response, body)
			}
			say(h, event.Response, last)
		}
		h.Close(now, tcp.Finished)
		k.exchanges = k.exchanges[:0]
	}
	connection()
	if n := testing.AllocsPerRun(100, connection); n != 0 {
		t.Errorf("%v allocations for a connection with three requests", n)
	}
}
