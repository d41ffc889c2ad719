// SPDX-License-Identifier: Apache-2.0

package stream

import (
	"github.com/modeltap/modeltap/observer/budget"
	"github.com/modeltap/modeltap/observer/event"
	"github.com/modeltap/modeltap/observer/http1"
	"github.com/modeltap/modeltap/observer/llm"
	"github.com/modeltap/modeltap/observer/servers"
	"github.com/modeltap/modeltap/observer/tcp"
)

// maxSpareConns bounds the connection states kept for reuse.
const maxSpareConns = 256

// Shard is what the connections of one shard share. It is not safe for
// concurrent use.
type Shard struct {
	LLM   *llm.Shard
	Sink  event.Sink
	Tally *event.Tally
	// Budget is charged for requests and unfinished heads; nil has no limit.
	Budget *budget.Share

	heads   http1.Pool
	routes  routes
	queues  map[*servers.Server]*queue
	current *Conn // whose method was called last

	spare      []*Conn
	spareHTTP1 []*http1Conn
	spareCalls *call // linked by next
	spares     int   // of them
}

// Handler returns the handler of a new connection to server.
func (s *Shard) Handler(c *tcp.Conn, server *servers.Server) tcp.Handler {
	var h *Conn
	if n := len(s.spare); n > 0 {
		h = s.spare[n-1]
		s.spare = s.spare[:n-1]
	} else {
		h = new(Conn)
	}
	s.heads.Budget = s.Budget
	h.shard, h.server, h.tcp, h.whole = s, server, c, c.Whole
	server.Opened()
	return h
}

// Leave says that what happens next is no doing of the connection that was
// called last.
func (s *Shard) Leave() { s.current = nil }

// KillCurrent forgets the connection that was called last, unless Leave was
// called since, and what is open on it, without counting any of it: for the
// owner that has recovered a panic.
func (s *Shard) KillCurrent() {
	h := s.current
	if h == nil {
		return
	}
	s.current = nil
	h.server.Closed()
	if h.proto != nil {
		h.proto.kill()
	}
}

func (s *Shard) drop(h *Conn) {
	s.current = nil
	h.server.Closed()
	*h = Conn{}
	if len(s.spare) < maxSpareConns {
		s.spare = append(s.spare, h)
	}
}
