// SPDX-License-Identifier: Apache-2.0

// Package paint draws figures with characters: bars, sparklines, heat, tables
// and numbers. It has no state.
package paint

import "strings"

// Glyphs are the characters to draw with.
type Glyphs struct {
	Spark                         []string // from nothing to most
	Shade                         []string
	Wait, Prefill, Decode, Whole  string // parts of a request
	Full, Empty                   string // of a bar
	More                          string // where text was cut
	None                          string // unknown
	Ascending, Descending, Cursor string
	Rule, Degrees, Micro, Moves   string
}

// Unicode returns the characters for a terminal that shows UTF-8.
func Unicode() Glyphs {
	return Glyphs{
		Spark: []string{" ", "▁", "▂", "▃", "▄", "▅", "▆", "▇", "█"}, Shade: []string{" ", "░", "▒", "▓", "█"},
		Wait: "─", Prefill: "━", Decode: "█", Whole: "▒", Full: "|", Empty: " ",
		More: "…", None: "–", Ascending: "▲", Descending: "▼", Cursor: "›", Rule: "─", Degrees: "°C", Micro: "µs", Moves: "↑↓",
	}
}

// ASCII returns the characters for any terminal.
func ASCII() Glyphs {
	return Glyphs{
		Spark: []string{" ", "_", ".", ":", "-", "=", "+", "*", "#"}, Shade: []string{" ", ".", ":", "*", "#"},
		Wait: "-", Prefill: "=", Decode: "#", Whole: "%", Full: "|", Empty: " ",
		More: "~", None: "-", Ascending: "^", Descending: "v", Cursor: ">", Rule: "-", Degrees: "C", Micro: "us", Moves: "jk",
	}
}

// UTF8 reports whether the locale of an environment (as of os.Environ) is one
// of UTF-8, as POSIX has it: LC_ALL, else LC_CTYPE, else LANG.
func UTF8(environ []string) bool {
	get := func(name string) (value string) {
		for _, line := range environ {
			if k, v, _ := strings.Cut(line, "="); k == name {
				value = v
			}
		}
		return value
	}
	for _, name := range []string{"LC_ALL", "LC_CTYPE", "LANG"} {
		if v := get(name); v != "" {
			v = strings.ToLower(v)
			return strings.Contains(v, "utf-8") || strings.Contains(v, "utf8")
		}
	}
	return false
}
