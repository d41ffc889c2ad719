// SPDX-License-Identifier: Apache-2.0

package record

import "slices"

// words is a sorted list that is matched one byte at a time.
type words []string

func list(s ...string) words {
	slices.Sort(s)
	return slices.Compact(s)
}

// matcher narrows words down to those that begin with the bytes seen.
type matcher struct {
	in     words
	lo, hi uint16
	n      uint16 // bytes matched
}

func (m *matcher) reset(in words) { *m = matcher{in: in, hi: uint16(len(in))} }

// next reports whether some word goes on with c. Once it does not, none does.
func (m *matcher) next(c byte) bool {
	for m.lo < m.hi && (len(m.in[m.lo]) <= int(m.n) || m.in[m.lo][m.n] < c) {
		m.lo++
	}
	for m.lo < m.hi && m.in[m.hi-1][m.n] > c {
		m.hi--
	}
	m.n++
	return m.lo < m.hi
}

// word returns the word that was matched as a whole, or "".
func (m *matcher) word() string {
	if m.lo < m.hi && len(m.in[m.lo]) == int(m.n) {
		return m.in[m.lo]
	}
	return ""
}

// other returns c, which stands for what no word goes on with, or another byte
// if a word would go on with that.
func (m matcher) other(c byte) byte {
	if m.next(c) {
		return 'z'
	}
	return c
}

// begins tells whether a word begins with c.
func (w words) begins(c byte) bool {
	var m matcher
	m.reset(w)
	return m.next(c)
}

// methods are those whose names are kept.
var methods = list("CONNECT", "DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT", "TRACE")

var versions = list("HTTP/1.0", "HTTP/1.1")

// keptFields have values that framing and measurement need.
var keptFields = list("accept", "accept-encoding", "connection", "content-encoding", "content-length", "content-type",
	"date", "expect", "host", "keep-alive", "server", "te", "traceparent", "trailer", "transfer-encoding", "upgrade")

// knownFields have names that give nothing away.
var knownFields = list(append([]string{"access-control-allow-origin", "age", "authorization", "cache-control", "cookie", "etag",
	"forwarded", "location", "openai-organization", "origin", "referer", "retry-after", "set-cookie", "user-agent", "vary", "via",
	"www-authenticate", "x-accel-buffering", "x-api-key", "x-forwarded-for", "x-forwarded-proto", "x-request-id"}, keptFields...)...)

var eventFields = list("data", "event", "id", "retry")

// eventNames are those that are looked at whatever the API: an error, and what
// Gradio's queue says by them.
var eventNames = list("complete", "error", "generating")

// literals are JSON's, Python's additions, and what ends an OpenAI stream.
var literals = list("DONE", "Infinity", "NaN", "false", "null", "true")

func (w words) has(s string) bool {
	_, ok := slices.BinarySearch(w, s)
	return ok
}
