// SPDX-License-Identifier: Apache-2.0

// Package message is what requests and answers have in common, whatever
// protocol carries them.
package message

// Head is what a request or an answer says before its body. Its slices live as
// long as whoever hands it over says.
type Head struct {
	Method []byte // of a request
	Target []byte // of a request: path and query, as sent
	Status int    // of an answer, 100 to 999

	ContentLength int64 // bytes, -1 where the head states none
	// Streamed says that the body comes in parts and ends with the last of
	// them: chunks (RFC 9112 section 7.1), DATA frames (RFC 9113 section 8.1).
	Streamed bool

	ContentType     []byte // nil where absent, as all below
	ContentEncoding []byte
	TraceParent     []byte // W3C Trace Context section 3.2
}
