// SPDX-License-Identifier: Apache-2.0

package top

import (
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	tea "charm.land/bubbletea/v2"

	"github.com/modeltap/modeltap/cmd/modeltap/top/figures"
)

// steps are the intervals that + and - go through.
var steps = []time.Duration{
	500 * time.Millisecond, time.Second, 2 * time.Second, 5 * time.Second, 10 * time.Second, 30 * time.Second, time.Minute,
}

// maxFilter bounds what is typed.
const maxFilter = 64

func (m model) key(k tea.KeyPressMsg) (tea.Model, tea.Cmd) {
	name := k.String()
	if name == "ctrl+c" {
		return m, tea.Quit
	}
	if m.typing {
		return m.filterKey(name, k.Text).settle(), nil
	}
	switch name {
	case "q":
		return m, tea.Quit
	case "ctrl+z":
		return m, tea.Suspend
	case "ctrl+l":
		return m, tea.ClearScreen
	case "?", "h", "f1":
		m.help = !m.help
		return m, nil
	case "esc", "backspace":
		return m.leave().settle(), nil
	case "+", "=", "-", "_":
		m.interval = stepped(m.interval, name == "+" || name == "=")
		m.round++
		if m.busy {
			return m, nil // the answer starts the timer
		}
		return m, m.due(m.interval)
	case "space", "p":
		m.paused = !m.paused
		if !m.paused {
			m = m.reveal()
		}
		return m, nil
	}
	return m.navigate(name).settle(), nil
}

// navigate handles the keys that change what is looked at.
func (m model) navigate(name string) model {
	m.help = false
	page := max(m.height-6, 1)
	switch name {
	case "1", "2", "3", "4", "5":
		return m.show(int(name[0] - '1'))
	case "r":
		return m.show(viewRequests)
	case "tab":
		return m.show((m.view + 1) % views)
	case "shift+tab":
		return m.show((m.view + views - 1) % views)
	case "up", "k":
		return m.move(-1)
	case "down", "j":
		return m.move(1)
	case "pgup", "ctrl+b", "ctrl+u":
		return m.move(-page)
	case "pgdown", "ctrl+f", "ctrl+d":
		return m.move(page)
	case "home", "g":
		return m.move(-1 << 30)
	case "end", "G":
		return m.move(1 << 30)
	case "enter", "right":
		return m.enter()
	case "left":
		return m.leave()
	case "s", ">", ".":
		m.order = m.nextOrder(1)
	case "<", ",":
		m.order = m.nextOrder(-1)
	case "S":
		m.reversed = !m.reversed
	case "/":
		m.typing, m.detail = true, false
	case "f":
		m.follow = !m.follow
	case "t":
		m.scale = (m.scale + 1) % scales
	}
	return m
}

func (m model) show(view int) model {
	m.view, m.detail = view, false
	return m
}

func (m model) move(by int) model {
	if m.detail {
		return m
	}
	c := &m.cursor[m.view]
	*c = max(min(*c+by, m.length(m.view)-1), 0)
	if m.view == viewServers && m.shown != nil {
		if rows := m.rows(); *c < len(rows) {
			m.selected = rows[*c].Key
		}
	}
	return m
}

// enter shows the details of the line under the cursor.
func (m model) enter() model {
	i := m.cursor[m.view]
	if i >= m.length(m.view) {
		return m
	}
	switch m.view {
	case viewServers:
		m.detail, m.selected = true, m.rows()[i].Key
	case viewRequests:
		m.detail, m.detailRequest = true, m.listed()[i]
	}
	return m
}

// leave goes one step back: from help, details, a filter, to the servers.
func (m model) leave() model {
	switch {
	case m.help:
		m.help = false
	case m.detail:
		m.detail = false
	case m.filter != "":
		m.filter = ""
	default:
		m.view = viewServers
	}
	return m
}

func (m model) filterKey(name, text string) model {
	switch name {
	case "enter":
		m.typing = false
	case "esc":
		m.typing, m.filter = false, ""
	case "backspace":
		_, n := utf8.DecodeLastRuneInString(m.filter)
		m.filter = m.filter[:len(m.filter)-n]
	case "ctrl+u", "ctrl+w":
		m.filter = ""
	default:
		m.filter = typed(m.filter, text)
	}
	return m
}

// typed adds typed or pasted text to a line.
func typed(line, text string) string {
	text, _, _ = strings.Cut(text, "\n")
	if line += figures.Clean(text); len(line) > maxFilter {
		line = strings.ToValidUTF8(line[:maxFilter], "")
	}
	return line
}

// stepped returns the next interval, longer or shorter.
func stepped(d time.Duration, longer bool) time.Duration {
	if longer {
		if i := slices.IndexFunc(steps, func(s time.Duration) bool { return s > d }); i >= 0 {
			return steps[i]
		}
		return d
	}
	for _, s := range slices.Backward(steps) {
		if s < d {
			return s
		}
	}
	return d
}

// fits reports whether the filter lets a line with these texts through.
func (m model) fits(texts ...string) bool {
	if m.filter == "" {
		return true
	}
	want := strings.ToLower(m.filter)
	return slices.ContainsFunc(texts, func(t string) bool { return strings.Contains(strings.ToLower(t), want) })
}
