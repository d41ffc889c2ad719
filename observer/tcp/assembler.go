// SPDX-License-Identifier: Apache-2.0

package tcp

import (
	"math"
	"time"

	"github.com/modeltap/modeltap/observer/budget"
	"github.com/modeltap/modeltap/observer/event"
)

// Config bounds an Assembler. A zero field takes the default.
type Config struct {
	// Budget is charged for connections and for data ahead of holes; default
	// 65,536 connections and 128 MiB of its own.
	Budget *budget.Budget
	// MaxDirection bounds the data ahead of holes of one direction; default
	// 1 MiB. It is kept in blocks of 2 KiB, and blocks are what is counted.
	MaxDirection int
	MaxWait      time.Duration // that a hole is waited for, by segment time; default 200 ms
	Idle         time.Duration // without a segment until a connection is given up; default 10 min
	// Linger is how long an ended connection is remembered, so that its late
	// segments are not taken for a new one; default 5 s. At most 7 s are used,
	// so that everything is gone 15 s after the close.
	Linger time.Duration
	// Orphan is how long a connection with an open request lives after the
	// application has closed its socket and nothing is sent any more; default
	// 2 min. The client may have stalled: the kernel goes on to send what is in
	// the send buffer, and a FIN or RST tells of the end.
	Orphan time.Duration
	// New returns the Handler of a connection, of which first is the first
	// segment seen. When it returns nil the connection is remembered and its
	// segments are dropped.
	New func(c *Conn, first *event.Segment) Handler
}

const (
	maxLinger = 7 * time.Second
	// handshake is how long a connection may be half open, and one without a
	// Handler silent: Linux gives a handshake up after 63 s (tcp(7),
	// tcp_synack_retries).
	handshake = 64 * time.Second
)

// Assembler rebuilds the streams of many connections. It is not safe for
// concurrent use.
type Assembler struct {
	cfg     Config
	budget  *budget.Budget
	grain   int64 // precision of the order in the lists
	flows   map[key]*Conn
	cookies map[uint64]*Conn // always checked against Conn.Flow
	lists   [places]list
	givenUp memory
	holding []*Conn // with data behind a hole
	due     int64   // no hole is overdue before this
	current *Conn   // whose Handler is being called
	count   int

	buffered int64
	spare    *block
	spares   int
	free     *Conn // recycled, linked by chain
	frees    int

	tally event.Tally
}

// New returns an empty Assembler.
func New(cfg Config) *Assembler {
	if cfg.Budget == nil {
		cfg.Budget = budget.New(65536, 128<<20)
	}
	if cfg.MaxDirection <= 0 {
		cfg.MaxDirection = 1 << 20
	}
	if cfg.MaxWait <= 0 {
		cfg.MaxWait = 200 * time.Millisecond
	}
	if cfg.Idle <= 0 {
		cfg.Idle = 10 * time.Minute
	}
	if cfg.Linger <= 0 {
		cfg.Linger = 5 * time.Second
	}
	cfg.Linger = min(cfg.Linger, maxLinger)
	if cfg.Orphan <= 0 {
		cfg.Orphan = 2 * time.Minute
	}
	return &Assembler{
		cfg:     cfg,
		budget:  cfg.Budget,
		grain:   int64(min(time.Second, cfg.Idle/8)),
		flows:   map[key]*Conn{},
		cookies: map[uint64]*Conn{},
		due:     math.MaxInt64,
	}
}

// Connections returns the number of tracked connections, ended ones that are
// still remembered included.
func (a *Assembler) Connections() int { return a.count }

// Buffered returns the memory, in bytes, that holds data ahead of holes.
func (a *Assembler) Buffered() int64 { return a.buffered }

// Tally returns the counters, which the Assembler goes on changing: gaps,
// skipped bytes, evictions, and as ParseErrors[ProtoTCP][ReasonMalformed] the
// segments that were dropped because their numbers cannot belong to the
// connection.
func (a *Assembler) Tally() *event.Tally { return &a.tally }

// Segment takes the next observation. It keeps no reference to s.
func (a *Assembler) Segment(s *event.Segment) {
	var c *Conn
	if s.Cookie != 0 {
		c = a.cookies[s.Cookie]
	}
	if s.Kind != event.KindData {
		a.signal(c, s)
		return
	}
	if c == nil || c.Flow != s.Flow || s.Flags&(event.SYN|event.RST) != 0 {
		if c = a.resolve(s); c == nil {
			return
		}
	}
	if s.Time-c.stamp > a.grain || c.place == halfOpen {
		a.touch(c, s)
	}
	if c.handler == nil {
		a.ignored(c, s)
		return
	}
	a.current = c
	d := &c.dirs[s.Dir]
	if s.Flags&event.ACK != 0 {
		o := &c.dirs[1-s.Dir]
		o.acked = s.Ack
		if !o.open || int32(s.Ack-o.next) > 0 {
			if a.acknowledged(c, s); c.handler == nil {
				return
			}
		}
	}
	if s.Flags&event.Read != 0 {
		c.read(s.Ack, s.Time-int64(s.ReadAgo))
	}
	const special = event.SYN | event.FIN | event.RST
	if s.Seq == d.next && d.open && !d.waiting() && !d.finDone && s.Flags&special == 0 {
		if s.Len != 0 {
			deliver(a, c, s.Dir, run{s.Seq, s.Len, s.Payload, mark(s), s.Flags&event.Skipped != 0})
		}
		return
	}
	a.unusual(c, s)
}

// signal takes a segment that is no packet: c is the connection of its cookie.
func (a *Assembler) signal(c *Conn, s *event.Segment) {
	if c == nil && s.Flow.Server.Port != 0 {
		for c = a.flows[keyOf(s)]; c != nil && c.Cookie != 0; c = c.chain {
		}
	}
	if c == nil {
		return
	}
	if s.Kind == event.KindRelease {
		a.released(c, s)
		return
	}
	d := &c.dirs[event.Request]
	if c.handler == nil || !d.open {
		return
	}
	a.current = c
	a.has(c, event.Request, s.Seq, s.Time)
	if c.handler == nil {
		return
	}
	c.read(s.Seq, s.Time)
}

// read tells that at t the application had read the requests up to seq.
func (c *Conn) read(seq uint32, t int64) {
	d := &c.dirs[event.Request]
	if back := max(int64(int32(d.next-seq)), 0); uint64(back) <= d.pos {
		c.handler.Read(t, d.pos-uint64(back))
	}
}

// ignored takes a segment of a connection that has no Handler (any more).
func (a *Assembler) ignored(c *Conn, s *event.Segment) {
	if s.Flags&(event.FIN|event.RST) != 0 {
		a.retire(c, s.Time)
	}
}

// KillCurrent drops the connection whose Handler was called last, without
// calling it again. It is for the owner that has recovered a panic of a
// Handler or of Config.New; everything else stays consistent.
func (a *Assembler) KillCurrent() {
	if c := a.current; c != nil {
		c.handler = nil
		a.givenUp.note(c.key(), counted)
		a.remove(c)
		a.due = math.MinInt64 // Expire may have been cut short
	}
}

// Close ends all connections with Shutdown.
func (a *Assembler) Close(now int64) {
	for i := range a.lists {
		for l := &a.lists[i]; l.head != nil; {
			c := l.head
			a.end(c, now, Shutdown)
			a.remove(c)
		}
	}
}
