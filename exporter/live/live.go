// SPDX-License-Identifier: Apache-2.0

package live

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"runtime/debug"
	"slices"
	"sync"
	"time"

	"github.com/modeltap/modeltap/gpu"
	"github.com/modeltap/modeltap/observer/event"
	"github.com/modeltap/modeltap/observer/host"
)

const (
	// watchedPeriod and idlePeriod are between two ticks, with and without a
	// viewer. History is there when one comes, and costs next to nothing until
	// then.
	watchedPeriod = time.Second
	idlePeriod    = 5 * time.Second
	// snapshotTimeout bounds the wait of a tick for the observer's state.
	snapshotTimeout = 2 * time.Second
	// freshTimeout bounds how long a request waits for a tick of its own.
	freshTimeout = time.Second
)

// Options configures a Live. Snapshot and Wall are required.
type Options struct {
	// Snapshot returns the observer's state. It is never called twice at the
	// same time by this package.
	Snapshot func(context.Context) (event.Snapshot, error)
	// Wall turns a time of the source's clock into wall-clock time.
	Wall func(ns int64) time.Time
	GPUs func() gpu.Snapshot // nil for none
	Host func() host.Load    // nil for none
	// Now is the clock of ticks. Default time.Now.
	Now    func() time.Time
	Logger *slog.Logger // default: discard
	// Panicked is told of an error of modeltap itself, while its stack is there.
	// Default: it is logged.
	Panicked func(what string, r any)
	// What the page says of itself and links to.
	Version, Hostname, TelemetryPath string
	Pprof                            bool
}

// Live implements event.Sink. All methods may be called from any goroutine.
type Live struct {
	opts Options
	boot int64 // ms, tells this process from one before it
	asks chan chan struct{}
	done chan struct{} // closed when Run ends

	// Used by Run alone.
	deltas  deltas
	pending chan result // a Snapshot that did not return in time
	ticked  time.Time

	mu      sync.Mutex
	groups  groups
	recent  recent
	history history
	servers []Server
	running []Request
	told    uint64 // number of the last request that viewers were told of
	viewers map[*viewer]struct{}

	snapshots chan struct{} // holds a token for each snapshot being written
}

var _ event.Sink = (*Live)(nil)

// New returns a Live that is told of exchanges and ticks while Run runs.
func New(o Options) *Live {
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	if o.Panicked == nil {
		o.Panicked = func(what string, r any) {
			o.Logger.Error("modeltap itself failed, please report this", "lost", what, "panic", r, "stack", string(debug.Stack()))
		}
	}
	return &Live{
		opts: o, boot: o.Now().UnixMilli(),
		asks: make(chan chan struct{}), done: make(chan struct{}),
		groups: groups{}, viewers: map[*viewer]struct{}{},
		snapshots: make(chan struct{}, maxSnapshots),
	}
}

// Exchange implements event.Sink.
func (l *Live) Exchange(x *event.Exchange) {
	started := startOf(x, l.opts.Wall)
	l.mu.Lock()
	defer l.mu.Unlock()
	l.groups.of(x.Server, x.Model).add(x)
	l.recent.put(x, started)
}

// OtherRequest implements event.Sink: the page tells of model requests only.
func (l *Live) OtherRequest(string, int) {}

// Run ticks until ctx ends, ends all streams, and returns nil.
func (l *Live) Run(ctx context.Context) error {
	defer close(l.done)
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-timer.C:
			l.contain(func() { l.tick(ctx) })
		case asked := <-l.asks:
			l.contain(func() { l.tick(ctx) })
			close(asked)
		}
		timer.Reset(l.untilNext(l.opts.Now()))
	}
}

// untilNext is the time to the next tick, which is at the beginning of a
// second so that each has a second of its own.
func (l *Live) untilNext(now time.Time) time.Duration {
	l.mu.Lock()
	period := idlePeriod
	if len(l.viewers) > 0 {
		period = watchedPeriod
	}
	l.mu.Unlock()
	return now.Truncate(time.Second).Add(period).Sub(now)
}

