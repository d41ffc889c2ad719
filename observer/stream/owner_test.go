// SPDX-License-Identifier: Apache-2.0

package stream

import (
	"fmt"
	"testing"

	"github.com/modeltap/modeltap/observer/event"
	"github.com/modeltap/modeltap/observer/identity"
	"github.com/modeltap/modeltap/observer/servers"
	"github.com/modeltap/modeltap/observer/tcp"
)

// Packets come before anybody knows whose they are. Whenever in the course of
// the first exchange that is told, it is counted under the right name, or not
// at all.
func TestOwnerIsToldLate(t *testing.T) {
	token := `{"choices":[{"index":0,"delta":{"content":"x"}}]}`
	pieces := []struct {
		dir  event.Direction
		text string
	}{
		{event.Request, post("/v1/chat/completions", `{"model":"m","stream":true}`)},
		{event.Response, streamHead("text/event-stream")}, {event.Response, data(token)}, {event.Response, data(token)},
		{event.Response, data("[DONE]") + lastChunk},
	}
	for _, c := range []struct {
		verdict servers.Verdict
		want    string
	}{{servers.Candidate, "[{app.py:8000 ok}]"}, {servers.Unsure, "[{app.py:8000 ok}]"}, {servers.Relay, "[]"}, {servers.Nobody, "[]"}} {
		for told := range pieces {
			spec, err := servers.ParseSpec("8000")
			if err != nil {
				t.Fatal(err)
			}
			table := servers.NewTable(servers.Options{Specs: []servers.Spec{spec}})
			first := &event.Segment{Group: 1, NetNS: 1, Flow: event.Flow{Server: event.Endpoint{Port: 8000}}}
			server := table.Resolve(first)
			k := newTalk()
			h := k.shard.Handler(&tcp.Conn{Whole: true}, server)
			for i, p := range pieces {
				if i == told {
					table.Tell(first.Place(), identity.Owner{Process: identity.Process{Name: "app.py"}}, c.verdict)
				}
				h.Data(p.dir, event.Mark{Time: int64(i+1) * 1e6}, []byte(p.text))
			}
			h.Close(1e9, tcp.Finished)
			type counted struct {
				Server  string
				Outcome event.Outcome
			}
			got := []counted{}
			for _, x := range k.exchanges {
				got = append(got, counted{x.Server, x.Outcome})
			}
			if s := fmt.Sprint(got); s != c.want || len(k.others) != 0 {
				t.Errorf("verdict %d before piece %d: %s and %v, want %s", c.verdict, told, s, k.others, c.want)
			}
		}
	}
}

// Each way in which a connection ends is one that the server hears of.
func TestConnectionsAreCounted(t *testing.T) {
	server := explicit(t)
	k := newTalk()
	if server.Followed() {
		t.Fatal("followed before the first connection")
	}
	for _, why := range []tcp.CloseReason{tcp.Finished, tcp.ResetByClient, tcp.Evicted, tcp.Shutdown} {
		h := k.shard.Handler(&tcp.Conn{Whole: true}, server)
		h.Data(event.Request, event.Mark{Time: 1}, []byte(post("/v1/chat/completions", `{}`)))
		if !server.Followed() {
			t.Errorf("%v: not followed", why)
		}
		h.Close(2, why)
		if server.Followed() {
			t.Errorf("%v: followed after its end", why)
		}
	}
	h := k.shard.Handler(&tcp.Conn{Whole: true}, server)
	h.Data(event.Request, event.Mark{Time: 1}, []byte(post("/v1/chat/completions", `{}`)))
	k.shard.KillCurrent()
	if server.Followed() {
		t.Error("followed after its connection's panic")
	}
}
