// SPDX-License-Identifier: Apache-2.0

package stream

import (
	"unsafe"

	"github.com/modeltap/modeltap/observer/budget"
	"github.com/modeltap/modeltap/observer/event"
	"github.com/modeltap/modeltap/observer/http1"
	"github.com/modeltap/modeltap/observer/llm"
	"github.com/modeltap/modeltap/observer/sniff"
	"github.com/modeltap/modeltap/observer/tcp"
)

// joined is a connection that was joined in its middle, where anything may
// stand. HTTP/1 tells by its next head, what is not followed by its frames, and
// the end by what was most likely.
type joined struct {
	conn    *Conn
	http1   *http1Conn // looks for heads; nil while frames were found
	clues   sniff.Middle
	begun   bool  // bytes were seen
	midway  bool  // the first were the server's: of an answer, if this is HTTP/1
	since   int64 // when that was (ns)
	refused bool  // frames were found, and counted
}

const joinedSize = int(unsafe.Sizeof(joined{}))

// joined returns what finds out what is spoken on c.
func (s *Shard) joined(c *Conn) *joined {
	s.Budget.Force(joinedSize, budget.Running)
	return &joined{conn: c, http1: s.http1(c)}
}

func (j *joined) release() { j.conn.shard.Budget.Give(joinedSize, budget.Running) }

func (j *joined) data(d event.Direction, m event.Mark, p []byte) {
	head := http1.Opening(d, p)
	if !j.begun {
		// What was open on a connection that comes again has been counted.
		j.begun, j.midway, j.since = true, d == event.Response && !head && !j.conn.tcp.Rejoined, m.Time
		j.http1.orphan = j.midway || j.http1.orphan
	}
	if j.http1 == nil {
		if !head {
			return
		}
		// What looked like frames was a body.
		j.clues = sniff.Middle{}
		j.http1 = j.conn.shard.http1(j.conn)
		j.http1.orphan = j.midway || j.http1.orphan
	}
	switch v := j.clues.Look(d, p); v {
	case sniff.More:
	case sniff.HTTP1:
		j.settle(m.Time)
		j.http1.data(d, m, p)
		return
	default:
		j.http1.release()
		j.http1 = nil
		j.refuse(v)
		return
	}
	x := j.http1
	if x.data(d, m, p); x.found || x.conn == nil {
		j.settle(m.Time)
	}
}

// settle says that it is HTTP/1, at t.
func (j *joined) settle(t int64) {
	if j.conn.proto == protocol(j) {
		j.conn.proto = j.http1
	}
	j.missed(t)
	j.release()
}

// missed counts the request in whose answer the connection was joined, at t.
func (j *joined) missed(t int64) {
	c := j.conn
	if j.midway && c.server.Explicit {
		c.shard.LLM.Open(c.server.Label(), llm.Generic(), j.since, false).Abort(max(t, j.since), event.Incomplete)
	}
	j.midway = false
}

// refuse counts the connection as one that is not followed, once.
func (j *joined) refuse(v sniff.Verdict) {
	if !j.refused {
		j.conn.shard.Tally.Unobserved[reasons[v]]++
	}
	j.refused = true
}

func (j *joined) skip(d event.Direction, m event.Mark, n int) {
	j.begun = true
	j.clues.Missing(d, n)
	if j.http1 != nil {
		j.http1.skip(d, m, n)
	}
}

func (j *joined) gap(d event.Direction, m event.Mark, n int) {
	j.begun = true
	j.clues.Missing(d, n)
	if j.http1 != nil {
		j.http1.gap(d, m, n)
	}
}

func (j *joined) fin(d event.Direction, m event.Mark) {
	if j.http1 != nil {
		j.http1.fin(d, m)
	}
}

func (j *joined) read(int64, uint64) {} // no request was seen

func (j *joined) close(t int64, why tcp.CloseReason) {
	if j.http1 != nil {
		j.http1.close(t, why)
	}
	switch v := j.clues.End(); {
	case j.refused, v == sniff.More:
	case v == sniff.HTTP1:
		j.missed(t)
	default:
		j.refuse(v)
	}
	j.release()
}

func (j *joined) held() int {
	if j.http1 == nil {
		return 0
	}
	return j.http1.held()
}

func (j *joined) kill() {
	if j.http1 != nil {
		j.http1.kill()
	}
	j.release()
}
