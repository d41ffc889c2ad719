// SPDX-License-Identifier: Apache-2.0

package http1

import (
	"fmt"
	"strings"
	"testing"

	"github.com/modeltap/modeltap/observer/event"
)

// outcome is the last line of a transcript.
func outcome(s string) string { return s[strings.LastIndexByte(s, '\n')+1:] }

func TestHeads(t *testing.T) {
	const good, bad = "end true", "lost malformed"
	for _, c := range []struct {
		dir  event.Direction
		head string
		want string
	}{
		{event.Request, "GET / HTTP/1.1\r\nHost: a\r\n", good},
		{event.Request, "GET /\xc3\xa9 HTTP/1.7\n", good},
		{event.Request, "X-1!# / HTTP/1.1\r\n", good},
		{event.Request, "GET / HTTP/1.1\r\nodd name: 1\r\n", good},
		{event.Request, "GET / HTTP/1.1\r\nA: \x01\x7f\xff\r\n", good},
		{event.Request, "GET / HTTP/2.0\r\n", bad},
		{event.Request, "GET /\r\n", bad},
		{event.Request, "GET  HTTP/1.1\r\n", bad},
		{event.Request, "GET /a b HTTP/1.1\r\n", bad},
		{event.Request, "GET /\x01 HTTP/1.1\r\n", bad},
		{event.Request, "G(T / HTTP/1.1\r\n", bad},
		{event.Request, "GET / HTTP/1.1 \r\n", bad},
		{event.Request, "GET / HTTP/1.x\r\n", bad},
		{event.Request, "GET / HTTP/1.1\r\nno colon\r\n", bad},
		{event.Request, "GET / HTTP/1.1\r\n: no name\r\n", bad},
		{event.Request, "GET / HTTP/1.1\r\n folded: first\r\n", bad},
		{event.Request, "GET / HTTP/1.1\r\nA: \x00\r\n", bad},
		{event.Request, "GET / HTTP/1.1\r\nA: b\rc\r\n", bad},
		{event.Request, "GET / HTTP/1.1\r\nA: b\r\n \x00\r\n", bad},
		{event.Request, "GET / HTTP/1.1\r\n\"quoted\": b\r\n", bad},
		{event.Request, "GET / HTTP/1.1\r\nTransfer-Encoding: chunked, chunked\r\n", bad},
		{event.Request, "GET / HTTP/1.1\r\nTransfer-Encoding: chunked, gzip\r\n", bad},
		{event.Request, "GET / HTTP/1.1\r\nTransfer-Encoding: gzip\r\n", bad},
		{event.Request, "GET / HTTP/1.1\r\nTransfer-Encoding: identity\r\n", good},
		{event.Request, "GET / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n", good},
		{event.Request, "GET / HTTP/1.1\r\nContent-Length: 0\r\ncontent-length: 0\r\n", good},
		{event.Request, "GET / HTTP/1.1\r\nContent-Length: 0, 00\r\n", good},
		{event.Request, "GET / HTTP/1.1\r\nContent-Length: 0\r\nContent-Length: 1\r\n", bad},
		{event.Request, "GET / HTTP/1.1\r\nContent-Length: 0, 1\r\n", bad},
		{event.Request, "GET / HTTP/1.1\r\nContent-Length:\r\n", bad},
		{event.Request, "GET / HTTP/1.1\r\nContent-Length: +1\r\n", bad},
		{event.Request, "GET / HTTP/1.1\r\nContent-Length: -1\r\n", bad},
		{event.Request, "GET / HTTP/1.1\r\nContent-Length: 1 1\r\n", bad},
		{event.Request, "GET / HTTP/1.1\r\nContent-Length: 9223372036854775808\r\n", bad},
		{event.Request, "GET / HTTP/1.1\r\nContent-Length: 9223372036854775807\r\n", "end false"},
		{event.Response, "HTTP/1.1 204\r\n", good},
		{event.Response, "HTTP/1.1   204 \xff\r\n", good},
		{event.Response, "HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\n", good},
		{event.Response, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked, gzip\r\n", bad},
		{event.Response, "HTTP/1.1 099 OK\r\n", bad},
		{event.Response, "HTTP/1.1 20 OK\r\n", bad},
		{event.Response, "HTTP/1.1 2000 OK\r\n", bad},
		{event.Response, "HTTP/1.1 2x0 OK\r\n", bad},
		{event.Response, "HTTP/1.1\t200 OK\r\n", bad},
		{event.Response, "HTTP/2 200\r\n", bad},
		{event.Response, "ICY 200 OK\r\n", bad},
	} {
		if got := outcome(parse(t, c.dir, nil, c.head+"\r\n")); got != c.want {
			t.Errorf("%q: got %q, want %q", c.head, got, c.want)
		}
	}
}

func TestChunks(t *testing.T) {
	const head = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
	for _, c := range []struct{ body, want string }{
		{"0\r\n\r\n", "end true"},
		{"0\n\n", "end true"},
		{"0000000000000000000000001\r\na\r\n0\r\n\r\n", "end true"},
		{"1 \t;x=1\na\n0 \r\n\r\n", "end true"},
		{"1;" + strings.Repeat("x", sizeLineLimit-4) + "\r\na\r\n0\r\n\r\n", "end true"},
		{"1;" + strings.Repeat("x", sizeLineLimit-3) + "\r\na\r\n0\r\n\r\n", "lost too_large"},
		{"0\r\n" + strings.Repeat("x", HeadLimit-1) + "\n\r\n", "end true"},
		{"0\r\n" + strings.Repeat("x", HeadLimit) + "\n\r\n", "lost too_large"},
		{"fffffffffffffff\r\na", "end false"},
		{"ffffffffffffffff\r\na", "lost too_large"},
		{"\r\n", "lost malformed"},
		{";x\r\n", "lost malformed"},
		{" 1\r\n", "lost malformed"},
		{"-1\r\n", "lost malformed"},
		{"0x1\r\n", "lost malformed"},
		{"1 2\r\n", "lost malformed"},
		{"1\rx", "lost malformed"},
		{"1\r\nab", "lost malformed"},
		{"1\r\na\rb", "lost malformed"},
		{"0\r\n\rx", "lost malformed"},
		{"0\r\n", "end false"},
		{"1\r\na", "end false"},
	} {
		for _, pieces := range [][]string{{head + c.body}, bytewise(head + c.body)} {
			if got := outcome(parse(t, event.Response, nil, pieces...)); got != c.want {
				t.Errorf("%.60q in %d pieces: got %q, want %q", c.body, len(pieces), got, c.want)
			}
		}
	}
}

func TestHeadLimit(t *testing.T) {
	const frame = "GET / HTTP/1.1\r\nA: \r\n\r\n"
	fill := strings.Repeat("a", HeadLimit-len(frame))
	fits := frame[:19] + fill + frame[19:]
	over := frame[:19] + fill + "a" + frame[19:]
	for _, cut := range []int{0, 1, 5000, HeadLimit - 1} {
		if got := outcome(parse(t, event.Request, nil, fits[:cut], fits[cut:])); got != "end true" {
			t.Errorf("head of the limit cut at %d: %q", cut, got)
		}
		if got := outcome(parse(t, event.Request, nil, over[:cut], over[cut:])); got != "lost too_large" {
			t.Errorf("head over the limit cut at %d: %q", cut, got)
		}
	}
}

func TestHeldLimit(t *testing.T) {
	var pool Pool
	lost := 0
	parsers := make([]Parser, 2*HeldLimit/HeadLimit)
	piece := []byte("GET /" + strings.Repeat("a", 8000))
	for i := range parsers {
		tr := &transcript{}
		parsers[i].Init(&pool, event.Request, tr, false)
		for range 8 {
			parsers[i].Write(piece)
		}
		lost += tr.lost
		if pool.Held() > 2*HeldLimit {
			t.Fatalf("%d parsers hold %d bytes", i+1, pool.Held())
		}
	}
	if lost == 0 || lost == len(parsers) {
		t.Errorf("%d of %d heads lost, want some", lost, len(parsers))
	}
	for i := range parsers {
		parsers[i].Release()
	}
	if pool.Held() != 0 {
		t.Errorf("%d bytes held after release", pool.Held())
	}
}

func TestHeadFields(t *testing.T) {
	var h Head
	const req = "POST /x HTTP/1.1\r\nHost: h\r\nConnection: Upgrade, close\r\nUpgrade: h2c\r\nExpect: 100-Continue\r\n" +
		"TraceParent: 00-1-2-01\r\nContent-Encoding: zstd\r\nX-Empty:\r\n\r\n"
	if !h.parse(event.Request, []byte(req)) {
		t.Fatal("refused")
	}
	got := fmt.Sprintf("%s %v %v %v %s %s %d", h.Host, h.Close, h.Upgrade, h.ExpectContinue, h.TraceParent, h.ContentEncoding, h.Size-len(req))
	if want := "h true true true 00-1-2-01 zstd 0"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	if v, ok := h.Field("x-empty"); !ok || len(v) != 0 {
		t.Errorf("x-empty: %q, %v", v, ok)
	}
	if v, ok := h.Field("x-absent"); ok {
		t.Errorf("x-absent: %q", v)
	}
}

func TestClose(t *testing.T) {
	for head, want := range map[string]bool{
		"HTTP/1.1 200 OK\r\n\r\n":                             false,
		"HTTP/1.1 200 OK\r\nConnection: CLOSE\r\n\r\n":        true,
		"HTTP/1.0 200 OK\r\n\r\n":                             true,
		"HTTP/1.0 200 OK\r\nConnection: Keep-Alive\r\n\r\n":   false,
		"HTTP/1.0 200 OK\r\nConnection: x,keep-alive\r\n\r\n": false,
	} {
		var h Head
		if !h.parse(event.Response, []byte(head)) || h.Close != want {
			t.Errorf("%q: Close = %v, want %v", head, h.Close, want)
		}
	}
}
