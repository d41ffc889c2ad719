// SPDX-License-Identifier: Apache-2.0

package top

import (
	"fmt"
	"math"
	"strings"

	"github.com/modeltap/modeltap/cmd/modeltap/top/figures"
)

const (
	// full is the share of a GPU's memory that is marked, as the alert
	// GPUMemoryAlmostFull.
	full = .90
	// hot is marked where the GPU does not say when it slows down.
	hot = 85
)

// gpuSummary is a line for each GPU where there is room for them, else one for
// all.
func (m model) gpuSummary(room int) []string {
	gpus := m.shown.GPUs
	if len(gpus) == 0 {
		return nil
	}
	if len(gpus) <= max(room, 1) {
		var lines []string
		for i := range gpus {
			lines = append(lines, m.gpuLine(&gpus[i]))
		}
		return lines
	}
	nan := math.NaN()
	busy, memory, hottest, n := 0.0, nan, nan, 0
	watts, bad := nan, 0
	for i := range gpus {
		g := &gpus[i]
		if !math.IsNaN(g.Utilization) {
			busy, n = busy+g.Utilization, n+1
		}
		memory, hottest = larger(memory, g.Memory()), larger(hottest, g.Celsius)
		if !math.IsNaN(g.Power) {
			watts = larger(watts, 0) + g.Power
		}
		if m.gpuTrouble(g) != "" {
			bad++
		}
	}
	mean := busy / float64(n)
	fullest := "mem max " + m.glyphs.Percent(memory)
	if memory > full {
		fullest = m.styles.warn.Render(fullest + "!")
	}
	line := fmt.Sprintf("%d GPUs util %s %s  %s  %sW  max %s%s", len(gpus), m.glyphs.Bar(mean, 16), m.glyphs.Percent(mean),
		fullest, m.glyphs.Number(math.Round(watts)), m.glyphs.Number(math.Round(hottest)), m.glyphs.Degrees)
	if bad > 0 {
		line += "  " + m.styles.bad.Render(fmt.Sprintf("%d in trouble! (4)", bad))
	}
	return []string{line}
}

// larger returns the larger of two values of which either may be unknown.
func larger(a, b float64) float64 {
	if !(a > b) && !math.IsNaN(b) {
		return b
	}
	return a
}

func (m model) gpuLine(g *figures.GPU) string {
	wide := min(max((m.width-46)/2, 6), 40)
	name := "GPU" + m.glyphs.Plain(g.Index)
	if g.Instance != "" {
		name = m.glyphs.Plain(g.Instance) + " " + name
	}
	if !g.Up {
		return name + " " + m.styles.bad.Render("! cannot be read")
	}
	memory := m.glyphs.Bar(g.Memory(), wide)
	share := m.glyphs.Pad(m.glyphs.Percent(g.Memory()), 4, true)
	if g.Memory() > full {
		memory, share = m.styles.warn.Render(memory), m.styles.warn.Render(share+"!")
	}
	line := fmt.Sprintf("%s util %s %s mem %s %s %s", name,
		m.styles.good.Render(m.glyphs.Bar(g.Utilization, wide)), m.glyphs.Pad(m.glyphs.Percent(g.Utilization), 4, true), memory, share, m.power(g))
	heat := " " + m.glyphs.Number(math.Round(g.Celsius)) + m.glyphs.Degrees
	if m.tooHot(g) {
		heat = m.styles.bad.Render(heat + "!")
	}
	line += heat
	if t := m.gpuTrouble(g); t != "" {
		line += " " + m.styles.bad.Render("! "+t)
	}
	return line
}

func (m model) power(g *figures.GPU) string {
	limit := ""
	if !math.IsNaN(g.PowerLimit) {
		limit = "/" + m.glyphs.Number(math.Round(g.PowerLimit))
	}
	return m.glyphs.Number(math.Round(g.Power)) + limit + "W"
}

