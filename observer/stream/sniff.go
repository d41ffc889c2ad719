// SPDX-License-Identifier: Apache-2.0

package stream

import (
	"bytes"

	"github.com/modeltap/modeltap/observer/event"
	"github.com/modeltap/modeltap/observer/llm"
)

// recordHandshake is the content type of a TLS record that opens a connection
// (RFC 8446 section 5.1), followed by the major version 3.
const recordHandshake = 0x16

// sniff decides by the first bytes of a connection what is spoken on it.
func (c *Conn) sniff(d event.Direction, m event.Mark, p []byte) {
	if !c.whole {
		// Anything may stand in the middle of HTTP: the parsers look for the
		// next message head.
		x := c.shard.http1(c)
		c.proto = x
		x.joined(d, m, p)
		return
	}
	switch {
	case d == event.Response:
		// HTTP/1 servers never speak first.
		c.refuse(event.UnobservedUnknown)
	case p[0] == recordHandshake && (len(p) < 2 || p[1] == 3):
		c.refuse(event.UnobservedTLS)
	case bytes.HasPrefix(p, []byte("PRI * HTTP/2")):
		c.refuse(event.UnobservedHTTP2)
	case isMethod(p[0]):
		c.proto = c.shard.http1(c)
	default:
		c.refuse(event.UnobservedUnknown)
	}
}

// joined counts the exchange in whose answer the observation of a connection
// began.
func (x *http1Conn) joined(d event.Direction, m event.Mark, p []byte) {
	c := x.conn
	if x.orphan || d != event.Response || bytes.HasPrefix(p, []byte("HTTP/1.")) || !c.server.Explicit {
		return
	}
	x.orphan = true
	c.shard.LLM.Open(c.server.Label(), llm.Generic(), m.Time, false).Abort(m.Time, event.Incomplete)
}

// isMethod tells whether b can begin a method that an HTTP client uses; all
// registered ones are upper case (RFC 9110 section 16.1).
func isMethod(b byte) bool { return b >= 'A' && b <= 'Z' }
