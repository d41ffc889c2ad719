// SPDX-License-Identifier: Apache-2.0

package observer

import (
	"log/slog"
	"runtime/debug"

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
	tcp     *tcp.Assembler
	llm     llm.Shard
	stream  stream.Shard
	tally   event.Tally
	mine    []int32 // positions of this shard's segments in the batch
	expired int64   // when Expire ran last, ns
}

// resolver returns the server of a new connection, nil when it is not watched.
type resolver func(c *tcp.Conn, first *event.Segment) *servers.Server

func newShard(cfg *Config, shards int, labels *meter.Labels, sink event.Sink, resolve resolver) *shard {
	s := &shard{log: cfg.Logger}
	s.llm = llm.Shard{
		Book:       meter.NewBook(labels, int64(cfg.SeriesTTL), cfg.NativeHistograms),
		Sink:       sink,
		Tally:      &s.tally,
		StallAfter: int64(cfg.StallAfter),
	}
	s.stream = stream.Shard{LLM: &s.llm, Sink: sink, Tally: &s.tally}
	s.tcp = tcp.New(tcp.Config{
		MaxConnections: max(cfg.MaxConnections/shards, 1),
		MaxBuffer:      cfg.MaxBuffer / int64(shards),
		Idle:           idleAfter,
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
	s.llm.Settle(false)
	if now-s.expired < int64(1e9) {
		return
	}
	s.expired = now
	defer s.survive()
	s.tcp.Expire(now)
	s.stream.Expire(now)
}

// close ends every connection. What a panic left over takes another turn.
func (s *shard) close(now int64) {
	for s.tcp.Connections() > 0 {
		func() {
			defer s.survive()
			s.tcp.Close(now)
		}()
	}
	s.stream.Close(now)
	s.llm.Settle(true)
}

// snapshot appends what this shard has to snap.
func (s *shard) snapshot(snap *event.Snapshot, now int64) {
	s.llm.Settle(false)
	snap.Tally.Add(&s.tally)
	snap.Tally.Add(s.tcp.Tally())
	snap.Connections += s.tcp.Connections()
	snap.BufferBytes += s.tcp.Buffered() + int64(s.stream.Held())
	s.llm.CountInFlight(now)
	snap.Open = s.llm.Running(snap.Open, now)
	s.llm.Book.Expire(now)
	snap.Series = s.llm.Book.Snapshot(snap.Series, now)
}
