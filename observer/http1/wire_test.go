// SPDX-License-Identifier: Apache-2.0

package http1

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"strings"
	"testing"

	"github.com/modeltap/modeltap/observer/event"
)

// nasty are streams that peers disagree about, or that a parser is easily
// wrong about. What net/http reads of each, we read; same says that we read no
// more either, and want what we read where net/http refuses.
var nasty = []struct {
	dir    event.Direction
	stream string
	want   string // "same", or the transcript of collector
}{
	// Framing fields that contradict or repeat one another.
	{event.Request, "POST / HTTP/1.1\r\nContent-Length: 3\r\nContent-Length: 3\r\n\r\nabcGET /2 HTTP/1.1\r\n\r\n", "same"},
	{event.Request, "POST / HTTP/1.1\r\nContent-Length: 3\r\nContent-Length: 4\r\n\r\nabcd", "same"},
	{event.Request, "POST / HTTP/1.1\r\nContent-Length: 3, 3\r\n\r\nabc", agreed("POST / 1.1", "abc")},
	{event.Request, "POST / HTTP/1.1\r\nContent-Length: 10\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\nGET /2 HTTP/1.1\r\n\r\n", "same"},
	{event.Request, "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\nContent-Length: 0\r\n\r\n1\r\na\r\n0\r\n\r\n", "same"},
	{event.Request, "POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\nContent-Length: 2\r\n\r\nabGET /2 HTTP/1.0\r\n\r\n", "same"},
	{event.Request, "POST / HTTP/1.1\r\nContent-Length: 00003\r\n\r\nabc", "same"},
	{event.Request, "POST / HTTP/1.1\r\nContent-Length: 0x3\r\n\r\nabc", "same"},
	{event.Request, "POST / HTTP/1.1\r\nContent-Length: 3 \r\n\r\nabc", "same"},
	{event.Request, "POST / HTTP/1.1\r\nContent-Length:\t3\t\r\n\r\nabc", "same"},
	{event.Request, "POST / HTTP/1.1\r\nTransfer-Encoding: xchunked\r\n\r\n0\r\n\r\n", "same"},
	{event.Request, "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", "same"},
	{event.Request, "POST / HTTP/1.1\r\nTransfer-Encoding:\r\n chunked\r\n\r\n1\r\na\r\n0\r\n\r\n", "same"},
	{event.Request, "POST / HTTP/1.1\r\nTransfer\r\n-Encoding: chunked\r\n\r\n0\r\n\r\n", "same"},
	// Lines.
	{event.Request, "GET / HTTP/1.1\nHost: a\n\nGET /2 HTTP/1.1\nHost: a\n\n", "same"},
	{event.Request, "GET / HTTP/1.1\r\nA: b\r\n\tc: d\r\n \r\nContent-Length: 1\r\n\r\nx", "same"},
	{event.Request, "\r\nGET / HTTP/1.1\r\n\r\n", agreed("GET / 1.1", "")},
	{event.Request, "GET / HTTP/1.1\r\n\r\n\r\n\r\nGET /2 HTTP/1.1\r\n\r\n", agreed("GET / 1.1", "") + agreed("GET /2 1.1", "")},
	{event.Request, "GET / HTTP/1.1\r\n:\r\n\r\n", "same"},
	{event.Request, "GET / HTTP/1.1\r\nA:\r\nB: \r\n\r\n", "same"},
	{event.Request, "GET / HTTP/1.1\r\n\x00\r\n\r\n", "same"},
	{event.Request, "GET\t/ HTTP/1.1\r\n\r\n", "same"},
	{event.Request, "GET /a#b?c HTTP/1.1\r\n\r\n", "same"},
	{event.Request, "get / HTTP/1.1\r\n\r\n", "same"},
	// Forms of the target (RFC 9112 section 3.2).
	{event.Request, "GET http://user@a:80/b?c=d HTTP/1.1\r\nHost: other\r\n\r\n", "same"},
	{event.Request, "OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n", "same"},
	{event.Request, "CONNECT a.example:443 HTTP/1.1\r\nHost: a.example:443\r\n\r\n", "same"},
	{event.Request, "GET //a///b/../c%2f%zz HTTP/1.1\r\n\r\n", agreed("GET //a///b/../c%2f%zz 1.1", "")},
	// Chunks.
	{event.Request, "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n3;a=b;c=\"d\"\r\nabc\r\n0;e\r\nX: y\r\nZ: w\r\n\r\nGET /2 HTTP/1.1\r\n\r\n", "same"},
	{event.Request, "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n03\r\nabc\r\n000\r\n\r\n", "same"},
	{event.Request, "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nA\r\n0\r\n\r\n\r\n\r\nx\r\n0\r\n\r\n", "same"},
	{event.Request, "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabcd\r\n0\r\n\r\n", "same"},
	{event.Request, "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabcX\n0\r\n\r\n", "same"},
	{event.Request, "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\rX0\r\n\r\n", "same"},
	{event.Request, "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n3\rXabc\r\n0\r\n\r\n", "same"},
	{event.Request, "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n3X\nabc\r\n0\r\n\r\n", "same"},
	{event.Request, "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n+3\r\nabc\r\n0\r\n\r\n", "same"},
	// Answers.
	{event.Response, "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 102 Processing\r\nA: b\r\n\r\nHTTP/1.1 103 \r\n\r\nHTTP/1.1 201 Created\r\nContent-Length: 2\r\n\r\nok", "same"},
	{event.Response, "HTTP/1.1 204 No Content\r\nTransfer-Encoding: chunked\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", "same"},
	{event.Response, "HTTP/1.1 304 Not Modified\r\nContent-Length: 500\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nx", "same"},
	{event.Response, "HTTP/1.1 200\r\nContent-Length: 1\r\n\r\nx", "same"},
	{event.Response, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n1\r\nx\r\n0\r\n\r\nHTTP/1.1 200 OK\r\n\r\nto the end", "same"},
	{event.Response, "HTTP/1.0 200 OK\r\nContent-Length: 3\r\n\r\nabcHTTP/1.0 200 OK\r\n\r\nabc", "same"},
	{event.Response, "HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n1\r\nx\r\n0\r\n\r\n", agreed("200 1.1", "x")},
}

func TestNastyStreams(t *testing.T) {
	for _, c := range nasty {
		p := []byte(c.stream)
		want := oracle(c.dir, p)
		got := ours(c.dir, p)
		if !strings.HasPrefix(got, want) {
			t.Errorf("%q\nnet/http %s\nours     %s", p, want, got)
		}
		if c.want != "same" {
			want = c.want
		}
		if got != want {
			t.Errorf("%q\ngot  %s\nwant %s", p, got, want)
		}
		for i := range p {
			if cut := ours(c.dir, p[:i], p[i:]); cut != got {
				t.Errorf("%q cut at %d\ngot  %s\nwant %s", p, i, cut, got)
			}
		}
	}
}

// methodsOf tells the parser of the answers which request each is for.
type methodsOf struct {
	collector
	methods []string
}

func (m *methodsOf) Head(h *Head) Framing {
	if h.Status < 200 {
		return AsFramed
	}
	method := m.methods[0]
	m.methods = m.methods[1:]
	if m.collector.Head(h); method == "HEAD" {
		return NoBody
	}
	return AsFramed
}

// TestAnswersByMethod composes pipelined answers at random, with interim ones
// between, and holds the bodies to those that net/http reads for the method.
func TestAnswersByMethod(t *testing.T) {
	rnd := rand.New(rand.NewPCG(4, 1))
	for range 3000 {
		var b strings.Builder
		var methods []string
		for range 1 + rnd.IntN(6) {
			for range rnd.IntN(3) {
				b.WriteString([]string{"HTTP/1.1 100 Continue\r\n\r\n", "HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n"}[rnd.IntN(2)])
			}
			method := []string{"GET", "HEAD", "POST"}[rnd.IntN(3)]
			status := []int{200, 204, 304, 404, 500}[rnd.IntN(5)]
			body := strings.Repeat("b", rnd.IntN(20))
			if method == "HEAD" || status == 204 || status == 304 {
				body = ""
			}
			fmt.Fprintf(&b, "HTTP/1.1 %d X\r\n", status)
			switch {
			case rnd.IntN(2) == 0 && body != "":
				b.WriteString("Transfer-Encoding: chunked\r\n\r\n" + pieced(body, 1+rnd.IntN(9)) + "0\r\n\r\n")
			case body == "" && rnd.IntN(2) == 0 && status != 204: // of the body that is not sent
				b.WriteString("Content-Length: 17\r\n\r\n")
				if method != "HEAD" && status != 304 {
					b.WriteString(strings.Repeat("c", 17))
				}
			default:
				fmt.Fprintf(&b, "Content-Length: %d\r\n\r\n%s", len(body), body)
			}
			methods = append(methods, method)
		}
		p := []byte(b.String())
		r := bufio.NewReader(bytes.NewReader(p))
		want := ""
		for _, m := range methods {
			answer, err := http.ReadResponse(r, &http.Request{Method: m})
			for err == nil && answer.StatusCode < 200 {
				answer, err = http.ReadResponse(r, &http.Request{Method: m})
			}
			if err != nil {
				t.Fatalf("net/http does not read %q: %v", p, err)
			}
			body, err := io.ReadAll(answer.Body)
			if err != nil {
				t.Fatalf("net/http does not read %q: %v", p, err)
			}
			want += agreed(fmt.Sprintf("%d 1.1", answer.StatusCode), string(body))
		}
		var pool Pool
		var x Parser
		c := methodsOf{methods: methods}
		x.Init(&pool, event.Response, &c, false)
		for _, piece := range cuts(p, rnd.Uint64()) {
			x.Write(piece)
		}
		if got := c.out.String(); got != want {
			t.Fatalf("%q to %v\ngot  %s\nwant %s", p, methods, got, want)
		}
	}
}

// facts are what is read off a head beside its framing.
type facts struct {
	pieces
	said []string
}

func (f *facts) Head(h *Head) Framing {
	value := func(name string) string { v, _ := h.Field(name); return string(v) }
	f.said = append(f.said, fmt.Sprintf("%s %s host=%q type=%q encoding=%q parent=%q close=%v expect=%v length=%d chunked=%v x=%q",
		h.Method, h.Target, h.Host, h.ContentType, h.ContentEncoding, h.TraceParent, h.Close, h.ExpectContinue, h.ContentLength, h.Streamed, value("x-some-name")))
	return AsFramed
}

// TestWhatNetHTTPWrites sends requests with net/http's own writer and reads
// every fact back.
func TestWhatNetHTTPWrites(t *testing.T) {
	rnd := rand.New(rand.NewPCG(5, 1))
	for range 2000 {
		body := strings.Repeat("x", rnd.IntN(100))
		method := []string{"POST", "PUT", "GET"}[rnd.IntN(3)]
		var r io.Reader
		length := int64(-1)
		if method != "GET" {
			r = strings.NewReader(body)
			length = int64(len(body))
		}
		chunks := method != "GET" && rnd.IntN(2) == 0
		if chunks {
			r, length = io.MultiReader(r), -1
			chunks = body != "" // net/http looks whether there is a first byte
			if !chunks {
				continue
			}
		}
		q, err := http.NewRequest(method, fmt.Sprintf("http://host%d:80/path/%d?q=%d", rnd.IntN(9), rnd.IntN(9), rnd.IntN(9)), r)
		if err != nil {
			t.Fatal(err)
		}
		q.Close = rnd.IntN(2) == 0
		set := func(name, value string) string {
			if rnd.IntN(2) == 0 {
				return ""
			}
			q.Header.Set(name, value)
			return value
		}
		kind := set("Content-Type", "application/json; charset=utf-8")
		encoding := set("Content-Encoding", "gzip")
		parent := set("Traceparent", "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01")
		other := set("X-Some-Name", "some: value, \"quoted\"")
		expects := set("Expect", "100-continue") != ""
		var wire bytes.Buffer
		if err := q.Write(&wire); err != nil {
			t.Fatal(err)
		}
		want := fmt.Sprintf("%s %s host=%q type=%q encoding=%q parent=%q close=%v expect=%v length=%d chunked=%v x=%q",
			method, q.URL.RequestURI(), q.URL.Host, kind, encoding, parent, q.Close, expects, length, chunks, other)
		for _, pieces := range [][][]byte{{wire.Bytes()}, cuts(wire.Bytes(), rnd.Uint64())} {
			var pool Pool
			var x Parser
			var f facts
			x.Init(&pool, event.Request, &f, false)
			for _, p := range pieces {
				x.Write(p)
			}
			if len(f.said) != 1 || f.said[0] != want || f.ends != 1 {
				t.Fatalf("%q\ngot  %q\nwant %q", wire.String(), f.said, want)
			}
		}
	}
}
