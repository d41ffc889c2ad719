// SPDX-License-Identifier: Apache-2.0

package stream

import (
	"github.com/modeltap/modeltap/observer/event"
	"github.com/modeltap/modeltap/observer/sniff"
	"github.com/modeltap/modeltap/observer/tcp"
)

// opening is the beginning of a connection whose first bytes have not told yet
// what is spoken on it.
type opening struct {
	conn  *Conn
	first [2]head // of each direction
	pass  int     // bytes of a preamble to come
	begun bool    // the client's first bytes have been passed over
}

// head is what pieces are too small to tell. It lies in at most sniff.Longest
// bytes, all as if they had come with the first of them.
type head struct {
	bytes []byte
	mark  event.Mark
}

// sniff decides by the first bytes of a connection what is spoken on it.
func (c *Conn) sniff(d event.Direction, p []byte) {
	if !c.whole {
		c.proto = c.shard.joined(c)
		return
	}
	if d == event.Request {
		// Nearly every connection begins like that.
		if v, _ := sniff.Client(p, true); v == sniff.HTTP1 {
			c.proto = c.shard.http1(c)
			return
		}
	}
	c.proto = &opening{conn: c}
}

func (o *opening) data(d event.Direction, m event.Mark, p []byte) {
	h := &o.first[d]
	for {
		if d == event.Request {
			n := min(o.pass, len(p))
			p, o.pass = p[n:], o.pass-n
		}
		if len(p) == 0 {
			return
		}
		b := p
		if len(h.bytes) > 0 {
			b = append(h.bytes, p[:min(len(p), sniff.Longest)]...)
		}
		v, n := o.look(d, b)
		switch v {
		case sniff.More:
			if len(h.bytes) == 0 {
				h.mark = m
			}
			h.bytes = append(h.bytes, p...)
			return
		case sniff.Preamble:
			o.pass, o.begun = n-len(h.bytes), true
			h.bytes = nil
		default:
			o.decide(v, d, m, p)
			return
		}
	}
}

func (o *opening) look(d event.Direction, b []byte) (sniff.Verdict, int) {
	if d == event.Response {
		return sniff.Server(b), 0
	}
	return sniff.Client(b, !o.begun)
}

// decide hands the connection over, with what is held of it and p.
func (o *opening) decide(v sniff.Verdict, d event.Direction, m event.Mark, p []byte) {
	c := o.conn
	switch {
	case v != sniff.HTTP1:
		c.refuse(reasons[v])
	case d == event.Response:
		// It answers what capture did not see.
		c.whole = false
		c.proto = c.shard.joined(c)
	default:
		c.proto = c.shard.http1(c)
	}
	o.release()
	c.proto.data(d, m, p)
}

// release hands over what is held.
func (o *opening) release() {
	for d, h := range o.first {
		if len(h.bytes) > 0 {
			o.conn.proto.data(event.Direction(d), h.mark, h.bytes)
		}
	}
}

var reasons = [...]event.Unobserved{
	sniff.HTTP2: event.UnobservedHTTP2, sniff.WebSocket: event.UnobservedWebSocket,
	sniff.TLS: event.UnobservedTLS, sniff.Unknown: event.UnobservedUnknown,
}

func (o *opening) skip(d event.Direction, m event.Mark, n int) {
	if o.missing(d, n) {
		o.conn.proto.skip(d, m, n)
	}
}

func (o *opening) gap(d event.Direction, m event.Mark, n int) {
	if o.missing(d, n) {
		o.conn.proto.gap(d, m, n)
	}
}

// missing meets missing bytes; outside of a preamble it gives up, and returns
// true: what follows tells nothing for certain, as in the middle of a
// connection.
func (o *opening) missing(d event.Direction, n int) bool {
	if d == event.Request && n <= o.pass {
		o.pass -= n
		return false
	}
	c := o.conn
	c.whole = false
	c.proto = c.shard.joined(c)
	o.release()
	return true
}

func (o *opening) fin(event.Direction, event.Mark) {}
func (o *opening) read(int64, uint64)              {}
func (o *opening) held() int                       { return len(o.first[0].bytes) + len(o.first[1].bytes) }
func (o *opening) close(int64, tcp.CloseReason)    {}
func (o *opening) kill()                           {}
