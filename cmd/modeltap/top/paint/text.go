// SPDX-License-Identifier: Apache-2.0

package paint

import (
	"fmt"
	"math"
	"strings"
	"time"

	"github.com/charmbracelet/x/ansi"
)

// Width returns how many cells a text takes; styles take none.
func Width(s string) int { return ansi.StringWidth(s) }

// Cut shortens a text, styled or not, to width cells.
func (g Glyphs) Cut(s string, width int) string {
	if Width(s) <= width {
		return s
	}
	return ansi.Truncate(s, max(width, 0), g.More)
}

// Pad brings a text to width cells exactly.
func (g Glyphs) Pad(s string, width int, right bool) string {
	s = g.Cut(s, width)
	gap := strings.Repeat(" ", max(width-Width(s), 0))
	if right {
		return gap + s
	}
	return s + gap
}

// KeepEnd shortens a text to width cells and keeps its end, where names differ.
func (g Glyphs) KeepEnd(s string, width int) string {
	w := Width(s)
	if w <= width {
		return s
	}
	if width <= Width(g.More) {
		return ansi.Truncate(s, max(width, 0), "")
	}
	return ansi.TruncateLeft(s, w-width+Width(g.More), g.More)
}

// Plain replaces what is not ASCII where the terminal shows nothing else.
func (g Glyphs) Plain(s string) string {
	if g.More != "~" {
		return s
	}
	return strings.Map(func(r rune) rune {
		if r > '~' {
			return '?'
		}
		return r
	}, s)
}

// Seconds writes a time with about three digits: 950µs, 25.3ms, 1.25s, 2m05s.
func (g Glyphs) Seconds(v float64) string {
	switch {
	case math.IsNaN(v):
		return g.None
	case v < .9995e-3:
		return fmt.Sprintf("%.0f%s", v*1e6, g.Micro)
	case v < 9.995e-3:
		return fmt.Sprintf("%.2fms", v*1e3)
	case v < 99.95e-3:
		return fmt.Sprintf("%.1fms", v*1e3)
	case v < .9995:
		return fmt.Sprintf("%.0fms", v*1e3)
	case v < 9.995:
		return fmt.Sprintf("%.2fs", v)
	case v < 99.95:
		return fmt.Sprintf("%.1fs", v)
	}
	return Age(time.Duration(v * float64(time.Second)))
}

// Age writes how long something is ago: 5s, 2m05s, 3h07m, 4d02h.
func Age(d time.Duration) string {
	s := int64(max(d, 0).Seconds())
	switch {
	case s < 60:
		return fmt.Sprintf("%ds", s)
	case s < 3600:
		return fmt.Sprintf("%dm%02ds", s/60, s%60)
	case s < 86400:
		return fmt.Sprintf("%dh%02dm", s/3600, s/60%60)
	}
	return fmt.Sprintf("%dd%02dh", s/86400, s/3600%24)
}

// Number writes a value with few digits: 0, 0.5, 12.3, 1670, 12.3k.
func (g Glyphs) Number(v float64) string {
	switch a := math.Abs(v); {
	case math.IsNaN(v):
		return g.None
	case v == 0:
		return "0"
	case a < .05:
		return fmt.Sprintf("%.2f", v)
	case a < 99.95:
		return strings.TrimSuffix(fmt.Sprintf("%.1f", v), ".0")
	case a < 9999.5:
		return fmt.Sprintf("%.0f", v)
	}
	return scaled(v, 1000, []string{"", "k", "M", "G", "T"})
}

// Fixed writes a rate with one decimal, so that a column of them lines up.
func (g Glyphs) Fixed(v float64) string {
	if math.IsNaN(v) || v >= 999.95 {
		return g.Number(v)
	}
	return fmt.Sprintf("%.1f", v)
}

// Bytes writes a size: 512B, 1.5Ki, 31.4Gi.
func (g Glyphs) Bytes(v float64) string {
	if math.IsNaN(v) {
		return g.None
	}
	if v < 1024 {
		return fmt.Sprintf("%.0fB", v)
	}
	return scaled(v, 1024, []string{"B", "Ki", "Mi", "Gi", "Ti"})
}

// Percent writes a share as a whole number of percent.
func (g Glyphs) Percent(v float64) string {
	if math.IsNaN(v) || math.IsInf(v, 0) {
		return g.None
	}
	return fmt.Sprintf("%.0f%%", v*100)
}

func scaled(v, step float64, units []string) string {
	i := 0
	for ; math.Abs(v) >= step*.9995 && i < len(units)-1; i++ {
		v /= step
	}
	if math.Abs(v) < 99.95 {
		return fmt.Sprintf("%.1f%s", v, units[i])
	}
	return fmt.Sprintf("%.0f%s", v, units[i])
}
