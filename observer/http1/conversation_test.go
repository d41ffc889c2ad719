// SPDX-License-Identifier: Apache-2.0

package http1

import (
	"strings"
	"testing"

	"github.com/modeltap/modeltap/observer/event"
)

// conversation is one direction as a server stack or client writes it.
type conversation struct {
	name    string
	dir     event.Direction
	stream  string
	framing func(*Head) Framing
	want    []string
}

const (
	event1 = "data: {\"choices\":[{\"delta\":{\"content\":\"Hé\"}}]}\n\n" // 49 bytes
	done   = "data: [DONE]\n\n"                                           // 14 bytes
)

func noBody(*Head) Framing { return NoBody }

var conversations = []conversation{
	{"uvicorn", event.Response,
		"HTTP/1.1 200 OK\r\ndate: Sat, 21 Nov 2026 10:00:00 GMT\r\nserver: uvicorn\r\ncontent-type: text/event-stream; charset=utf-8\r\ntransfer-encoding: chunked\r\n\r\n" +
			"31\r\n" + event1 + "\r\ne\r\n" + done + "\r\n0\r\n\r\n",
		nil, []string{`response 200 1.1 length=-1 chunked=true type="text/event-stream; charset=utf-8"`,
			quoted(event1), "chunk", quoted(done), "chunk", "end true"}},
	{"granian upper case hex", event.Response,
		"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nE\r\n" + done + "\r\n0\r\n\r\n",
		nil, []string{`response 200 1.1 length=-1 chunked=true type=""`, quoted(done), "chunk", "end true"}},
	{"hypercorn empty reason", event.Response,
		"HTTP/1.1 200 \r\ncontent-length: 2\r\ncontent-type: application/json\r\n\r\n{}",
		nil, []string{`response 200 1.1 length=2 chunked=false type="application/json"`, `body "{}"`, "end true"}},
	{"gunicorn close", event.Response,
		"HTTP/1.1 200 OK\r\nServer: gunicorn\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\n000A\r\n0123456789\r\n0\r\n\r\n",
		nil, []string{`response 200 1.1 length=-1 chunked=true type=""`, `body "0123456789"`, "chunk", "end true"}},
	{"llama-server empty value", event.Response,
		"HTTP/1.1 200 OK\r\nAccess-Control-Allow-Origin: \r\nKeep-Alive: timeout=5, max=100\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n:\n\r\n0\r\n\r\n",
		nil, []string{`response 200 1.1 length=-1 chunked=true type=""`, `body ":\n"`, "chunk", "end true"}},
	{"close-delimited", event.Response, "HTTP/1.0 200 OK\r\nContent-Type: text/plain\r\n\r\nas long as it lasts",
		nil, []string{`response 200 1.0 length=-1 chunked=false type="text/plain"`, `body "as long as it lasts"`, "end true"}},
	{"keep-alive, 304, 204, 404", event.Response,
		"HTTP/1.1 304 Not Modified\r\nContent-Length: 12\r\n\r\nHTTP/1.1 204 No Content\r\n\r\n\r\nHTTP/1.1 404 Not Found\r\nContent-Length: 1\r\n\r\nx",
		nil, []string{`response 304 1.1 length=12 chunked=false type=""`, "end true", `response 204 1.1 length=-1 chunked=false type=""`,
			"end true", `response 404 1.1 length=1 chunked=false type=""`, `body "x"`, "end true"}},
	{"100 then 200", event.Response, "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n",
		nil, []string{`response 100 1.1 length=-1 chunked=false type=""`, `response 103 1.1 length=-1 chunked=false type=""`,
			`response 200 1.1 length=0 chunked=false type=""`, "end true"}},
	{"answers to HEAD", event.Response, "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nHTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n",
		noBody, []string{`response 200 1.1 length=10 chunked=false type=""`, "end true", `response 200 1.1 length=-1 chunked=true type=""`, "end true"}},
	{"upgrade", event.Response, "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n\x81\x05hello",
		nil, []string{`response 101 1.1 length=-1 chunked=false type=""`}},
	{"extensions, trailers, folds, bare LF", event.Response,
		"HTTP/1.1 200 OK\nX-Long: a\r\n\tb: c\nTransfer-Encoding:\r\n  chunked\n\n5 ;a=\"b\"\r\nhello\r\n00;last\r\nX-Sum: 1\r\nX-Other: 2\n\r\n",
		nil, []string{`response 200 1.1 length=-1 chunked=true type=""`, `body "hello"`, "chunk", "end true"}},
	{"requests", event.Request,
		"POST /v1/chat/completions HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{}" +
			"GET /health HTTP/1.1\r\nHost: a\r\n\r\n\r\n" +
			"POST /up?q=1 HTTP/1.1\r\nHOST:a\r\nTRANSFER-ENCODING: Chunked\r\nContent-Length: 9\r\n\r\n3\r\nabc\r\n0\r\n\r\n" +
			"OPTIONS * HTTP/1.0\r\n\r\n",
		nil, []string{`request POST /v1/chat/completions 1.1 length=2 chunked=false type="application/json"`, `body "{}"`, "end true",
			`request GET /health 1.1 length=-1 chunked=false type=""`, "end true",
			`request POST /up?q=1 1.1 length=-1 chunked=true type=""`, `body "abc"`, "chunk", "end true",
			`request OPTIONS * 1.0 length=-1 chunked=false type=""`, "end true"}},
	{"connect", event.Request, "CONNECT db:5432 HTTP/1.1\r\nHost: db:5432\r\n\r\n\x00\x01\x02",
		func(*Head) Framing { return Tunnel }, []string{`request CONNECT db:5432 1.1 length=-1 chunked=false type=""`}},
}

