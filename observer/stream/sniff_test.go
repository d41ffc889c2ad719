// SPDX-License-Identifier: Apache-2.0

package stream

import (
	"testing"

	"github.com/modeltap/modeltap/observer/event"
)

// alone returns a tally with one count of v.
func alone(v event.Unobserved) (t event.Tally) {
	t.Unobserved[v] = 1
	return t
}

// TestWholeCaptures plays recorded HTTP/2 and WebSocket connections from their
// beginning, in segments of many sizes.
func TestWholeCaptures(t *testing.T) {
	for _, c := range captures(t) {
		for _, cut := range []int{0, 1, 2, 3, 5, 8, 9, 13, 24, 100, 1448} {
			k := newTalk()
			k.hear(t, true, cut, c.pieces)
			if k.tally != alone(c.speaks()) || len(k.exchanges) > 1 {
				t.Errorf("%s in pieces of %d: %+v, exchanges %s", c.file, cut, k.tally, describe(k.exchanges))
			}
		}
	}
}

// TestJoinedCaptures joins recorded connections at every segment, and at every
// byte of it: never is that a request, and once it is counted. What the last
// part of a frame was part of, nobody can tell.
func TestJoinedCaptures(t *testing.T) {
	for _, c := range captures(t) {
		for i, p := range c.pieces {
			if i < 2 {
				continue
			}
			for at := range p.bytes {
				k := newTalk()
				k.hear(t, false, 0, append([]piece{{p.dir, p.time, p.bytes[at:]}}, c.pieces[i+1:]...))
				got := k.tally
				if at > 0 && i == len(c.pieces)-1 && got == alone(event.UnobservedUnknown) {
					got = alone(c.speaks())
				}
				if at > 0 && c.file == "ws-h2-hypercorn.pcap" && got == alone(event.UnobservedWebSocket) {
					got = alone(c.speaks()) // a WebSocket within HTTP/2
				}
				if got != alone(c.speaks()) || len(k.exchanges)+len(k.others) > 0 {
					t.Errorf("%s joined at byte %d of segment %d of %d, %.20q: unobserved %v, exchanges %s",
						c.file, at, i, len(c.pieces), p.bytes[at:], k.tally.Unobserved, describe(k.exchanges))
				}
			}
		}
	}
}

const settings = "\x00\x00\x06\x04\x00\x00\x00\x00\x00\x00\x04\x00\x40\x00\x00"

// TestServersThatSpeakFirst: whoever is heard first, and in whatever pieces, a
// connection is counted once.
func TestServersThatSpeakFirst(t *testing.T) {
	preface := "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + settings
	for name, c := range map[string]struct {
		server, client string
		want           event.Unobserved
	}{
		"SETTINGS":       {settings, preface, event.UnobservedHTTP2},
		"empty SETTINGS": {"\x00\x00\x00\x04\x00\x00\x00\x00\x00", preface, event.UnobservedHTTP2},
		"a mail server":  {"220 mail ESMTP\r\n", "EHLO x\r\n", event.UnobservedUnknown},
		"a database":     {"\x4a\x00\x00\x00\x0a8.0.36", "\x01\x8f", event.UnobservedUnknown},
		"nearly":         {"\x00\x00\x07\x04\x00\x00\x00\x00\x00", "", event.UnobservedUnknown},
	} {
		for cut := 0; cut <= len(c.server); cut++ {
			for heard := 0; heard <= min(len(c.client), 30); heard++ {
				k := newTalk()
				k.hear(t, true, 0, []piece{
					{dir: event.Response, bytes: []byte(c.server[:cut])}, {bytes: []byte(c.client[:heard])},
					{dir: event.Response, bytes: []byte(c.server[cut:])}, {bytes: []byte(c.client[heard:])}})
				want := c.want
				if cut == 0 && heard > 0 && c.client[0] == 'E' {
					continue // EHLO may be a method
				}
				if k.tally != alone(want) || len(k.exchanges)+len(k.others) != 0 {
					t.Fatalf("%s, cut at %d, client heard to %d: %+v, exchanges %s", name, cut, heard, k.tally, describe(k.exchanges))
				}
			}
		}
	}
}

// TestAnsweredByHTTP2: a server that speaks HTTP/2 alone answers any request
// with SETTINGS and a reset.
func TestAnsweredByHTTP2(t *testing.T) {
	for cut := range len(settings) {
		k := newTalk()
		k.hear(t, true, 0, []piece{{bytes: []byte(post("/v1/completions", `{}`))},
			{dir: event.Response, bytes: []byte(settings[:cut])}, {dir: event.Response, bytes: []byte(settings[cut:])}})
		if k.tally != alone(event.UnobservedHTTP2) || len(k.exchanges) != 1 || k.exchanges[0].Outcome != event.ServerAbort {
			t.Fatalf("cut at %d: %+v, exchanges %s", cut, k.tally, describe(k.exchanges))
		}
	}
}

// TestUpgrades gives connections up to other protocols.
func TestUpgrades(t *testing.T) {
	for fields, want := range map[string]event.Unobserved{
		"Upgrade: websocket\r\nConnection: Upgrade\r\n":      event.UnobservedWebSocket,
		"connection: upgrade\r\nupgrade: WebSocket\r\n":      event.UnobservedWebSocket,
		"Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+\r\n": event.UnobservedWebSocket,
		"Upgrade: h2c\r\nConnection: Upgrade\r\n":            event.UnobservedHTTP2,
		"Upgrade: TLS/1.0, HTTP/1.1\r\n":                     event.UnobservedTLS,
		"Upgrade: IRC/6.9\r\n":                               event.UnobservedUnknown,
		"Date: x\r\n":                                        event.UnobservedUnknown,
	} {
		all := "HTTP/1.1 101 \r\n" + fields + "\r\n" + "\x81\x05hello\x00\x00\x00\x04\x00\x00\x00\x00\x00"
		for _, whole := range []bool{true, false} {
			for cut := range len(all) {
				k := newTalk()
				k.hear(t, whole, 0, []piece{{bytes: []byte("GET /x HTTP/1.1\r\nHost: x\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\n")},
					{dir: event.Response, bytes: []byte(all[:cut])}, {dir: event.Response, bytes: []byte(all[cut:])},
					{bytes: []byte(post("/v1/completions", `{}`))}, {dir: event.Response, bytes: []byte(jsonAnswer(200, `{}`))}})
				if k.tally != alone(want) || len(k.exchanges) != 0 || len(k.others) != 1 || k.others[0] != 101 {
					t.Fatalf("%q, cut at %d: %+v, exchanges %s, others %v", fields, cut, k.tally, describe(k.exchanges), k.others)
				}
			}
		}
	}
}
