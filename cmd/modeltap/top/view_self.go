// SPDX-License-Identifier: Apache-2.0

package top

import (
	"fmt"
	"strings"

	"github.com/modeltap/modeltap/cmd/modeltap/top/figures"
	"github.com/modeltap/modeltap/cmd/modeltap/top/paint"
)

// selfView tells whether anything is lost, then what modeltap works with and
// takes.
func (m model) selfView() []string {
	f, g := m.shown, m.glyphs
	s := &f.Self
	verdict := m.styles.good.Render("nothing lost")
	if s.Lost.Total > 0 || s.Gaps.Total > 0 {
		verdict = m.styles.bad.Render("! figures have holes: see what is lost")
	}
	lines := []string{m.styles.head.Render("MODELTAP "+g.Plain(s.Version)) + "  " + verdict}
	lines = append(lines, m.unseen(s)...)
	lines = append(lines, "")
	line := func(name, value string) {
		for i, l := range wrap(value, max(m.width-20, 10)) {
			if i > 0 {
				name = ""
			}
			lines = append(lines, fmt.Sprintf("  %-16s %s", name, l))
		}
	}
	for _, source := range s.Sources {
		line("captures by", g.Plain(source))
	}
	line("captured", g.Number(s.Packets)+" packets/s, "+g.Bytes(s.Bytes)+"/s")
	line("holds", g.Number(s.Tracked)+" connections, "+g.Bytes(s.Buffered)+" out of order")
	line("takes", fmt.Sprintf("%s of a processor, %s resident, %s goroutines", g.Percent(s.CPU), g.Bytes(s.Resident), g.Number(s.Routines)))
	up := g.None
	if s.Started > 0 {
		up = paint.Age(m.now.Sub(unix(s.Started)))
	}
	line("up", up+"; it answers in "+g.Seconds(m.took.Seconds()))
	switch s.Reloaded {
	case 0:
		line("last reload", "! refused: the old configuration is in force, and the log says why")
	case 1:
		line("last reload", "taken")
	}
	var has, lacks []string
	for _, x := range s.Features {
		if x.Has {
			has = append(has, g.Plain(x.Name))
		} else {
			lacks = append(lacks, g.Plain(x.Name))
		}
	}
	if len(lacks) > 0 {
		line("! host lacks", strings.Join(lacks, " ")+" (modeltap check names the remedies)")
	}
	if len(has) > 0 {
		line("host offers", strings.Join(has, " "))
	}
	return lines
}

// unseen are the counters of what is missing from the figures.
func (m model) unseen(s *figures.Self) []string {
	g := m.glyphs
	const form = "  %-50s %10s %12s"
	lines := []string{m.styles.head.Render(fmt.Sprintf(form, "NOT SEEN OR NOT UNDERSTOOD", "TOTAL", "PER SECOND"))}
	zero := 0
	for i, c := range append([]figures.Count{s.Lost, s.Gaps}, s.Counters...) {
		if c.Total == 0 && i > 1 {
			zero++
			continue
		}
		text := fmt.Sprintf(form, g.Plain(c.Name), g.Number(c.Total), g.Fixed(c.Rate))
		if c.Total > 0 && i <= 1 {
			text = m.styles.bad.Render(text + " !")
		}
		lines = append(lines, text)
	}
	return append(lines, m.styles.dim.Render(fmt.Sprintf("  %d other counters are at 0", zero)))
}