func (m model) tooHot(g *figures.GPU) bool {
	if math.IsNaN(g.Slowdown) {
		return g.Celsius > hot
	}
	return g.Celsius >= g.Slowdown-5
}

// gpuTrouble says in few words what is wrong with a GPU.
func (m model) gpuTrouble(g *figures.GPU) string {
	var all []string
	for _, reason := range g.Throttled {
		if reason == "sw_thermal" || reason == "hw_thermal" || reason == "hw_power_brake" || reason == "hw_slowdown" {
			all = append(all, "throttled: "+reason)
			break
		}
	}
	if g.XIDs > 0 {
		all = append(all, m.glyphs.Number(g.XIDs)+" XID")
	}
	if g.ECC > 0 {
		all = append(all, m.glyphs.Number(g.ECC)+" ECC")
	}
	if g.Recovery > 0 {
		all = append(all, "needs a reset")
	}
	return m.glyphs.Plain(strings.Join(all, ", "))
}

// gpuView tells everything of each GPU, then the host.
func (m model) gpuView(room int) []string {
	var lines []string
	for i := range m.shown.GPUs {
		g := &m.shown.GPUs[i]
		head := m.styles.head.Render(m.glyphs.Plain("GPU" + g.Index + "  " + g.Name + "  " + g.UUID))
		lines = append(lines, head, m.gpuLine(g))
		for _, l := range m.gpuDetail(g) {
			lines = append(lines, "     "+l)
		}
	}
	if len(m.shown.GPUs) == 0 {
		lines = append(lines, "no GPU: the host has none, its driver is missing, or modeltap runs with --no-gpu (modeltap check tells)")
	}
	h := &m.shown.Host
	cores := fmt.Sprintf("%s processors, load %s", m.glyphs.Number(h.CPUs), m.glyphs.Number(h.Load1))
	end := []string{"", m.styles.head.Render("HOST"), fmt.Sprintf("cpu  %s %s  mem %s %s  %s of %s", m.glyphs.Bar(h.CPU, 16), m.glyphs.Pad(m.glyphs.Percent(h.CPU), 4, true),
		m.glyphs.Bar(h.Memory(), 16), m.glyphs.Pad(m.glyphs.Percent(h.Memory()), 4, true), m.glyphs.Bytes(h.Total-h.Free), m.glyphs.Bytes(h.Total)), "     " + cores}
	space := max(room-len(end), 0)
	if len(lines) > space { // a GPU takes four lines
		from := min(m.cursor[viewGPU]*4, len(lines)-space)
		lines = lines[from : from+space]
	}
	return append(lines, end...)
}

// gpuDetail is two lines of what is known beyond gpuLine.
func (m model) gpuDetail(g *figures.GPU) []string {
	p := m.glyphs
	throttled := "none"
	if len(g.Throttled) > 0 {
		throttled = p.Plain(strings.Join(g.Throttled, " "))
	}
	about := []string{p.Bytes(g.Used) + " of " + p.Bytes(g.Total), "throttle " + throttled}
	var busy []string
	for _, x := range []struct {
		of          float64
		name, value string
		to          *[]string
	}{
		{g.Slowdown, "slows down at", p.Number(g.Slowdown) + p.Degrees, &about},
		{g.XIDs, "XID", p.Number(g.XIDs), &about}, {g.ECC, "ECC", p.Number(g.ECC), &about},
		{g.SM, "SM", p.Percent(g.SM), &busy}, {g.Tensor, "tensor", p.Percent(g.Tensor), &busy}, {g.DRAM, "DRAM", p.Percent(g.DRAM), &busy},
		{g.Clock, "clock", p.Number(math.Round(g.Clock/1e6)) + "MHz", &busy}, {g.Fan, "fan", p.Percent(g.Fan), &busy},
		{g.Processes, "processes", p.Number(g.Processes), &busy},
	} {
		if !math.IsNaN(x.of) {
			*x.to = append(*x.to, x.name+" "+x.value)
		}
	}
	return []string{strings.Join(about, "  "), strings.Join(busy, "  ")}
}