// fresh has a tick made, unless there was one within this second.
func (l *Live) fresh(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, freshTimeout)
	defer cancel()
	asked := make(chan struct{})
	select {
	case l.asks <- asked:
	case <-ctx.Done():
		return
	case <-l.done:
		return
	}
	select {
	case <-asked:
	case <-ctx.Done():
	}
}

type result struct {
	s   event.Snapshot
	err error
}

// state asks the observer. One that hangs keeps one goroutine, and later ticks
// go on without.
func (l *Live) state(ctx context.Context) (event.Snapshot, bool) {
	if l.pending != nil {
		select {
		case <-l.pending:
			l.pending = nil
		default:
			return event.Snapshot{}, false
		}
	}
	ctx, cancel := context.WithTimeout(ctx, snapshotTimeout)
	defer cancel()
	answer := make(chan result, 1)
	go func() {
		r := result{err: errPanicked}
		l.contain(func() { r.s, r.err = l.opts.Snapshot(ctx) })
		answer <- r
	}()
	select {
	case r := <-answer:
		return r.s, r.err == nil
	case <-ctx.Done():
		l.pending = answer
		return event.Snapshot{}, false
	}
}

var errPanicked = errors.New("modeltap itself failed, see the log")

// contain runs f. A panic of it costs the tick: nothing contains it below.
func (l *Live) contain(f func()) {
	defer func() {
		if r := recover(); r != nil {
			l.opts.Panicked("a tick of the live page", r)
		}
	}()
	f()
}

// tick makes the tick of this second, unless there is one. The observer is
// asked first, so that what it finds meanwhile is in the tick.
func (l *Live) tick(ctx context.Context) {
	if now := l.opts.Now(); now.Unix() == l.ticked.Unix() {
		return
	}
	s, ok := l.state(ctx)
	t := Tick{State: ok}
	var state map[key]*present
	if ok {
		state = l.deltas.series(s.Series)
		t.Capture = l.deltas.capture(&s)
	}
	if l.opts.GPUs != nil {
		t.GPUs = gpusOf(l.opts.GPUs())
	}
	if l.opts.Host != nil {
		t.Host = hostOf(l.opts.Host())
	}
	now := l.opts.Now()
	if t.Second = now.Unix(); !l.ticked.IsZero() {
		t.Span = now.Sub(l.ticked).Round(time.Millisecond).Seconds()
	}
	l.ticked = now
	t.Groups = l.take(state, t.Second)
	text, err := json.Marshal(&t)
	if err != nil {
		l.opts.Logger.Error("a tick of the live page cannot be written; please report this", "err", err)
		return
	}
	var servers []Server
	var running []Request
	if ok {
		servers, running = serversOf(s.Servers), runningOf(&s, l.opts.Wall)
	}
	l.publish(kept{t.Second, text}, servers, running)
}

// take empties the groups into those of a tick, ordered by name.
func (l *Live) take(state map[key]*present, second int64) []Group {
	l.mu.Lock()
	defer l.mu.Unlock()
	for k, p := range state {
		if !p.empty() {
			l.groups.of(k.server, k.model).now.add(p)
		}
	}
	var out []Group
	for k, g := range l.groups {
		seen := g.seen
		if one, ok := g.take(k); ok {
			out, seen = append(out, one), second
		}
		if g.seen = seen; second-seen >= int64(Window/time.Second) {
			delete(l.groups, k)
		}
	}
	slices.SortFunc(out, func(a, b Group) int { return cmp.Or(cmp.Compare(a.Server, b.Server), cmp.Compare(a.Model, b.Model)) })
	return out
}

// publish keeps a tick and sends it to the viewers. Nil servers are unknown.
func (l *Live) publish(k kept, servers []Server, running []Request) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.history.put(k)
	l.running = running
	e := message{boot: l.boot, tick: k, running: running}
	if servers != nil && !slices.Equal(servers, l.servers) {
		l.servers, e.servers = servers, servers
	}
	if len(l.viewers) == 0 {
		l.told = l.recent.total
		return
	}
	e.requests = l.recent.after(l.told)
	l.told = l.recent.total
	l.send(e.encode())
}
