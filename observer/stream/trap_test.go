// SPDX-License-Identifier: Apache-2.0

package stream

import (
	"fmt"
	"testing"

	"github.com/modeltap/modeltap/observer/event"
	"github.com/modeltap/modeltap/observer/tcp"
)

const getPage = "GET /x HTTP/1.1\r\nHost: x\r\n\r\n"

func TestHTTPTraps(t *testing.T) {
	ask3 := post("/v1/completions", `{"model":"m"}`)
	reply := jsonAnswer(200, `{"model":"m","choices":[]}`)
	for name, c := range map[string]struct {
		steps     []step
		exchanges string // outcome, status and duration in ms of each
		others    []int
	}{
		"expect: 100-continue": {[]step{
			ask(0, "POST /v1/completions HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 13\r\n\r\n"),
			answer(5, "HTTP/1.1 100 Continue\r\n\r\n"), ask(6, `{"model":"m"}`), answer(40, reply)}, "ok 200 40;", nil},
		"refused during the upload": {[]step{
			ask(0, "POST /v1/completions HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\n{\"prompt\":\""),
			answer(5, jsonAnswer(413, `{"error":"large"}`)), ask(6, fmt.Sprintf("%989s", "")),
			ask(20, ask3), answer(30, reply)}, "http_error 413 5;ok 200 10;", nil},
		"three requests at once": {[]step{ask(0, ask3+ask3+ask3), answer(10, reply), answer(20, reply+reply)},
			"ok 200 10;ok 200 20;ok 200 20;", nil},
		"a page between two": {[]step{ask(0, ask3+getPage+ask3), answer(10, reply+"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: 1\r\n\r\nx"+reply)},
			"ok 200 10;ok 200 10;", []int{200}},
		"upgrade": {[]step{ask(0, "GET /ws HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n"),
			answer(5, "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n\x81\x05hello"),
			ask(6, "POST /v1/completions HTTP/1.1\r\n"), answer(7, reply)}, "", []int{101}},
		"events until the close": {[]step{ask(0, post("/v1/chat/completions", `{}`)),
			answer(5, "HTTP/1.0 200 OK\r\nContent-Type: text/event-stream\r\n\r\n"),
			answer(10, "data: {\"choices\":[{\"delta\":{\"content\":\"x\"},\"finish_reason\":\"stop\"}]}\n\n"),
			fin(50, event.Response)}, "ok 200 10;", nil},
		"text with a length": {[]step{ask(0, post("/predict", `{}`)), answer(5, "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 6\r\n\r\none"),
			answer(9, "two")}, "ok 200 9;", nil},
		"server resets unread": {[]step{ask(0, ask3), answer(5, reply), ask(10, ask3), closed(11, tcp.ResetByServer)}, "ok 200 5;", []int{0}},
		"server resets what it has read": {[]step{ask(0, ask3), {at: 1, do: actRead, n: len(ask3)}, closed(11, tcp.ResetByServer)},
			"server_abort 0 11;", nil},
		"server resets during the upload": {[]step{ask(0, "POST /predict HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\n{"), closed(11, tcp.ResetByServer)},
			"server_abort 0 11;", nil},
		"request into a closed connection, client resets": {[]step{ask(0, ask3), answer(5, reply), fin(6, event.Response), ask(7, ask3), closed(8, tcp.ResetByClient)},
			"ok 200 5;", []int{0}},
		"the beginning was lost": {[]step{gap(0, event.Request, 300), answer(5, reply), ask(10, ask3), answer(30, reply)}, "ok 200 20;", nil},
		"nothing but a hello":    {[]step{ask(0, "POST /v1/comp"), fin(5, event.Request), fin(6, event.Response), closed(7, tcp.Finished)}, "", nil},
	} {
		t.Run(name, func(t *testing.T) {
			k := newTalk()
			k.run(explicit(t), true, 0, c.steps...)
			got := ""
			for _, e := range k.exchanges {
				got += fmt.Sprintf("%v %d %d;", e.Outcome, e.Status, (e.End-e.Start)/ms)
			}
			if got != c.exchanges || fmt.Sprint(k.others) != fmt.Sprint(c.others) {
				t.Errorf("exchanges %s others %v, want %s and %v", got, k.others, c.exchanges, c.others)
			}
			if k.shard.LLM.InFlight() != 0 {
				t.Errorf("%d exchanges are still open", k.shard.LLM.InFlight())
			}
		})
	}
}
