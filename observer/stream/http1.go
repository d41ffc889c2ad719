// SPDX-License-Identifier: Apache-2.0

package stream

import (
	"github.com/modeltap/modeltap/observer/event"
	"github.com/modeltap/modeltap/observer/http1"
	"github.com/modeltap/modeltap/observer/sniff"
	"github.com/modeltap/modeltap/observer/tcp"
)

// maxPipelined bounds the requests of one connection that wait for an answer;
// beyond it the oldest ends.
const maxPipelined = 16

// http1Conn follows HTTP/1: answers come in the order of their requests.
type http1Conn struct {
	conn              *Conn
	request, response http1.Parser
	mark              [2]event.Mark // of the bytes being parsed
	oldest, youngest  *call         // whose answer has not ended; nil for none
	n                 int           // of them
	passed, behind    int           // answers to be passed over, before theirs and after
	began             int64         // first byte of the request head being read
	answerBegan       int64
	receiving         bool             // the youngest call's request is being read
	chunked           bool             // its body is
	unframed          bool             // its end can be told by its answer only
	answering         bool             // the oldest call's answer is being read
	passing           bool             // an answer is being passed over
	found             bool             // a head, after all
	begun             bool             // the server has said something that may be HTTP/1
	hello             []byte           // and this before, which may be something else
	orphan            bool             // an answer without a request has been counted
	reads             bool             // what the application reads is reported
	answered          bool             // an answer has ended on it
	upgraded          bool             // what follows is no HTTP/1
	upgrade           event.Unobserved // but this
}

// http1 returns what follows HTTP/1 on c.
func (s *Shard) http1(c *Conn) *http1Conn {
	var x *http1Conn
	if n := len(s.spareHTTP1); n > 0 {
		x = s.spareHTTP1[n-1]
		s.spareHTTP1 = s.spareHTTP1[:n-1]
	} else {
		x = new(http1Conn)
	}
	x.conn = c
	x.orphan = c.tcp.Rejoined // what was open on it has been counted
	x.begun = !c.whole
	x.request.Init(&s.heads, event.Request, (*requests)(x), !c.whole)
	x.response.Init(&s.heads, event.Response, (*responses)(x), !c.whole)
	return x
}

// release gives back the memory of x, whose calls have ended.
func (x *http1Conn) release() {
	s := x.conn.shard
	x.request.Release()
	x.response.Release()
	*x = http1Conn{}
	if len(s.spareHTTP1) < maxSpareConns {
		s.spareHTTP1 = append(s.spareHTTP1, x)
	}
}

func (x *http1Conn) data(d event.Direction, m event.Mark, p []byte) {
	x.mark[d] = m
	if d == event.Request {
		x.request.Write(p)
		return
	}
	if !x.begun {
		if p = x.greeted(m, p); p == nil {
			return
		}
	}
	if rest := x.response.Write(p); x.upgraded {
		x.leave(x.upgrade, m, rest)
	}
}

// greeted takes the server's first bytes and returns them once they may be
// HTTP/1. A server that speaks HTTP/2 alone says so whatever it was asked.
func (x *http1Conn) greeted(m event.Mark, p []byte) []byte {
	if x.hello != nil {
		p = append(x.hello, p...)
	}
	switch sniff.Settings(p) {
	case sniff.More:
		x.hello = append([]byte(nil), p...)
		return nil
	case sniff.HTTP2:
		x.abortAll(m.Time, event.ServerAbort)
		x.leave(event.UnobservedHTTP2, m, p)
		return nil
	}
	x.begun, x.hello = true, nil
	return p
}

// leave hands the connection over to what is spoken from here on, which begins
// with rest.
func (x *http1Conn) leave(why event.Unobserved, m event.Mark, rest []byte) {
	c := x.conn
	x.release()
	c.refuse(why)
	if len(rest) > 0 {
		c.proto.data(event.Response, m, rest)
	}
}

func (x *http1Conn) skip(d event.Direction, m event.Mark, n int) {
	x.mark[d] = m
	x.parser(d).Skip(n)
}

func (x *http1Conn) gap(d event.Direction, m event.Mark, n int) {
	x.mark[d] = m
	x.parser(d).Gap(n)
}

func (x *http1Conn) fin(d event.Direction, m event.Mark) {
	// Not marked with m: what ends here ended with its last byte.
	x.parser(d).EOF()
	if d == event.Response {
		// Nothing can be answered any more.
		x.markCrossed(m.Time)
		x.abortAll(m.Time, x.conn.outcome(tcp.Finished))
	}
}

func (x *http1Conn) read(t int64, pos uint64) {
	for k := x.oldest; k != nil && k.end != 0 && k.end <= pos; k = k.next {
		x.reads = true
		k.read(t)
	}
}

func (x *http1Conn) held() int { return x.request.Held() + x.response.Held() }

func (x *http1Conn) close(t int64, why tcp.CloseReason) {
	if why == tcp.ResetByServer {
		x.markUnread()
	}
	x.abortAll(t, x.conn.outcome(why))
	x.release()
}

func (x *http1Conn) kill() {
	for x.oldest != nil {
		x.oldest.discard()
		x.pop()
	}
	x.request.Release()
	x.response.Release()
}

func (x *http1Conn) parser(d event.Direction) *http1.Parser {
	if d == event.Request {
		return &x.request
	}
	return &x.response
}
