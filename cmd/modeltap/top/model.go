// SPDX-License-Identifier: Apache-2.0

package top

import (
	"context"
	"errors"
	"slices"
	"time"

	tea "charm.land/bubbletea/v2"

	"github.com/modeltap/modeltap/cmd/modeltap/top/client"
	"github.com/modeltap/modeltap/cmd/modeltap/top/figures"
	"github.com/modeltap/modeltap/cmd/modeltap/top/paint"
)

// The views, in the order of their keys.
const (
	viewServers = iota
	viewRequests
	viewLatency
	viewGPU
	viewSelf
	views
)

var viewNames = [views]string{"servers", "requests", "latency", "gpu", "self"}

// sample is what one look at the daemon gave.
type sample struct {
	scrape   *figures.Scrape
	requests []client.Request
	took     time.Duration
}

// fetcher looks at the daemon.
type fetcher func(context.Context) (sample, error)

// model is the state of the screen. Update and View are all that changes and
// shows it.
type model struct {
	ctx     context.Context
	fetch   fetcher
	address string
	glyphs  paint.Glyphs
	styles  styles

	now           time.Time // as of the last message
	width, height int
	interval      time.Duration
	round         int // of the timer that counts; others are of the past
	busy          bool

	past     history
	shown    *figures.Figures // nil until something was seen
	latest   *figures.Figures // beneath a pause
	requests []client.Request
	pending  []client.Request
	seen     time.Time // the last success
	took     time.Duration
	err      error // of the last look; nil is success

	view          int
	detail, help  bool
	paused        bool
	follow        bool
	typing        bool
	filter        string
	order, scale  int
	reversed      bool
	cursor        [views]int
	selected      figures.Key // of the row under the cursor
	detailRequest client.Request
}

// Messages beside those of the terminal.
type (
	fetchedMsg struct {
		sample
		err error
		at  time.Time
	}
	dueMsg   struct{ round int }
	clockMsg time.Time
)

// Init implements tea.Model.
func (m model) Init() tea.Cmd { return tea.Batch(m.look(), clock()) }

func clock() tea.Cmd {
	return tea.Every(time.Second, func(t time.Time) tea.Msg { return clockMsg(t) })
}

// look asks the daemon, once.
func (m model) look() tea.Cmd {
	return func() tea.Msg {
		began := time.Now()
		s, err := m.fetch(m.ctx)
		s.took = time.Since(began)
		return fetchedMsg{s, err, time.Now()}
	}
}

func (m model) due(after time.Duration) tea.Cmd {
	round := m.round
	return tea.Tick(max(after, 0), func(time.Time) tea.Msg { return dueMsg{round} })
}

// Update implements tea.Model.
func (m model) Update(msg tea.Msg) (tea.Model, tea.Cmd) {
	switch msg := msg.(type) {
	case tea.WindowSizeMsg:
		m.width, m.height = msg.Width, msg.Height
	case clockMsg:
		m.now = time.Time(msg)
		return m, clock()
	case dueMsg:
		if msg.round == m.round && !m.busy {
			m.busy = true
			return m, m.look()
		}
	case fetchedMsg:
		return m.fetched(msg)
	case tea.PasteMsg:
		if m.typing {
			m.filter = typed(m.filter, msg.Content)
		}
	case tea.KeyPressMsg:
		return m.key(msg)
	}
	return m, nil
}

// fetched takes in what the daemon said, or that it did not.
func (m model) fetched(msg fetchedMsg) (tea.Model, tea.Cmd) {
	if errors.Is(msg.err, context.Canceled) {
		return m, nil
	}
	m.busy, m.now, m.err = false, msg.at, msg.err
	m.round++
	if msg.err == nil {
		m.latest, m.pending = m.past.add(msg.scrape), msg.requests
		m.seen, m.took = msg.at, msg.took
		if !m.paused {
			m = m.reveal()
		}
	}
	return m, m.due(m.interval - msg.took)
}

// reveal shows the latest.
func (m model) reveal() model {
	if m.latest != nil {
		m.shown, m.requests = m.latest, m.pending
	}
	return m.settle()
}

// settle puts the cursor on a row that exists: on the one that it was on if
// that is followed.
func (m model) settle() model {
	for v := range m.cursor {
		m.cursor[v] = max(min(m.cursor[v], m.length(v)-1), 0)
	}
	if m.shown == nil {
		return m
	}
	rows := m.rows()
	if m.follow || m.detail {
		if i := slices.IndexFunc(rows, func(r *figures.Row) bool { return r.Key == m.selected }); i >= 0 {
			m.cursor[viewServers] = i
			return m
		}
		if m.detail {
			return m // the row may come back
		}
	}
	if i := m.cursor[viewServers]; i < len(rows) {
		m.selected = rows[i].Key
	}
	return m
}

// length returns how many lines of a view can be moved through.
func (m model) length(view int) int {
	switch {
	case m.shown == nil:
		return 0
	case view == viewServers:
		return len(m.rows())
	case view == viewRequests:
		return len(m.listed())
	case view == viewGPU:
		return len(m.shown.GPUs)
	}
	return 0
}
