// SPDX-License-Identifier: Apache-2.0

package top

import (
	"charm.land/lipgloss/v2"
	"github.com/charmbracelet/x/ansi"
)

// styles use the terminal's own 16 colours and never alone: what is bad also has
// a mark, what is selected too.
type styles struct {
	title, head, dim, good, warn, bad, key, chosen lipgloss.Style
	wait, prefill, decode                          lipgloss.Style
}

func newStyles() styles {
	colour := func(n string) lipgloss.Style { return lipgloss.NewStyle().Foreground(lipgloss.Color(n)) }
	return styles{
		title: lipgloss.NewStyle().Bold(true), head: lipgloss.NewStyle().Bold(true), dim: lipgloss.NewStyle().Faint(true),
		good: colour("2"), warn: colour("3"), bad: colour("1").Bold(true), key: colour("6"),
		chosen: lipgloss.NewStyle().Reverse(true),
		wait:   colour("3"), prefill: colour("6"), decode: colour("2"),
	}
}

// over gives a whole line one style in place of those in it.
func over(s lipgloss.Style, line string) string { return s.Render(ansi.Strip(line)) }
