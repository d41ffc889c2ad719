// SPDX-License-Identifier: Apache-2.0

package observer

import (
	"log/slog"
	"math"
	"runtime"
	"runtime/debug"
	"sync"

	"github.com/modeltap/modeltap/observer/budget"
	"github.com/modeltap/modeltap/observer/event"
	"github.com/modeltap/modeltap/observer/meter"
	"github.com/modeltap/modeltap/observer/tokens"
)

// maxShards is enough for any host: one core carries more chunks than a model
// server sends, and shards only divide servers.
const maxShards = 8

// pipeline spreads segments over shards by server. Its methods are called by
// the goroutine of the source only.
//
// A window of segments lies in the source's memory. The shards that have work
// in it run side by side, and emit returns when all are done, so that nothing
// is copied, queued or dropped between source and shard, and nothing of a
// shard needs a lock.
type pipeline struct {
	shards []*shard
	tee    func([]event.Segment) // nil for none
	desk   *tokens.Desk
	budget *budget.Budget
	log    *slog.Logger
	panics uint64 // outside the shards
	wg     sync.WaitGroup
	now    int64
}

func newPipeline(cfg *Config, desk *tokens.Desk, sink event.Sink, resolve resolver) *pipeline {
	n := min(max(runtime.GOMAXPROCS(0)/2, 1), maxShards)
	p := &pipeline{
		shards: make([]*shard, n), tee: cfg.Tee, desk: desk, log: cfg.Logger,
		budget: budget.New(cfg.MaxConnections, cfg.MaxBuffer),
	}
	labels := meter.NewLabels(cfg.MaxModels)
	for i := range p.shards {
		p.shards[i] = newShard(cfg, p.budget, labels, sink, resolve)
		p.shards[i].llm.Tray = desk.Tray()
	}
	return p
}

// emit runs a window of segments through the shards.
func (p *pipeline) emit(batch []event.Segment, now int64) {
	if p.tee != nil {
		p.copy(batch)
	}
	p.now = max(p.now, now)
	for i := range batch {
		s := p.shardOf(&batch[i])
		s.mine = append(s.mine, int32(i))
	}
	p.run(batch)
	for _, s := range p.shards {
		s.tick(p.now)
	}
	p.settle()
}

// copy hands a window to the tee.
func (p *pipeline) copy(batch []event.Segment) {
	defer func() {
		if r := recover(); r != nil {
			p.panics++
			p.log.Error("copying a window of packets failed; please report this", "panic", r, "stack", string(debug.Stack()))
		}
	}()
	p.tee(batch)
}

// settle pays for the connections that the shards took in beyond the limit in
// this window: any shard gives up what is least, the idle ones of all shards
// last and the one first that was idle for longest. It then says how many more
// could go, which is how many the next window may take in.
func (p *pipeline) settle() {
	for owed := p.budget.Owed(); owed > 0; owed-- {
		s := p.payer()
		if s == nil || !s.yield(p.now) {
			break
		}
	}
	if p.budget.Crowded() {
		for _, s := range p.shards {
			s.thin(p.now)
		}
	}
	spare := 0
	for _, s := range p.shards {
		spare += s.tcp.Spare()
	}
	p.budget.Lend(spare)
}

// payer returns the shard that is to give up a connection; nil for none.
func (p *pipeline) payer() (payer *shard) {
	since := int64(math.MaxInt64)
	for _, s := range p.shards {
		if s.tcp.Lesser() > 0 {
			return s
		}
		if t := s.tcp.IdleSince(); t < since {
			payer, since = s, t
		}
	}
	return payer
}

// shardOf keeps a server in one shard: a port in a network namespace, whatever
// the cgroups of its workers and its addresses. Where nothing tells the
// namespace (packets before Linux 6.16, files) the servers of one port share a
// shard: one core carries more than they send.
func (p *pipeline) shardOf(s *event.Segment) *shard {
	if len(p.shards) == 1 {
		return p.shards[0]
	}
	h := event.Place{NetNS: s.NetNS, Port: s.Flow.Server.Port}.Hash()
	return p.shards[h%uint64(len(p.shards))]
}

// run wakes another goroutine only when more than one shard has work: a
// wake-up costs more than most windows.
func (p *pipeline) run(batch []event.Segment) {
	var first *shard
	for _, s := range p.shards {
		switch {
		case len(s.mine) == 0:
		case first == nil:
			first = s
		default:
			p.wg.Go(func() { s.run(batch) })
		}
	}
	if first != nil {
		first.run(batch)
	}
	p.wg.Wait()
}

// close ends every open exchange. Texts that wait for a tokenizer are reported
// without it.
func (p *pipeline) close() {
	p.desk.Hurry()
	for _, s := range p.shards {
		s.close(p.now)
	}
}

// snapshot returns the shards' part of a snapshot.
func (p *pipeline) snapshot(now int64) event.Snapshot {
	p.now = max(p.now, now)
	snap := event.Snapshot{Now: p.now, BufferBytes: p.budget.Bytes()}
	snap.Tally.Panics = p.panics
	for _, s := range p.shards {
		s.snapshot(&snap, p.now)
	}
	return snap
}