func quoted(s string) string {
	var t transcript
	t.body.WriteString(s)
	return t.String()
}

func TestConversations(t *testing.T) {
	for _, c := range conversations {
		t.Run(c.name, func(t *testing.T) {
			check(t, parse(t, c.dir, c.framing, c.stream), c.want...)
		})
	}
}

func TestSplitAnywhere(t *testing.T) {
	for _, c := range conversations {
		t.Run(c.name, func(t *testing.T) {
			for i := range len(c.stream) {
				check(t, parse(t, c.dir, c.framing, c.stream[:i], c.stream[i:]), c.want...)
				if t.Failed() {
					t.Fatalf("split at %d, after %q", i, c.stream[:i])
				}
			}
			check(t, parse(t, c.dir, c.framing, bytewise(c.stream)...), c.want...)
		})
	}
}

func TestSplitTwice(t *testing.T) {
	c := conversations[0]
	for i := range len(c.stream) {
		for j := i; j < len(c.stream); j++ {
			check(t, parse(t, c.dir, nil, c.stream[:i], c.stream[i:j], c.stream[j:]), c.want...)
			if t.Failed() {
				t.Fatalf("split at %d and %d", i, j)
			}
		}
	}
}

func TestWholeChunkIsOneSlice(t *testing.T) {
	var pool Pool
	var x Parser
	count := pieces{}
	x.Init(&pool, event.Response, &count, false)
	x.Write([]byte("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"))
	chunk := []byte("31\r\n" + event1 + "\r\n")
	x.Write(chunk)
	x.Write([]byte(strings.Repeat(string(chunk), 2)))
	if count.body != 3 || count.chunks != 3 {
		t.Errorf("%d pieces in %d chunks, want 3 in 3", count.body, count.chunks)
	}
}

// pieces counts calls and keeps nothing.
type pieces struct {
	heads, body, chunks, ends int
	framing                   Framing
}

func (c *pieces) Begin()                 {}
func (c *pieces) Head(*Head) Framing     { c.heads++; return c.framing }
func (c *pieces) Body([]byte)            { c.body++ }
func (c *pieces) BodySkip(int)           {}
func (c *pieces) BodyGap(int)            {}
func (c *pieces) ChunkEnd()              { c.chunks++ }
func (c *pieces) End(bool)               { c.ends++ }
func (c *pieces) Lost(event.ParseReason) {}
