// SPDX-License-Identifier: Apache-2.0

package observer

import (
	"runtime"
	"sync"

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
	wg     sync.WaitGroup
	now    int64
}

func newPipeline(cfg *Config, desk *tokens.Desk, sink event.Sink, resolve resolver) *pipeline {
	n := min(max(runtime.GOMAXPROCS(0)/2, 1), maxShards)
	p := &pipeline{shards: make([]*shard, n), tee: cfg.Tee, desk: desk}
	labels := meter.NewLabels(cfg.MaxModels)
	for i := range p.shards {
		p.shards[i] = newShard(cfg, n, labels, sink, resolve)
		p.shards[i].llm.Tray = desk.Tray()
	}
	return p
}

// emit runs a window of segments through the shards.
func (p *pipeline) emit(batch []event.Segment, now int64) {
	if p.tee != nil {
		p.tee(batch)
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
	snap := event.Snapshot{Now: p.now}
	for _, s := range p.shards {
		s.snapshot(&snap, p.now)
	}
	return snap
}
