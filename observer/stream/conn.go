// SPDX-License-Identifier: Apache-2.0

package stream

import (
	"github.com/modeltap/modeltap/observer/event"
	"github.com/modeltap/modeltap/observer/http1"
	"github.com/modeltap/modeltap/observer/target"
	"github.com/modeltap/modeltap/observer/tcp"
)

// mode says what is known of a connection's protocol.
type mode uint8

const (
	modeUnknown mode = iota
	modeHTTP1
	modeOpaque // not understood, or upgraded: bytes are passed over
)

// Conn is one connection to a model server. It implements tcp.Handler.
type Conn struct {
	shard  *Shard
	server *target.Server
	whole  bool // seen from its beginning
	mode   mode

	request, response http1.Parser
	mark              [2]event.Mark // of the bytes being parsed
	position          uint64        // of the request stream, after the bytes being parsed
	slots             []slot        // requests whose answer has not ended, oldest first
	began             int64         // first byte of the request head being read
	receiving         bool          // the youngest slot's request is being read
	unframed          bool          // its end can be told by its answer only
	answering         bool          // the oldest slot's answer is being read
	answerBegan       int64
	clientGone        bool // the client has closed its side
	serverGone        bool // the server has closed its side
	orphan            bool // an answer without a request has been counted
	reads             bool // what the application reads is reported
	answered          bool // an answer has ended on it
}

// Data takes the next bytes of one direction.
func (c *Conn) Data(d event.Direction, m event.Mark, p []byte) {
	c.shard.current = c
	if d == event.Request {
		c.position += uint64(len(p))
	}
	if c.mode == modeUnknown {
		c.sniff(d, m, p)
	}
	if c.mode == modeHTTP1 {
		c.mark[d] = m
		if d == event.Response {
			c.response.Write(p)
			return
		}
		c.request.Write(p)
	}
}

// Skip takes note of n bytes that were left out on purpose.
func (c *Conn) Skip(d event.Direction, m event.Mark, n int) {
	c.shard.current = c
	if d == event.Request {
		c.position += uint64(n)
	}
	c.begunMissing()
	if c.mode == modeHTTP1 {
		c.mark[d] = m
		c.parser(d).Skip(n)
	}
}

// Gap takes note of n bytes that were lost.
func (c *Conn) Gap(d event.Direction, m event.Mark, n int) {
	c.shard.current = c
	if d == event.Request {
		c.position += uint64(n)
	}
	c.begunMissing()
	if c.mode == modeHTTP1 {
		c.mark[d] = m
		c.parser(d).Gap(n)
	}
}

// FIN takes note of the ordered end of one direction.
func (c *Conn) FIN(d event.Direction, m event.Mark) {
	c.shard.current = c
	if c.mode != modeHTTP1 {
		return
	}
	// Not marked with m: what ends here ended with its last byte.
	c.parser(d).EOF()
	if d == event.Request {
		c.clientGone = true
		return
	}
	c.serverGone = true
	c.markCrossed(m.Time)
	// Nothing can be answered any more. Whoever left first ended it.
	o := event.ServerAbort
	if c.clientGone {
		o = event.ClientAbort
	}
	c.abortAll(m.Time, o)
}

// Read takes note that the application has read the requests up to pos.
func (c *Conn) Read(t int64, pos uint64) {
	for i := range c.slots {
		s := &c.slots[i]
		if s.end == 0 || s.end > pos {
			return
		}
		s.read, c.reads = true, true
		if s.ex != nil {
			s.ex.SocketRead(t)
		} else if s.suspect.read == 0 {
			s.suspect.read = t
		}
	}
}

// Close ends what is open on the connection.
func (c *Conn) Close(t int64, why tcp.CloseReason) {
	c.shard.current = c
	o := event.Incomplete
	switch why {
	case tcp.ResetByClient:
		o = event.ClientAbort
	case tcp.ResetByServer, tcp.Finished, tcp.Released:
		o = event.ServerAbort
		if c.clientGone {
			o = event.ClientAbort
		}
	}
	if why == tcp.ResetByServer {
		c.markUnread()
	}
	c.abortAll(t, o)
	c.shard.drop(c)
}

// markUnread marks the requests that wait for an answer when the server's reset
// ends the connection. Closing a socket resets the connection if it holds data
// that the application has not read (RFC 1122 section 4.2.2.13, Linux
// tcp_close).
func (c *Conn) markUnread() {
	for i := range c.slots {
		s := &c.slots[i]
		s.unread = s.end != 0 && !s.read && s.status == 0
	}
}

// closeRace (ns) is how long before a server's FIN a request may have begun and
// still count as not taken up, where nothing says what the application read.
// llama-server closes some 30 µs after such a request arrived.
const closeRace = 1e6

// markCrossed marks the requests that crossed the server's FIN, which came at
// t: the server had decided to close before it could know of them. It may shut
// the connection down first and drain it after, as cpp-httplib does, so that
// no reset tells.
func (c *Conn) markCrossed(t int64) {
	for i := range c.slots {
		s := &c.slots[i]
		switch {
		case s.status != 0:
		case c.reads && s.end != 0:
			s.unread = !s.read
		default:
			s.unread = c.answered && t-s.began < closeRace
		}
	}
}

func (c *Conn) parser(d event.Direction) *http1.Parser {
	if d == event.Request {
		return &c.request
	}
	return &c.response
}
