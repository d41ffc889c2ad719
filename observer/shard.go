// SPDX-License-Identifier: Apache-2.0

package observer

import (
	"log/slog"
	"runtime/debug"

	"github.com/modeltap/modeltap/observer/budget"
	"github.com/modeltap/modeltap/observer/event"
	"github.com/modeltap/modeltap/observer/llm"
	"github.com/modeltap/modeltap/observer/meter"
	"github.com/modeltap/modeltap/observer/servers"
	"github.com/modeltap/modeltap/observer/stream"
	"github.com/modeltap/modeltap/observer/tcp"
)

// shard owns some servers whole: their connections, exchanges and series. One
// goroutine at a time runs it.
type shard struct {
	log     *slog.Logger
	budget  *budget.Share
	tcp     *tcp.Assembler
	llm     llm.Shard
	stream  stream.Shard
	tally   event.Tally
	mine    []int32 // positions of this shard's segments in the batch
	expired int64   // when Expire ran last, ns
}

// resolver returns the server of a new connection, nil when it is not watched.
type resolver func(c *tcp.Conn, first *event.Segment) *servers.Server

// resolveIn asks the table alone.
func resolveIn(t *servers.Table) resolver {
	return func(_ *tcp.Conn, first *event.Segment) *servers.Server { return t.Resolve(first) }
}

func newShard(cfg *Config, b *budget.Budget, labels *meter.Labels, sink event.Sink, resolve resolver) *shard {
	s := &shard{log: cfg.Logger, budget: b.Share()}
	s.llm = llm.Shard{
		Book:       meter.NewBook(labels, int64(cfg.SeriesTTL), cfg.NativeHistograms),
		Sink:       sink,
		Tally:      &s.tally,
		Budget:     s.budget,
		StallAfter: int64(cfg.StallAfter),
	}
	s.stream = stream.Shard{LLM: &s.llm, Sink: sink, Tally: &s.tally, Budget: s.budget}
	s.tcp = tcp.New(tcp.Config{
		Budget: b,
		Idle:   idleAfter,
		New: func(c *tcp.Conn, first *event.Segment) tcp.Handler {
			server := resolve(c, first)
			if server == nil {
				return nil
			}
			return s.stream.Handler(c, server)
		},
	})
	return s
}

// run takes this shard's segments of a batch. A panic in the handler of one
// connection ends that connection and nothing else.
func (s *shard) run(batch []event.Segment) {
	for at := 0; at < len(s.mine); {
		at = s.runFrom(batch, at)
	}
	s.mine = s.mine[:0]
}

func (s *shard) runFrom(batch []event.Segment, at int) (next int) {
	next = at
	defer s.survive()
	for _, i := range s.mine[at:] {
		next++
		s.stream.Leave()
		s.tcp.Segment(&batch[i])
	}
	return next
}

// survive, deferred, ends a panic and the connection that it happened in.
func (s *shard) survive() {
	r := recover()
	if r == nil {
		return
	}
	s.tally.Panics++
	s.log.Error("a connection's pipeline failed; its state is dropped, please report this",
		"panic", r, "stack", string(debug.Stack()))
	s.stream.KillCurrent()
	s.tcp.KillCurrent()
}

// tick runs the timers that are due at now.
func (s *shard) tick(now int64) {
	defer s.survive()
	s.stream.Leave()
	s.llm.Settle(false)
	if now-s.expired < int64(1e9) {
		return
	}
	s.expired = now
	s.tcp.Expire(now)
	s.stream.Leave()
	s.stream.Expire(now)
}

// yield gives up one connection of which less would be lost than of one with
// an open request; false when there is none.
func (s *shard) yield(now int64) (done bool) {
	done = true // a panic ends one, too
	defer s.survive()
	return s.tcp.Yield(now)
}

// thin gives up connections that hold memory while they wait for more.
func (s *shard) thin(now int64) {
	defer s.survive()
	s.tcp.Thin(now)
}

// close ends every connection. What a panic left over takes another turn.
func (s *shard) close(now int64) {
	for s.tcp.Connections() > 0 {
		s.safely(func() { s.tcp.Close(now) })
	}
	for s.stream.Queued() {
		s.safely(func() { s.stream.Close(now) })
	}
	s.safely(func() { s.llm.Settle(true) })
}

// safely runs what concerns no connection but those that it leads to itself.
func (s *shard) safely(f func()) {
	defer s.survive()
	s.stream.Leave()
	f()
}

// snapshot appends what this shard has to snap.
func (s *shard) snapshot(snap *event.Snapshot, now int64) {
	s.safely(func() { s.llm.Settle(false) })
	s.safely(func() {
		s.llm.CountInFlight(now)
		snap.Open = s.llm.Running(snap.Open, now)
	})
	s.safely(func() {
		s.llm.Book.Expire(now)
		snap.Series = s.llm.Book.Snapshot(snap.Series, now)
	})
	snap.BufferBytes -= s.budget.Kept()
	snap.Connections += s.tcp.Connections()
	snap.Tally.Add(&s.tally)
	snap.Tally.Add(s.tcp.Tally())
}
