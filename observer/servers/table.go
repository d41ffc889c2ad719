// SPDX-License-Identifier: Apache-2.0

package servers

import (
	"net/netip"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/modeltap/modeltap/observer/event"
)

// DefaultMaxServers is the limit of distinct "server" labels.
const DefaultMaxServers = 256

// Options configure a Table.
type Options struct {
	Specs      []Spec // none: discovery
	Rules      Rules  // for all targets
	MaxServers int    // 0: DefaultMaxServers
	// TTL is how long a gone server keeps its name; 0: 10 min.
	TTL time.Duration
}

// Table tells which server a connection belongs to. Its methods may be called
// from any goroutine; none does input or output, or waits for one that does.
type Table struct {
	view       atomic.Pointer[view]
	tick       atomic.Int64
	generation atomic.Uint64
	changes    chan struct{}

	mu      sync.Mutex // guards what follows and all writing
	o       Options
	states  []*state
	refused map[uint64]Listener // sockets whose connections belong to nobody
	doors   map[uint64]Listener // see Door
	looked  bool                // doors are all there are
	other   *Server             // see overflow
}

// NewTable returns a Table that knows no listener yet.
func NewTable(o Options) *Table {
	if o.MaxServers <= 0 {
		o.MaxServers = DefaultMaxServers
	}
	if o.TTL <= 0 {
		o.TTL = 10 * time.Minute
	}
	o.Specs = slices.Clone(o.Specs)
	t := &Table{
		o: o, changes: make(chan struct{}, 1),
		refused: make(map[uint64]Listener), doors: make(map[uint64]Listener),
	}
	t.tick.Store(1)
	t.publish()
	return t
}

// Changed returns a channel that yields after what should be captured, or whom
// nobody knows, has changed; changes in short order yield once.
func (t *Table) Changed() <-chan struct{} { return t.changes }

func (t *Table) changed() {
	select {
	case t.changes <- struct{}{}:
	default:
	}
}

// Explicit says whether there are targets; without, this is discovery.
func (t *Table) Explicit() bool { return len(t.view.Load().specs) > 0 }

// Means says whether a listener on port may become a server.
func (t *Table) Means(port uint16) bool {
	specs := t.view.Load().specs
	return len(specs) == 0 || slices.ContainsFunc(specs, func(s Spec) bool { return s.Port == port })
}

// Generation grows with each Reload, after which the listeners have to be added
// again.
func (t *Table) Generation() uint64 { return t.generation.Load() }

// activeOpen says that the sender of the response direction asks for the
// connection, so that it is a client whose own port equals a server's.
func activeOpen(first *event.Segment) bool {
	return first.Dir == event.Response && first.Flags&(event.SYN|event.ACK) == event.SYN
}

// Resolve returns the server that a connection belongs to whose first segment
// seen is first, or nil when it is not observed. It does not allocate for a
// known server.
func (t *Table) Resolve(first *event.Segment) *Server {
	if activeOpen(first) {
		return nil
	}
	p := first.Place()
	v := t.view.Load()
	e := v.find(p)
	switch {
	case e == nil && !v.wants(p, first.Flags&event.SYN != 0):
		return nil
	case e == nil || e.server != nil && p.NetNS != 0 && e.place.NetNS == 0:
		return t.admit(p)
	case e.server == nil:
		return nil
	}
	if tick := t.tick.Load(); e.server.used.Load() != tick {
		e.server.used.Store(tick)
	}
	return e.server
}

// Adopt makes the local endpoint a server, whatever the targets: for files
// without --target, once the stream layer has seen which side serves.
func (t *Table) Adopt(local event.Endpoint) *Server {
	at := local.AddrPort()
	p := event.Place{Addr: at.Addr(), Port: at.Port()}
	if e := t.view.Load().find(p); e != nil {
		return e.server
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if e := t.view.Load().find(p); e != nil {
		return e.server
	}
	return t.create(nil, Listener{Place: p}).server
}

// admit is the slow path of Resolve: packets of an unknown socket that may be a
// server's, or of one whose namespace was not known.
func (t *Table) admit(p event.Place) *Server {
	t.mu.Lock()
	defer t.mu.Unlock()
	if e := t.view.Load().find(p); e != nil {
		if p.NetNS != 0 && e.place.NetNS == 0 {
			for _, s := range t.states {
				if s.server == e.server {
					s.learn(p)
				}
			}
			t.publish()
		}
		return e.server
	}
	spec := t.specFor(p)
	l := Listener{Place: p}
	d := t.door(p)
	if d != nil {
		l.Owner, l.Verdict = d.Owner, d.Verdict
	}
	s := t.create(spec, l)
	s.door = d != nil
	if !anonymous(p) && s.server != t.other {
		s.server.belief.Store(doubted)
	}
	t.changed()
	return s.server
}

// specFor returns the target that means connections to p: of two, the one that
// names the address.
func (t *Table) specFor(p event.Place) *Spec {
	var best *Spec
	for i := range t.o.Specs {
		if s := &t.o.Specs[i]; s.matches(p) && (best == nil || s.Addr.IsValid()) {
			best = s
		}
	}
	return best
}

// create makes a new state and publishes it.
func (t *Table) create(spec *Spec, l Listener) *state {
	s := &state{spec: spec, base: baseName(spec, &l), place: t.reach(spec, &l), unnamed: l.Unnamed, sockets: make(map[uint64]Listener)}
	if len(t.states) >= maxStates && !t.evict() {
		s.server = t.overflow()
		t.join(s, l)
		return s
	}
	s.server = &Server{Explicit: spec != nil, table: t}
	s.server.name.Store(&s.base)
	if l.Key != 0 {
		s.sockets[l.Key] = l // by its verdict others may stand back
	}
	t.rename(s, s.base)
	s.server.rules.Store(t.rules(spec))
	if spec != nil {
		t.stand(s.server)
	}
	s.server.used.Store(t.tick.Load())
	t.join(s, l)
	t.states = append(t.states, s)
	t.publish()
	return s
}

// reach returns where a new server is that l shows. A socket has its own
// address; packets to one of its addresses speak for all, unless something else
// is known to listen on the port, or addresses are all that names it.
func (t *Table) reach(spec *Spec, l *Listener) event.Place {
	p := l.Place
	switch {
	case spec != nil && spec.Addr.IsValid():
		p.Addr = spec.Addr
	case l.Key != 0:
	case anonymous(p):
		if spec != nil && spec.Name != "" {
			p.Addr = netip.Addr{}
		}
	case !t.shared(p):
		p.Addr = netip.Addr{}
	}
	return p
}

// shared says whether something is known on the port and in the namespace of p.
func (t *Table) shared(p event.Place) bool {
	for _, l := range t.refused {
		if beside, _ := l.Beside(p); beside {
			return true
		}
	}
	for _, s := range t.states {
		if beside, _ := s.place.Beside(p); beside {
			return true
		}
		for _, l := range s.sockets {
			if beside, _ := l.Beside(p); beside {
				return true
			}
		}
	}
	return false
}

func (t *Table) rules(spec *Spec) *Rules {
	if spec == nil {
		return Rules{}.with(t.o.Rules)
	}
	return spec.Rules.with(t.o.Rules)
}
