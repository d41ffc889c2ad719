// SPDX-License-Identifier: Apache-2.0

package pcapfile

import (
	"bytes"
	"testing"

	"github.com/google/gopacket/layers"

	"github.com/modeltap/modeltap/observer/event"
)

// TestRoles tells server from client by each kind of evidence. In all cases
// the true server is the one at port 8000 of 10.0.0.1 or, where the ports
// mislead, at port 50000.
func TestRoles(t *testing.T) {
	high := *server
	high.Port = 50000
	is := func(port uint16) func(event.Endpoint) bool {
		return func(e event.Endpoint) bool { return e.Port == port }
	}
	data := layers.TCP{ACK: true, Seq: 1, Ack: 1}
	for name, c := range map[string]struct {
		says   func(event.Endpoint) bool
		frames [][]byte
		want   []event.Direction
		port   uint16
	}{
		"told":         {is(50000), [][]byte{packet(t, client, &high, data, "x"), packet(t, &high, client, data, "x")}, []event.Direction{0, 1}, 50000},
		"not watched":  {is(9), [][]byte{packet(t, client, &high, data, "x")}, nil, 0},
		"request":      {nil, [][]byte{packet(t, client, &high, data, "POST /v1 HTTP/1.1"), packet(t, &high, client, data, "x")}, []event.Direction{0, 1}, 50000},
		"answer":       {nil, [][]byte{packet(t, &high, client, data, "HTTP/1.1 200"), packet(t, client, &high, data, "x")}, []event.Direction{1, 0}, 50000},
		"handshake":    {nil, [][]byte{packet(t, client, &high, layers.TCP{SYN: true}, ""), packet(t, &high, client, data, "x")}, []event.Direction{0, 1}, 50000},
		"second SYN":   {nil, [][]byte{packet(t, &high, client, layers.TCP{SYN: true, ACK: true}, ""), packet(t, client, &high, data, "x")}, []event.Direction{1, 0}, 50000},
		"lower port":   {nil, [][]byte{packet(t, client, server, data, "x"), packet(t, server, client, data, "x")}, []event.Direction{0, 1}, 8000},
		"nothing yet":  {nil, [][]byte{packet(t, client, server, data, "")}, nil, 0},
		"later proven": {nil, [][]byte{packet(t, client, &high, data, "x"), packet(t, &high, client, data, "HTTP/1.1 200"), packet(t, client, &high, data, "x")}, []event.Direction{1, 1, 0}, 50000},
	} {
		all, _, err := collect(t, Config{Path: "-", Stdin: bytes.NewReader(pcapOf(t, true, c.frames)), Server: c.says})
		if err != nil || len(all) != len(c.want) {
			t.Fatalf("%s: %d segments, %v", name, len(all), err)
		}
		for i, s := range all {
			if s.Dir != c.want[i] {
				t.Errorf("%s: segment %d is %v", name, i, s.Dir)
			}
			if last := i == len(all)-1; last && s.Flow.Server.Port != c.port {
				t.Errorf("%s: server port %d, want %d", name, s.Flow.Server.Port, c.port)
			}
		}
	}
}

func TestRolesAreBounded(t *testing.T) {
	r := roles{}
	for i := range 3 * maxRoles {
		k := pair{event.Endpoint{Port: uint16(i)}, event.Endpoint{Port: uint16(i >> 16)}}
		r.remember(k, true)
		if _, ok := r.recall(k); !ok {
			t.Fatal("forgotten at once")
		}
	}
	if n := len(r.now) + len(r.old); n > 2*maxRoles {
		t.Fatalf("%d connections remembered", n)
	}
}
