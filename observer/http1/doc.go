// SPDX-License-Identifier: Apache-2.0

// Package http1 is a push parser for one direction of an HTTP/1 connection
// that somebody else is having. It consumes bytes as they are captured, in
// pieces of any size, never blocks and never fails: bytes that cannot be
// understood lead to a Lost call and to a search for the next message.
//
// A passive observer must follow what real peers accept, because rejecting a
// message that the server answers would hide it. Beyond RFC 9112 the parser
// therefore tolerates:
//
//   - blank lines before any message head (section 2.2 asks this of servers),
//     and a bare LF wherever CRLF belongs;
//   - obs-fold and white space in header values, spaces inside field names
//     (such a field is never one that the framing looks at), control
//     characters other than NUL and CR in values, octets from 0x80 anywhere;
//   - several spaces before the status code and no reason phrase at all;
//   - white space after a chunk size, and any number of leading zeros;
//   - a list of equal values in Content-Length;
//   - trailer sections whose lines are not header fields.
//
// It refuses what no two peers would read alike: a Content-Length that is no
// number or has two values, a request whose last transfer coding is not
// chunked, chunked named twice, versions other than HTTP/1.x, and status codes
// below 100. As in RFC 9112 section 6.3 and net/http, Transfer-Encoding wins
// over Content-Length and counts from HTTP/1.1 on only.
//
// After a loss, or when joined in the middle, the parser looks for the next
// head at the start of a Write or of a line, and is stricter: see Init.
package http1
