// SPDX-License-Identifier: Apache-2.0

package discover

import (
	"context"
	"log/slog"
	"sync/atomic"
	"time"

	"github.com/modeltap/modeltap/observer/identity"
	"github.com/modeltap/modeltap/observer/servers"
)

const (
	// lookEvery is the time between looks at our own network namespace: 25 µs
	// each for some dozens of listeners.
	lookEvery = 2 * time.Second
	// soon is how long after a bind the first look waits.
	soon = 100 * time.Millisecond
	// ageEvery is the time between ticks of the Table.
	ageEvery = 10 * time.Second
	// idleTicks is how many of them a server known from packets alone stays
	// without a connection.
	idleTicks = 60
	// nameWithin is how long after its bind the name of a container is looked for.
	nameWithin = time.Minute
	// maxSockets bounds the memory of bound sockets, candidates or not.
	maxSockets = 8192
	// maxEvents bounds the events that wait; a second of the most binds that
	// the kernel reports, twenty times over.
	maxEvents = 4096
)

// Config is what a Discoverer works with.
type Config struct {
	Table  *servers.Table
	Kernel Kernel
	// Packets says that what is captured carries neither cgroup nor network
	// namespace, and comes from our own namespace.
	Packets bool
	// Subtree is the path of the cgroup whose sockets alone may become servers,
	// "" or "/" for all.
	Subtree string
	// Apply is told what to capture, at first and after each change. After an
	// error it is told again.
	Apply      func(Capture) error
	Candidates *servers.Candidates // nil: servers.DefaultCandidates
	Names      *identity.Names     // of containers; nil: none
	Logger     *slog.Logger        // nil discards
}

// Discoverer keeps a Table up to date. Start comes first, then Run; Handle,
// Missed and Dropped may be called from any goroutine at any time.
type Discoverer struct {
	cfg   Config
	k     Kernel
	table *servers.Table
	log   *slog.Logger

	events  chan news
	dropped atomic.Uint64

	sockets    map[uint64]*socket
	sees       bool // what listens in our own namespace, as of the last look
	pass       pace // over all descriptors
	dump       pace // of all connections
	outing     pace // to other namespaces
	lost       uint64
	generation uint64
	scout      scout
	told       map[string]bool // names of servers and forms of targets that were logged
	applying   bool
	failed     bool // the last Apply
}

// New returns a Discoverer that has done nothing yet.
func New(cfg Config) *Discoverer {
	if cfg.Candidates == nil {
		cfg.Candidates = servers.DefaultCandidates()
	}
	if cfg.Logger == nil {
		cfg.Logger = slog.New(slog.DiscardHandler)
	}
	return &Discoverer{
		cfg: cfg, k: cfg.Kernel, table: cfg.Table, log: cfg.Logger,
		events: make(chan news, maxEvents), sockets: make(map[uint64]*socket), told: make(map[string]bool),
	}
}

// Start makes what listens now known and applies it. Events must be handed over
// before, so that no listener falls between the two.
func (d *Discoverer) Start(now time.Time) error {
	d.generation = d.table.Generation()
	d.lost = d.losses()
	d.look(now)
	if !d.cfg.Packets {
		d.survey(now)
	}
	d.scout.due(now)
	d.steer(now)
	d.report()
	return d.apply(now)
}

// Run follows what changes until ctx ends; Start comes first.
func (d *Discoverer) Run(ctx context.Context) error {
	look, age := time.NewTicker(lookEvery), time.NewTicker(ageEvery)
	defer look.Stop()
	defer age.Stop()
	early := time.NewTimer(time.Hour)
	defer early.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case e := <-d.events:
			if d.take(e, time.Now()) {
				early.Reset(soon)
			}
			select {
			case <-d.table.Changed(): // at once: its first requests follow
				d.changed(time.Now())
			default:
			}
		case <-d.table.Changed():
			d.changed(time.Now())
		case now := <-early.C:
			d.look(now)
		case now := <-look.C:
			d.tick(now)
		case now := <-age.C:
			d.age(now)
		}
	}
}

