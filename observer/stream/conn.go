// SPDX-License-Identifier: Apache-2.0

package stream

import (
	"github.com/modeltap/modeltap/observer/event"
	"github.com/modeltap/modeltap/observer/servers"
	"github.com/modeltap/modeltap/observer/tcp"
)

// Conn is one connection to a model server: whose it is, how much of it has
// gone by, and what is spoken on it. It implements tcp.Handler.
type Conn struct {
	shard    *Shard
	server   *servers.Server
	tcp      *tcp.Conn
	proto    protocol // nil while it is not known
	whole    bool     // seen from its beginning
	gone     [2]bool  // the sender of a direction has closed it
	open     int32    // calls
	position uint64   // of the request stream, after the bytes being looked at
}

// tell tells package tcp what would be lost with the connection.
func (c *Conn) tell() {
	switch {
	case c.open > 0:
		c.tcp.State = tcp.Busy
	case c.proto != nil && c.proto.held() > 0:
		c.tcp.State = tcp.Waiting
	default:
		c.tcp.State = tcp.Resting
	}
}

// Data takes the next bytes of one direction.
func (c *Conn) Data(d event.Direction, m event.Mark, p []byte) {
	c.shard.current = c
	if d == event.Request {
		c.position += uint64(len(p))
	}
	if c.proto == nil {
		c.sniff(d, p)
	}
	c.proto.data(d, m, p)
	c.tell()
}

// Skip takes note of n bytes that were left out on purpose.
func (c *Conn) Skip(d event.Direction, m event.Mark, n int) {
	c.missing(d, n)
	c.proto.skip(d, m, n)
	c.tell()
}

// Gap takes note of n bytes that were lost.
func (c *Conn) Gap(d event.Direction, m event.Mark, n int) {
	c.missing(d, n)
	c.proto.gap(d, m, n)
	c.tell()
}

func (c *Conn) missing(d event.Direction, n int) {
	c.shard.current = c
	if d == event.Request {
		c.position += uint64(n)
	}
	if c.proto == nil {
		// What follows tells nothing for certain, as in the middle of a
		// connection.
		c.whole = false
		c.proto = c.shard.joined(c)
	}
}

// FIN takes note of the ordered end of one direction.
func (c *Conn) FIN(d event.Direction, m event.Mark) {
	c.shard.current = c
	if c.proto != nil {
		c.proto.fin(d, m)
	}
	c.gone[d] = true
	c.tell()
}

// Read takes note that the application has read the requests up to pos.
func (c *Conn) Read(t int64, pos uint64) {
	if c.proto != nil {
		c.proto.read(t, pos)
	}
}

// Close ends what is open on the connection.
func (c *Conn) Close(t int64, why tcp.CloseReason) {
	c.shard.current = c
	if c.proto != nil {
		c.proto.close(t, why)
	}
	c.shard.drop(c)
}

// outcome tells how a call ends that is open when its connection ends: whoever
// left first ended it.
func (c *Conn) outcome(why tcp.CloseReason) event.Outcome {
	switch why {
	case tcp.ResetByClient:
		return event.ClientAbort
	case tcp.ResetByServer, tcp.Finished, tcp.Released:
		if c.gone[event.Request] {
			return event.ClientAbort
		}
		return event.ServerAbort
	}
	return event.Incomplete
}

// refuse notes that the connection cannot be followed from here on.
func (c *Conn) refuse(why event.Unobserved) {
	c.shard.Tally.Unobserved[why]++
	c.proto = opaque{}
}
