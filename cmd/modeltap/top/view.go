// SPDX-License-Identifier: Apache-2.0

package top

import (
	"fmt"
	"strings"
	"time"

	tea "charm.land/bubbletea/v2"

	"github.com/modeltap/modeltap/cmd/modeltap/top/paint"
)

// View implements tea.Model.
func (m model) View() tea.View {
	v := tea.NewView(m.screen())
	v.AltScreen = true
	return v
}

// screen is all lines, none wider than the terminal and no more than it has.
func (m model) screen() string {
	if m.width <= 0 || m.height <= 0 {
		return ""
	}
	room := max(m.height-2, 0)
	body := m.body(room)
	if len(body) > room {
		body = body[:room]
	}
	if m.stale() {
		for i := range body {
			body[i] = over(m.styles.dim, body[i])
		}
	}
	for len(body) < room {
		body = append(body, "")
	}
	lines := append([]string{m.header()}, body...)
	if m.height > 1 {
		lines = append(lines, m.footer())
	}
	for i, l := range lines {
		lines[i] = m.glyphs.Cut(l, m.width)
	}
	return strings.Join(lines, "\n")
}

func (m model) body(room int) []string {
	switch {
	case m.help:
		return m.helpLines()
	case m.shown == nil:
		return m.connecting()
	case m.detail && m.view == viewServers:
		return m.serverDetail(room)
	case m.detail && m.view == viewRequests:
		return m.requestDetail()
	}
	switch m.view {
	case viewRequests:
		return m.requestsView(room)
	case viewLatency:
		return m.latencyView(room)
	case viewGPU:
		return m.gpuView(room)
	case viewSelf:
		return m.selfView()
	}
	return m.serversView(room)
}

func (m model) connecting() []string {
	if m.err == nil {
		return []string{"", "  connecting to " + m.address}
	}
	var lines []string
	for _, l := range wrap(m.err.Error(), m.width-4) {
		lines = append(lines, "  "+m.styles.bad.Render(l))
	}
	return append(append([]string{""}, lines...), "", "  trying again every "+m.interval.String())
}

// stale reports whether what is shown is of the past: the last look failed, or
// the present one takes long.
func (m model) stale() bool {
	return !m.seen.IsZero() && !m.paused && (m.err != nil || m.now.Sub(m.seen) > 2*m.interval+2*time.Second)
}

// state is the word for how things stand, and a mark so that colour is not
// alone.
func (m model) state() string {
	switch {
	case m.seen.IsZero() && m.err != nil:
		return m.styles.bad.Render("! no answer")
	case m.seen.IsZero():
		return m.styles.warn.Render("connecting")
	case m.paused && m.err != nil:
		return m.styles.warn.Render("paused") + " " + m.styles.bad.Render("! stale "+m.ago())
	case m.paused:
		return m.styles.warn.Render("paused")
	case m.stale():
		return m.styles.bad.Render("! stale " + m.ago())
	}
	return m.styles.good.Render("live")
}

func (m model) ago() string { return fmt.Sprintf("%d s", int(m.now.Sub(m.seen).Seconds())) }

func (m model) header() string {
	g := m.glyphs
	left := []string{m.styles.title.Render("modeltap top"), g.Plain(m.address), m.state(), m.interval.String()}
	if m.shown != nil && m.shown.Over > 0 {
		left = append(left, "over "+m.shown.Over.Round(time.Second).String())
	}
	var right []string
	if m.view == viewServers && !m.detail {
		arrow := g.Descending
		if m.ascending() {
			arrow = g.Ascending
		}
		right = append(right, "sort:"+orders[m.order].title+arrow)
	}
	if m.follow {
		right = append(right, "follow")
	}
	filter := g.None
	if m.filter != "" || m.typing {
		filter = g.Plain(m.filter)
	}
	right = append(right, "filter:"+filter)
	l, r := strings.Join(left, "  "), strings.Join(right, "  ")
	for gap := m.width - paint.Width(l) - paint.Width(r); gap < 2 && len(left) > 3; gap = m.width - paint.Width(l) - paint.Width(r) {
		left = left[:len(left)-1]
		l = strings.Join(left, "  ")
	}
	return l + strings.Repeat(" ", max(m.width-paint.Width(l)-paint.Width(r), 2)) + r
}

func (m model) footer() string {
	if m.typing {
		return "filter: " + m.glyphs.Plain(m.filter) + "_  " + m.styles.dim.Render("enter keeps it, esc drops it")
	}
	if m.err != nil && !m.seen.IsZero() {
		return m.styles.bad.Render("! " + m.glyphs.Plain(m.err.Error()))
	}
	keys := [][2]string{{"q", "quit"}, {"?", "help"}, {"/", "filter"}}
	switch {
	case m.detail:
		keys = append(keys, [2]string{"esc", "back"})
	case m.view == viewServers:
		keys = append(keys, [2]string{"s", "sort"}, [2]string{m.glyphs.Moves, "move"}, [2]string{"enter", "detail"})
	case m.view == viewRequests:
		keys = append(keys, [2]string{"t", "scale"}, [2]string{m.glyphs.Moves, "move"}, [2]string{"enter", "detail"})
	}
	keys = append(keys, [2]string{"space", "pause"})
	var parts []string
	for _, k := range keys {
		parts = append(parts, m.styles.key.Render(k[0])+" "+k[1])
	}
	var tabs []string
	for i, name := range viewNames {
		tab := fmt.Sprintf("%d %s", i+1, name)
		if i == m.view {
			tab = m.styles.chosen.Render("[" + tab + "]")
		}
		tabs = append(tabs, tab)
	}
	line := strings.Join(tabs, " ")
	for _, p := range parts { // as many as fit beside the views
		if longer := line + "  " + p; paint.Width(longer) <= m.width {
			line = longer
		}
	}
	return line
}

// wrap breaks a text at spaces into lines of width cells.
func wrap(text string, width int) []string {
	var lines []string
	line := ""
	for word := range strings.FieldsSeq(text) {
		if line != "" && paint.Width(line)+1+paint.Width(word) > width {
			lines, line = append(lines, line), ""
		}
		if line != "" {
			line += " "
		}
		line += word
	}
	return append(lines, line)
}
