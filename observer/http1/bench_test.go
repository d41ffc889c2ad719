// SPDX-License-Identifier: Apache-2.0

package http1

import (
	"fmt"
	"strings"
	"testing"
	"unsafe"

	"github.com/modeltap/modeltap/observer/event"
)

// chunk250 is a streamed event as a server writes it: e7 is 231 bytes.
var chunk250 = []byte("e7\r\ndata: " + strings.Repeat("x", 223) + "\n\n\r\n")

var request = []byte("POST /v1/chat/completions HTTP/1.1\r\nHost: 127.0.0.1:8000\r\nAccept: application/json\r\n" +
	"User-Agent: OpenAI/Python 3.54.0\r\nContent-Type: application/json\r\nAuthorization: Bearer none\r\n" +
	"X-Stainless-Lang: python\r\nX-Stainless-Async: false\r\nAccept-Encoding: gzip, deflate\r\nConnection: keep-alive\r\n" +
	"Content-Length: 2\r\n\r\n{}")

func streaming(h Handler, pool *Pool) *Parser {
	var x Parser
	x.Init(pool, event.Response, h, false)
	x.Write([]byte(chunkedHead))
	return &x
}

func TestSizes(t *testing.T) {
	if n := unsafe.Sizeof(Parser{}); n > 96 {
		t.Errorf("a Parser has %d bytes", n)
	}
}

func TestNoAllocations(t *testing.T) {
	var pool Pool
	var h pieces
	x := streaming(&h, &pool)
	var req, lost Parser
	req.Init(&pool, event.Request, &h, false)
	lost.Init(&pool, event.Request, &h, true)
	for name, f := range map[string]func(){
		"chunk":        func() { x.Write(chunk250) },
		"split chunk":  func() { x.Write(chunk250[:100]); x.Write(chunk250[100:]) },
		"request":      func() { req.Write(request) },
		"split head":   func() { req.Write(request[:24]); req.Write(request[24:]) },
		"resync":       func() { lost.Write(request); lost.Gap(1) },
		"resync split": func() { lost.Write(request[:24]); lost.Write(request[24:]); lost.Gap(1) },
	} {
		f()
		if n := testing.AllocsPerRun(100, f); n != 0 {
			t.Errorf("%s: %v allocations", name, n)
		}
	}
	if h.chunks == 0 || h.ends == 0 {
		t.Error("nothing was parsed")
	}
}

func BenchmarkChunk(b *testing.B) {
	var pool Pool
	var h pieces
	x := streaming(&h, &pool)
	b.SetBytes(int64(len(chunk250)))
	b.ReportAllocs()
	for b.Loop() {
		x.Write(chunk250)
	}
	if h.chunks < b.N {
		b.Fatal("chunks lost")
	}
}

func BenchmarkChunkSplit(b *testing.B) {
	var pool Pool
	var h pieces
	x := streaming(&h, &pool)
	b.ReportAllocs()
	for b.Loop() {
		x.Write(chunk250[:4]) // as granian's writev, seen in parts
		x.Write(chunk250[4 : len(chunk250)-2])
		x.Write(chunk250[len(chunk250)-2:])
	}
}

func BenchmarkRequest(b *testing.B) {
	for _, cut := range []int{0, 24} {
		b.Run(fmt.Sprintf("cut=%d", cut), func(b *testing.B) {
			var pool Pool
			var h pieces
			var x Parser
			x.Init(&pool, event.Request, &h, false)
			b.ReportAllocs()
			for b.Loop() {
				x.Write(request[:cut])
				x.Write(request[cut:])
			}
			if h.ends < b.N {
				b.Fatal("requests lost")
			}
		})
	}
}

// BenchmarkSearch is the cost of a parser that is lost, per byte.
func BenchmarkSearch(b *testing.B) {
	text := []byte(strings.Repeat("data: {\"content\":\"GET / HTTP/1.1\"}\n\n", 1000))
	var pool Pool
	var x Parser
	x.Init(&pool, event.Request, &pieces{}, true)
	b.SetBytes(int64(len(text)))
	b.ReportAllocs()
	for b.Loop() {
		x.Write(text)
	}
}
