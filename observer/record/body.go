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
	document // JSON, or text if it turns out to be none
	lines    // JSON documents ended by a line end or NUL
	events   // server-sent events
)

// kindOf decides how the body after h is masked.
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

// bodyMask masks one message body, one byte at a time.
type bodyMask struct {
	kind kind
	json jsonMask
	sse  eventMask
}

func (b *bodyMask) reset(k kind) {
	*b = bodyMask{kind: k}
	if k == text {
		b.json.lose()
	}
}

// lose says that bytes of the body are missing.
func (b *bodyMask) lose() {
	b.json.lose()
	b.sse.lose()
}

// next returns what replaces c.
func (b *bodyMask) next(c byte) byte {
	switch b.kind {
	case binary:
		return 0
	case events:
		return b.sse.next(c, &b.json)
	case lines:
		if c == '\n' || c == 0 {
			b.json.reset()
			return c
		}
	}
	return b.json.next(c)
}
