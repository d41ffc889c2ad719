// SPDX-License-Identifier: Apache-2.0

package sniff

import (
	"strings"
	"testing"
)

var openings = []struct {
	name, bytes string
	want        Verdict
	size        int // of a preamble
	within      int // bytes that must suffice
}{
	{"a request", "POST /x HTTP/1.1\r\n", HTTP1, 0, 2},
	{"PUT", "PUT /x HTTP/1.1\r\n", HTTP1, 0, 2},
	{"PROPFIND", "PROPFIND /x HTTP/1.1\r\n", HTTP1, 0, 4},
	{"a method PRIX", "PRIX /x HTTP/1.1\r\n", HTTP1, 0, 4},
	{"a method PROXY", "PROXY /x HTTP/1.1\r\n", HTTP1, 0, 7},
	{"HTTP/2", preface, HTTP2, 0, len(preface)},
	{"TLS", "\x16\x03\x01\x02\x00\x01", TLS, 0, 2},
	{"nearly TLS", "\x16\x02\x01\x02\x00\x01", Unknown, 0, 2},
	{"lower case", "get / HTTP/1.1\r\n", Unknown, 0, 1},
	{"an empty line", "\r\nPOST / HTTP/1.1\r\n", Preamble, 2, 3},
	{"empty lines", "\r\n\r\n\r\nPOST / HTTP/1.1\r\n", Preamble, 6, 5},
	{"version 1", "PROXY TCP4 192.0.2.1 192.0.2.2 1 2\r\nPOST", Preamble, 36, 36},
	{"version 1 that does not end", "PROXY TCP4 " + strings.Repeat("1", 200) + "\r\n", HTTP1, 0, 107},
	{"version 1, other family", "PROXY UDP4 192.0.2.1 192.0.2.2 1 2\r\n", HTTP1, 0, 8},
	{"version 2", proxySignature + "\x21\x11\x00\x0c" + strings.Repeat("a", 12), Preamble, 28, 16},
	{"version 2, longest", proxySignature + "\x20\x00\xff\xff", Preamble, 16 + 65535, 16},
	{"version 3", proxySignature + "\x31\x11\x00\x0c" + strings.Repeat("a", 12), Preamble, 4, 16},
	{"version 2, command 2", proxySignature + "\x22\x11\x00\x0c" + strings.Repeat("a", 12), Preamble, 4, 16},
}

// TestClient: what a beginning tells it tells as soon as it can, and says never
// anything else before.
func TestClient(t *testing.T) {
	for _, c := range openings {
		for n := range len(c.bytes) + 1 {
			v, size := Client([]byte(c.bytes)[:n:n], true)
			switch {
			case n < c.within && v == More && size == 0:
			case v == Preamble && c.want == Preamble && size == min(c.size, max(n, c.within)): // some of the empty lines
			case v == c.want && size == c.size:
			default:
				t.Errorf("%s, %d bytes of it: %d and %d, want %d and %d", c.name, n, v, size, c.want, c.size)
			}
			if n >= c.within && n > 0 && v == More {
				t.Errorf("%s: %d bytes tell nothing", c.name, n)
			}
		}
	}
	if v, n := Client([]byte(proxySignature+"\x21\x11\x00\x00"), false); v != Preamble || n != 4 {
		t.Errorf("a second signature: %d, %d; it is empty lines and what nobody knows", v, n)
	}
}

func TestServer(t *testing.T) {
	for s, want := range map[string]Verdict{
		"\x00\x00\x00\x04\x00\x00\x00\x00\x00":                         HTTP2,
		"\x00\x00\x2a\x04\x00\x00\x00\x00\x00\x00\x01\x00\x00\x10\x00": HTTP2,
		"\x00\x00\x2b\x04\x00\x00\x00\x00\x00":                         Unknown, // no multiple of 6
		"\x00\x00\x00\x04\x01\x00\x00\x00\x00":                         Unknown, // an acknowledgment
		"\x00\x00\x00\x04\x00\x00\x00\x00\x01":                         Unknown, // of a stream
		"\x00\x00\x04\x08\x00\x00\x00\x00\x00":                         Unknown,
		"HTTP/1.1 408 Request Timeout\r\n":                             HTTP1,
		"220 mail ESMTP\r\n":                                           Unknown,
		"\x4a\x00\x00\x00\x0a8.0.36":                                   Unknown,
	} {
		for n := range len(s) + 1 {
			if v := Server([]byte(s)[:n:n]); v != want && v != More || n >= 9 && v == More || n == 0 && v != More {
				t.Errorf("%q: %d, want %d", s[:n], v, want)
			}
		}
	}
}
