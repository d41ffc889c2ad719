// SPDX-License-Identifier: Apache-2.0

// Package budget bounds what peers can make the observer keep: connections by
// number, and by size all that grows with what they send. One Budget serves
// every shard, so that no limit depends on the number of processors.
//
// Two rules keep strangers apart. What can be lost at its owner's cost alone
// has a quarter of the bytes for each kind (see Claim), so that no client's
// holes, unfinished heads and pipelines keep another's first request out. And
// the last sixteenth is for requests that are open already, so that none of
// them goes blind because new ones came.
package budget

import "sync/atomic"

// Claim is what bytes are wanted for.
type Claim uint8

const (
	// Ahead is for data that came too early to be used: behind holes, and heads
	// that are not complete.
	Ahead Claim = iota
	// Pipelined is for requests behind others on their connection.
	Pipelined
	// Fresh is for a request that begins.
	Fresh
	// Running is for what an open request needs to be followed further.
	Running
	claims
)

// Budget is safe for concurrent use. Its parts lie in cache lines of their own.
type Budget struct {
	connections counter
	bytes       counter
	claims      [claims]counter // of those in bytes; only where max is set
	// overdraft is how many connections beyond the limit may be open until the
	// shards are at rest, because as many can be given up elsewhere.
	overdraft atomic.Int64
}

// counter is what is in use of one thing.
type counter struct {
	n   atomic.Int64
	max int64 // 0 for none
	_   [48]byte
}

// take adds n unless that would exceed max.
func (c *counter) take(n, max int64) bool {
	if c.n.Load()+n > max {
		return false
	}
	if c.n.Add(n) > max {
		c.n.Add(-n)
		return false
	}
	return true
}

// New returns an unused Budget of at least one connection and of bytes.
func New(connections int, bytes int64) *Budget {
	b := new(Budget)
	b.connections.max = int64(max(connections, 1))
	b.bytes.max = bytes
	b.claims[Ahead].max = bytes / 4
	b.claims[Pipelined].max = bytes / 4
	return b
}

// Connect takes a place for a connection; false when none is free.
func (b *Budget) Connect() bool { return b.connections.take(1, b.connections.max) }

// Borrow takes a place beyond the limit, to be settled by Owed; false when
// nothing else may be given up for it.
func (b *Budget) Borrow() bool {
	return b.connections.take(1, b.connections.max+b.overdraft.Load())
}

// Reconnect takes the place that the caller has just given back.
func (b *Budget) Reconnect() { b.connections.n.Add(1) }

// Disconnect gives a place back.
func (b *Budget) Disconnect() { b.connections.n.Add(-1) }

// Connections returns the number of places taken.
func (b *Budget) Connections() int { return int(b.connections.n.Load()) }

// Owed returns how many connections there are beyond the limit.
func (b *Budget) Owed() int {
	return int(max(b.connections.n.Load()-b.connections.max, 0))
}

// Lend allows as many connections beyond the limit as can be given up. It is
// for whoever sees all shards at rest.
func (b *Budget) Lend(n int) {
	if int64(n) != b.overdraft.Load() {
		b.overdraft.Store(int64(n))
	}
}

// Take charges n bytes; false when they are not to be had.
func (b *Budget) Take(n int, c Claim) bool {
	limit := b.bytes.max
	if c != Running {
		limit -= limit / 16
	}
	own := &b.claims[c]
	if own.max != 0 && !own.take(int64(n), own.max) {
		return false
	}
	if b.bytes.take(int64(n), limit) {
		return true
	}
	if own.max != 0 {
		own.n.Add(int64(-n))
	}
	return false
}

// Force charges n bytes whatever is left: for what is given back at once, or
// is so small a part of something charged that to refuse it would cost more.
func (b *Budget) Force(n int, c Claim) {
	if own := &b.claims[c]; own.max != 0 {
		own.n.Add(int64(n))
	}
	b.bytes.n.Add(int64(n))
}

// Give takes back n bytes that were charged for c.
func (b *Budget) Give(n int, c Claim) { b.Force(-n, c) }

// Crowded says whether three quarters of what there is for Ahead is in use, so
// that who waits idly with much of it should go.
func (b *Budget) Crowded() bool {
	c := &b.claims[Ahead]
	return c.n.Load() > c.max-c.max/4
}

// Bytes returns the bytes in use.
func (b *Budget) Bytes() int64 { return b.bytes.n.Load() }
