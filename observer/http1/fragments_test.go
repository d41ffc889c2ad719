// SPDX-License-Identifier: Apache-2.0

package http1

import (
	"strings"
	"testing"
)

// fragments are what FuzzFragments builds streams of, so that it spends its
// time on combinations near to HTTP.
var fragments = []string{
	"GET / HTTP/1.1\r\n", "POST /a?b=c HTTP/1.1\r\n", "HEAD * HTTP/1.0\r\n", "CONNECT a:1 HTTP/1.1\r\n", "PUT ", "/x", " HTTP/1.1", "HTTP/1.0",
	"HTTP/1.1 200 OK\r\n", "HTTP/1.1 204 No Content\r\n", "HTTP/1.1 304 \r\n", "HTTP/1.1 100 Continue\r\n", "HTTP/1.1 101 Go\r\n",
	"HTTP/1.0 200 OK\r\n", "HTTP/1.1  404\r\n", "HTTP/1.1 ", "500",
	"Content-Length: 0\r\n", "Content-Length: 3\r\n", "content-length:10\r\n", "Content-Length: ", "Content-Length : 3\r\n",
	"Transfer-Encoding: chunked\r\n", "transfer-encoding:CHUNKED \r\n", "Transfer-Encoding: gzip, chunked\r\n", "Transfer-Encoding: identity\r\n",
	"Transfer-Encoding: ", "Connection: close\r\n", "Host: a\r\n", "Host: b\r\n", "X: y\r\n", "Trailer: X\r\n", "X y: z\r\n", "Expect: 100-continue\r\n",
	"\r\n", "\n", "\r", " ", "\t", ":", ",", ";", "0", "1", "3", "A", "a", "f", "10", "00", "abc", "abc\r\n", "0123456789abcdef",
	"0\r\n\r\n", "0\r\n", "3\r\nabc\r\n", "a;x=y\r\n0123456789\r\n", "3\nabc\n", "03 \r\nabc\r\n", "\x00", "\x80", "\x7f", "chunked", "gzip",
}

func FuzzFragments(f *testing.F) {
	pick := func(names ...string) []byte {
		var out []byte
		for _, n := range names {
			for i, s := range fragments {
				if s == n {
					out = append(out, byte(i))
				}
			}
		}
		return out
	}
	f.Add(false, pick("POST /a?b=c HTTP/1.1\r\n", "Transfer-Encoding: chunked\r\n", "\r\n", "3\r\nabc\r\n", "0\r\n\r\n", "GET / HTTP/1.1\r\n", "\r\n"), uint64(1))
	f.Add(true, pick("HTTP/1.1 200 OK\r\n", "Content-Length: 3\r\n", "Content-Length: 3\r\n", "\r\n", "abc", "HTTP/1.0 200 OK\r\n", "\r\n", "abc"), uint64(2))
	f.Add(true, pick("HTTP/1.1 100 Continue\r\n", "\r\n", "HTTP/1.1 204 No Content\r\n", "Transfer-Encoding: chunked\r\n", "\r\n"), uint64(3))
	f.Add(false, pick("PUT ", "/x", " HTTP/1.1", "\n", "X: y\r\n", " ", "A", "\n", "Transfer-Encoding: ", "\r\n", "\t", "chunked", "\r\n", "\r\n", "0\r\n", "X: y\r\n", "\r\n"), uint64(4))
	f.Fuzz(func(t *testing.T, response bool, picks []byte, s uint64) {
		var b strings.Builder
		for _, i := range picks {
			b.WriteString(fragments[int(i)%len(fragments)])
		}
		p := []byte(b.String())
		d := direction(response)
		want, got := oracle(d, p), ours(d, p)
		if !strings.HasPrefix(got, want) {
			t.Errorf("input %q\nnet/http %s\nours     %s", p, want, got)
		}
		if split := ours(d, cuts(p, s)...); split != got {
			t.Errorf("input %q\nwhole %s\nsplit %s", p, got, split)
		}
	})
}
