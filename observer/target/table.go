// SPDX-License-Identifier: Apache-2.0

package target

import (
	"net/netip"
	"regexp"
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
	Specs []Spec // none: discovery
	// Model and Ignore are the user's route rules for all targets.
	Model, Ignore []*regexp.Regexp
	MaxServers    int           // 0: DefaultMaxServers
	TTL           time.Duration // how long a gone server keeps its name; 0: 10 min
	// ByAddress names servers by local address and port and ignores groups
	// and namespaces: packets and files carry neither.
	ByAddress bool
	// Identify, when set, describes the owner of a socket that packets showed
	// before any listener was known. It is called once per new server.
	Identify func(group, netns uint64, local netip.AddrPort) Identity
	// Changed, when set, is called after what should be captured changed.
	Changed func()
}

// Table tells which server a connection belongs to. Resolve and Adopt may be
// called from any goroutine and take no lock for what is known.
type Table struct {
	view atomic.Pointer[view]
	tick atomic.Int64

	mu     sync.Mutex // guards what follows and all writing
	o      Options
	states []*state
	doors  map[uint64]Listener // by address: sockets whose servers packets will show
	other  *Server             // see overflow
}

// view is the immutable picture that Resolve reads.
type view struct {
	ports map[uint16][]entry
	specs []Spec           // the explicit targets
	doors []netip.AddrPort // by address: where sockets listen, any order
}

type entry struct {
	group, netns uint64
	addr         netip.Addr // of the spec or, by address, of the socket; zero: any
	live         bool
	server       *Server
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
	t := &Table{o: o, doors: make(map[uint64]Listener)}
	t.tick.Store(1)
	t.publish()
	return t
}

// Resolve returns the server that owns the local endpoint of a connection, or
// nil when it is not observed. group and netns may be 0 when unknown. It does
// not allocate for a known server.
func (t *Table) Resolve(group, netns uint64, local event.Endpoint) *Server {
	v := t.view.Load()
	e, sure := v.find(group, netns, local)
	if e == nil || !sure {
		if e == nil && !v.wants(local) {
			return nil
		}
		return t.admit(group, netns, local)
	}
	if tick := t.tick.Load(); e.server.used.Load() != tick {
		e.server.used.Store(tick)
	}
	return e.server
}

// Adopt makes the local endpoint a server, whatever the targets: for files
// without --target, once the stream layer has seen which side serves.
func (t *Table) Adopt(local event.Endpoint) *Server {
	if e, _ := t.view.Load().find(0, 0, local); e != nil {
		return e.server
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if e, _ := t.view.Load().find(0, 0, local); e != nil {
		return e.server
	}
	return t.create(nil, Listener{Local: local.AddrPort()}).server
}

// find returns the best entry; sure is false when the entry's namespace is not
// known yet and the packet's is, so that the two should be bound together.
func (v *view) find(group, netns uint64, local event.Endpoint) (best *entry, sure bool) {
	list := v.ports[local.Port]
	top := 0
	for i := range list {
		e := &list[i]
		if s := e.score(group, netns, local); s > top {
			best, top = e, s
		}
	}
	return best, best != nil && (netns == 0 || best.netns != 0)
}

// score is 0 for no match. Equal namespaces decide, then equal groups: a
// process may have moved to another cgroup between bind and accept.
func (e *entry) score(group, netns uint64, local event.Endpoint) int {
	s := 1
	switch {
	case e.netns != 0 && netns != 0:
		if e.netns != netns {
			return 0
		}
		s = 4
	case e.group != 0 && group != 0:
		if e.group != group {
			return 0
		}
		s = 2
	}
	if e.live {
		s += 8
	}
	if e.addr.IsValid() {
		if e.addr.As16() != local.IP {
			return 0
		}
		s += 16
	}
	return s
}

// wants says whether an unknown socket at local may become a server.
func (v *view) wants(local event.Endpoint) bool {
	for _, d := range v.doors {
		if open(d, local.AddrPort()) {
			return true
		}
	}
	if len(v.specs) == 0 {
		return len(v.ports[local.Port]) > 0 && !v.ports[local.Port][0].addr.IsValid()
	}
	for i := range v.specs {
		if v.specs[i].matches(local) {
			return true
		}
	}
	return false
}

// open says whether a socket that listens on door, a wildcard or not, accepts
// connections to local.
func open(door, local netip.AddrPort) bool {
	a := door.Addr().Unmap()
	return door.Port() == local.Port() && (!a.IsValid() || a.IsUnspecified() || a == local.Addr())
}

// publish rebuilds the view; the caller holds mu, or is the only one.
func (t *Table) publish() {
	v := &view{ports: make(map[uint16][]entry), specs: t.o.Specs}
	for _, d := range t.doors {
		v.doors = append(v.doors, d.Local)
	}
	for _, s := range t.states {
		e := entry{group: s.group, netns: s.netns, live: s.live(), server: s.server, addr: s.addr}
		if t.o.ByAddress {
			e.group, e.netns = 0, 0
		}
		v.ports[s.port] = append(v.ports[s.port], e)
	}
	t.view.Store(v)
}
