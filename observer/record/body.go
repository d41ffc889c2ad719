// SPDX-License-Identifier: Apache-2.0

package record

import (
	"bytes"
	"mime"
	"strings"

	"github.com/modeltap/modeltap/observer/http1"
)

type kind uint8

const (
	binary kind = iota
	text
	document // JSON, one after another, or text if it turns out to be none
	lines    // JSON documents ended by a line end or NUL
	events   // server-sent events
)

// kindOf returns what a head says of the body behind it.
func kindOf(h *http1.Head) kind {
	if e := bytes.ToLower(h.ContentEncoding); len(e) > 0 && string(e) != "identity" {
		return binary
	}
	media, _, _ := mime.ParseMediaType(string(h.ContentType))
	switch {
	case len(h.ContentType) == 0:
		return document
	case media == "":
		return binary
	case media == "text/event-stream":
		return events
	case strings.HasSuffix(media, "ndjson"), strings.HasSuffix(media, "jsonl"), strings.HasSuffix(media, "jsonlines"),
		strings.HasSuffix(media, "json-seq"):
		return lines
	case strings.HasSuffix(media, "json"), media == "application/x-www-form-urlencoded":
		// curl -d calls JSON a form.
		return document
	case strings.HasPrefix(media, "text/"):
		return text
	}
	return binary
}

// bodyMask masks one message body, one byte at a time. Its first bytes tell
// what it is; what the head says holds where they do not look like JSON or
// events.
type bodyMask struct {
	json  jsonMask
	sse   eventMask
	about about
	kind  kind
	said  kind // by the head
	begun bool // the first byte that is no white space has come
	first bool // in the name of what may be the first field of an event
	long  bool // a document went over the end of its line
}

// about is what is known of the API that a body is of.
type about struct {
	tree  tree // what is kept of its documents
	known bool // somebody published the API
	// foreign tells whether a body in events, or in lines, is of another API,
	// and other what is kept then. Nil never is.
	foreign func(events, lines bool) bool
	other   tree
}

func (b *bodyMask) reset(k kind, a about) {
	*b = bodyMask{kind: k, said: k, about: a}
	b.json.begin(a.tree)
}

// lose says that bytes of the body are missing.
func (b *bodyMask) lose() {
	if !b.begun {
		b.become(b.said)
	}
	b.first = false
	b.json.lose()
	b.sse.lose()
}

// next returns what replaces c.
func (b *bodyMask) next(c byte) byte {
	if !b.begun {
		if b.said != binary && (c == ' ' || c == '\t' || c == '\r' || c == '\n') {
			return c
		}
		b.begin(c)
	}
	switch b.kind {
	case binary:
		return 0
	case events:
		out := b.sse.next(c, &b.json)
		if b.first && b.sse.at != inField {
			b.first = false
			if b.sse.at == inOther && c != ':' {
				b.become(b.said) // it was no field
				b.json.lose()
			}
		}
		return out
	case lines:
		if c == '\n' || c == 0 {
			b.endLine()
		}
	}
	if (c == 0 || c == 0x1e) && b.json.whole() { // RFC 7464 section 2.2
		return c
	}
	return b.json.next(c)
}

// begin decides by the first byte what the body is.
func (b *bodyMask) begin(c byte) {
	switch {
	case c == '{' || c == '[':
		if b.said == lines {
			b.become(lines)
		} else {
			b.become(document)
		}
	case b.said != events && (c == ':' || eventFields.begins(c)):
		b.become(events)
		b.first = c != ':'
	default:
		b.become(b.said)
		if b.said == text {
			b.json.lose()
		}
	}
}

func (b *bodyMask) become(k kind) {
	b.kind, b.begun = k, true
	if f := b.about.foreign; f != nil && f(k == events, k == lines) {
		b.about.known = false
		b.json.begin(b.about.other)
	}
	b.sse.known = b.about.known
}

// endLine ends a line of JSON. Behind a document that goes over more lines and
// turns out to be none, nobody knows where in it the next line stands.
func (b *bodyMask) endLine() {
	if !b.json.lost() {
		b.long = b.long || !b.json.whole()
	} else if !b.long {
		b.json.reset()
	}
}
