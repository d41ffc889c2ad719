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
	if c.reads {
		// The server may drain what crossed its close; it does so after it.
		c.markUnread()
	}
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

// markUnread marks the requests that the application had not read when the
// server ended the connection. Closing a socket resets the connection if it
// holds unread data (RFC 1122 section 4.2.2.13, Linux tcp_close); shutting it
// down first, as cpp-httplib does, ends it with FIN all the same, so that a FIN
// says nothing unless reads are reported.
func (c *Conn) markUnread() {
	for i := range c.slots {
		s := &c.slots[i]
		s.unread = s.end != 0 && !s.read && s.status == 0
	}
}

func (c *Conn) parser(d event.Direction) *http1.Parser {
	if d == event.Request {
		return &c.request
	}
	return &c.response
}
