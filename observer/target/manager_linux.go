// SPDX-License-Identifier: Apache-2.0

package target

import (
	"context"
	"io/fs"
	"log/slog"
	"os"
	"regexp"
	"slices"
	"sync"
	"time"

	"github.com/modeltap/modeltap/bpf"
	"github.com/modeltap/modeltap/observer/event"
)

const (
	// pollEvery is the time between looks at our own network namespace: 25 µs
	// each for some dozens of listeners.
	pollEvery = 2 * time.Second
	// expireEvery is the time between ticks of the Table.
	expireEvery = 10 * time.Second
	// idleTicks is how many of them a server known from packets alone stays.
	idleTicks = 60
	// maxSockets bounds the memory of bound sockets, candidates or not.
	maxSockets = 8192
)

// Config is what a Manager works with. Root and Discovery are nil for packet
// capture, which sees our own network namespace only.
type Config struct {
	Table *Table
	Root  *bpf.CgroupRoot
	// Subtree is the path below Root of the cgroup whose sockets alone may
	// become servers, "" or "/" for all; Discovery is attached there.
	Subtree   string
	Discovery *bpf.Discovery // nil: new listeners are found in our own namespace only
	// Apply is told what to capture, at first and after each change, on one
	// goroutine at a time. After an error it is told again.
	Apply      func(Capture) error
	Candidates *Candidates  // nil: DefaultCandidates
	Logger     *slog.Logger // nil discards
	// Roots are the host's root directory, or where it is mounted, for the names
	// of containers; nil: /host, then /.
	Roots []fs.FS
	// Container, if set, is asked for the names of a container by its id before
	// the Roots are searched. It answers soon, with locks held.
	Container func(id string) Name
}

// Capture is what should be captured.
type Capture struct {
	Dirs  []string // cgroup directories; one may lie in another; none without a Root
	Ports []uint16 // local ports, ascending
}

// Manager keeps a Table up to date. Its methods may be called from any
// goroutine.
type Manager struct {
	cfg    Config
	table  *Table
	groups *groups
	names  *naming
	log    *slog.Logger
	wake   chan struct{}

	hostPIDs bool
	netns    uint64 // our own network namespace, 0 unknown

	mu       sync.Mutex // guards what follows; taken before the Table's, never after
	sockets  map[uint64]*socket
	scanNext time.Time // when the next pass over all descriptors may be
	scout    scout
	told     map[string]bool // names of servers and forms of targets that were logged
	explicit bool
}

// socket is a TCP socket that listens or was given a port.
type socket struct {
	Listener
	inode     uint64
	own       bool // in our network namespace
	listens   bool
	since     time.Time
	attempts  int // to find its process by inode
	candidate bool
}

// NewManager returns a Manager of cfg.Table, which it tells whom to ask about
// unknown sockets; it has done nothing else yet.
func NewManager(cfg Config) *Manager {
	if cfg.Candidates == nil {
		cfg.Candidates = DefaultCandidates()
	}
	if cfg.Logger == nil {
		cfg.Logger = slog.New(slog.DiscardHandler)
	}
	if cfg.Roots == nil {
		cfg.Roots = []fs.FS{os.DirFS("/host"), os.DirFS("/")}
	}
	m := &Manager{
		cfg: cfg, table: cfg.Table, groups: newGroups(cfg.Root), names: newNaming(time.Now, cfg.Roots...), log: cfg.Logger,
		wake: make(chan struct{}, 1), hostPIDs: bpf.HostPIDs(), netns: netnsCookie(),
		sockets: make(map[uint64]*socket), told: make(map[string]bool),
	}
	m.names.ask = cfg.Container
	m.table.attend(m.identify, m.nudge)
	m.explicit = m.table.explicit()
	return m
}

// nudge has Run apply what changed.
func (m *Manager) nudge() {
	select {
	case m.wake <- struct{}{}:
	default:
	}
}

// Start makes what listens now known and applies it. Discovery, if any, must be
// attached before, so that no listener falls between the two.
func (m *Manager) Start() error {
	m.mu.Lock()
	m.poll(time.Now())
	if !m.table.byAddress() {
		m.survey()
	}
	m.scout.due(time.Now())
	m.mu.Unlock()
	m.steerScout(time.Now())
	m.report()
	return m.apply()
}

// Run follows what changes until ctx ends; Start comes first.
func (m *Manager) Run(ctx context.Context) error {
	poll, expire := time.NewTicker(pollEvery), time.NewTicker(expireEvery)
	defer poll.Stop()
	defer expire.Stop()
	failed := false
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-m.wake:
			failed = m.retry()
		case now := <-poll.C:
			m.mu.Lock()
			m.poll(now)
			m.mu.Unlock()
			m.steerScout(now)
			m.report()
			if failed {
				failed = m.retry()
			}
		case now := <-expire.C:
			m.table.Expire(now, idleTicks)
			m.mu.Lock()
			m.bury(now)
			m.mu.Unlock()
		}
	}
}

func (m *Manager) retry() (failed bool) {
	if err := m.apply(); err != nil {
		m.log.Error("the capture could not be changed, trying again", "err", err)
		return true
	}
	return false
}

func (m *Manager) apply() error {
	if m.cfg.Apply == nil {
		return nil
	}
	w := m.table.Want()
	c := Capture{Ports: w.Ports}
	if m.cfg.Root != nil {
		for _, id := range w.Groups {
			dir := m.groups.dir(id)
			if dir == "" { // gone, or out of sight
				w.Everywhere = true
				continue
			}
			c.Dirs = append(c.Dirs, dir)
		}
		if w.Everywhere {
			c.Dirs = []string{m.cfg.Root.Dir(m.cfg.Subtree)}
		}
		slices.Sort(c.Dirs)
	}
	return m.cfg.Apply(c)
}

// report logs each server and each target that is waited for, once.
func (m *Manager) report() {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, spec := range m.table.Waiting() {
		if key := "target " + spec.String(); !m.told[key] {
			m.told[key] = true
			m.log.Warn("nothing listens there yet; waiting for it", "target", spec.String())
		}
	}
	for _, s := range m.table.Servers() {
		if key := "server " + s.Name; s.Listening && !m.told[key] {
			m.told[key] = true
			m.log.Info("model server found", "server", s.Name, "address", s.Address, "port", s.Port, "pid", s.PID)
		}
	}
	if len(m.told) > maxSockets {
		clear(m.told)
	}
}

// Servers lists the servers, for /api/v1/servers and model_server_info.
func (m *Manager) Servers() []event.Server { return m.table.Servers() }

// Missed returns how many binds discovery was not told of.
func (m *Manager) Missed() uint64 {
	if m.cfg.Discovery == nil {
		return 0
	}
	n, err := m.cfg.Discovery.Missed()
	if err != nil {
		m.log.Debug("what discovery missed is not known", "err", err)
	}
	return n
}

// Reload replaces targets and route rules.
func (m *Manager) Reload(specs []Spec, model, ignore []*regexp.Regexp) {
	m.mu.Lock()
	m.table.Reload(specs, model, ignore)
	m.explicit = m.table.explicit()
	for _, s := range m.sockets {
		s.candidate, s.attempts = false, 0
		if s.PID != 0 && s.Comm == "" {
			s.Comm, s.Process = m.cfg.Candidates.describeProcess(s.PID)
		}
	}
	m.identifyAll(time.Now())
	for _, s := range m.sockets {
		if s.listens {
			m.offer(s)
		}
	}
	m.mu.Unlock()
	m.report()
	m.nudge()
}
