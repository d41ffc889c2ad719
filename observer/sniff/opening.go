// SPDX-License-Identifier: Apache-2.0

package sniff

// Longest is the number of bytes, from the first, within which Client and
// Server decide.
const Longest = proxyLine

// preface is how an HTTP/2 client begins (RFC 9113 section 3.4).
const preface = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"

// Client tells what a connection speaks on which the client's first bytes are
// b. Of a Preamble it returns the size, which may exceed len(b); b is then to be
// taken from its end on. With first set nothing has been passed over before.
func Client(b []byte, first bool) (Verdict, int) {
	if first {
		if v, n := proxyHeader(b); v != Unknown {
			return v, n
		}
	}
	n := 0
	for n < len(b) && (b[n] == '\r' || b[n] == '\n') {
		n++
	}
	switch {
	case n > 0:
		// Servers pass over empty lines before a request (RFC 9112 section 2.2).
		return Preamble, n
	case len(b) == 0:
		return More, 0
	case b[0] == recordHandshake:
		return hello(b), 0
	case begins(b, preface):
		return whole(b, preface, HTTP2), 0
	case b[0] >= 'A' && b[0] <= 'Z':
		// All registered methods are upper case (RFC 9110 section 16.1).
		return HTTP1, 0
	}
	return Unknown, 0
}

// Server tells what a connection speaks on which the server's first bytes are b
// and nothing of the client's was seen. An HTTP/1 server says something before
// a request when it is tired of waiting for one (408).
func Server(b []byte) Verdict {
	switch {
	case len(b) == 0:
		return More
	case begins(b, "HTTP/1."):
		return whole(b, "HTTP/1.", HTTP1)
	}
	return Settings(b)
}

// Settings tells whether b begins as an HTTP/2 server does, before or after it
// has heard of its client (RFC 9113 section 3.4): HTTP2, More or Unknown.
func Settings(b []byte) Verdict {
	const size = len("\x00\x00\x00\x04\x00\x00\x00\x00\x00")
	for i, c := range b[:min(len(b), size)] {
		switch i {
		case 1, 2: // the length
		case 3:
			if c != frameSettings || (int(b[1])<<8|int(b[2]))%6 != 0 {
				return Unknown
			}
		default:
			if c != 0 {
				return Unknown
			}
		}
	}
	if len(b) < size {
		return More
	}
	return HTTP2
}

// begins reports whether one of b and s begins with the other.
func begins(b []byte, s string) bool {
	n := min(len(b), len(s))
	return string(b[:n]) == s[:n]
}

// whole returns v if all of s is in b, which it begins.
func whole(b []byte, s string, v Verdict) Verdict {
	if len(b) < len(s) {
		return More
	}
	return v
}