// tick is what is done each lookEvery.
func (d *Discoverer) tick(now time.Time) {
	d.late(now)
	d.look(now)
	for _, s := range d.sockets {
		if s.offered && s.Unnamed {
			d.name(s, now)
		}
	}
	if lost := d.losses(); lost != d.lost && d.outing.may(now) && !d.cfg.Packets {
		// The end of a listener may be among them.
		d.lost = lost
		d.survey(now)
	}
	d.steer(now)
	d.report()
	if d.failed {
		d.recapture(now)
	}
}

// late takes the closes that the kernel has kept.
func (d *Discoverer) late(now time.Time) {
	if d.k.Untold == nil {
		return
	}
	closed, err := d.k.Untold()
	if err != nil {
		d.log.Debug("closes are not told", "err", err)
	}
	for _, cookie := range closed {
		d.ended(cookie, now)
	}
}

// changed takes up what the Table wants to be looked at.
func (d *Discoverer) changed(now time.Time) {
	if g := d.table.Generation(); g != d.generation {
		d.generation = g
		d.again(now)
	}
	for _, p := range d.table.Doubted() {
		d.tell(p, now)
	}
	d.recapture(now)
}

// again offers everything to a Table with other targets.
func (d *Discoverer) again(now time.Time) {
	for _, s := range d.sockets {
		s.offered, s.attempts = false, 0
	}
	d.look(now)
	for _, s := range d.sockets {
		d.offer(s, now)
	}
	d.steer(now)
	d.report()
}

// recapture applies what should be captured, and notes whether that failed.
func (d *Discoverer) recapture(now time.Time) {
	if err := d.apply(now); err != nil {
		d.log.Error("the capture could not be changed, trying again", "err", err)
		d.failed = true
		return
	}
	d.failed = false
}

// Missed returns how many binds the kernel did not tell of.
func (d *Discoverer) Missed() uint64 { return count(d.k.Missed) }

// Dropped returns how many events found no room to wait in.
func (d *Discoverer) Dropped() uint64 { return d.dropped.Load() }

// losses counts the closes that may have been lost.
func (d *Discoverer) losses() uint64 { return count(d.k.Lost) + d.dropped.Load() }

func count(of func() (uint64, error)) uint64 {
	if of == nil {
		return 0
	}
	n, _ := of() // fails only when the programs are gone, with everything else
	return n
}

// report logs each server and each target that is waited for, once.
func (d *Discoverer) report() {
	if len(d.told) > maxSockets {
		clear(d.told)
	}
	once := func(key string) bool {
		first := !d.told[key]
		d.told[key] = true
		return first
	}
	for _, w := range d.table.Waiting() {
		switch spec := w.Spec.String(); {
		case w.Relay != "" && once("relay "+spec):
			d.log.Warn("only a relay listens there, behind which the server would be counted twice; to observe the relay itself name its address, as in 127.0.0.1:PORT",
				"target", spec, "relay", w.Relay)
		case w.Relay == "" && once("target "+spec):
			d.log.Warn("nothing listens there yet; waiting for it", "target", spec)
		}
	}
	for _, s := range d.table.Servers() {
		if s.Listening && once("server "+s.Name) {
			d.log.Info("model server found", "server", s.Name, "address", s.Address, "port", s.Port, "pid", s.PID)
		}
	}
}

// pace keeps what is slow to a small part of the time.
type pace struct{ next time.Time }

func (p *pace) may(now time.Time) bool { return !now.Before(p.next) }

// took notes how long it took: where listeners come and go all the time, it
// takes half a percent of a processor.
func (p *pace) took(now time.Time, d time.Duration) {
	p.next = now.Add(min(max(200*d, 2*time.Second), 10*time.Second))
}
