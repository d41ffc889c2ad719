// SPDX-License-Identifier: Apache-2.0

package event

import (
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"
)

func TestLabel(t *testing.T) {
	const bad = "\uFFFD"
	for _, c := range []struct{ name, in, want string }{
		{"empty", "", ""},
		{"plain", "meta-llama/Llama-3.1-8B", "meta-llama/Llama-3.1-8B"},
		{"unicode", "模型-é", "模型-é"},
		{"replacement character itself", "a" + bad, "a" + bad},
		{"control", "a\nb\x00c\x7fd", "a" + bad + "b" + bad + "c" + bad + "d"},
		{"C1 control", "a\u0085b", "a" + bad + "b"},
		{"invalid UTF-8", "a\xffb", "a" + bad + "b"},
		{"cut rune", "a\xe6\xa8", "a" + bad + bad},
		{"at the limit", strings.Repeat("x", 128), strings.Repeat("x", 128)},
		{"over the limit", strings.Repeat("x", 129), strings.Repeat("x", 128)},
		{"rune over the limit", strings.Repeat("x", 126) + "模", strings.Repeat("x", 126)},
		{"rune at the limit", strings.Repeat("x", 125) + "模yz", strings.Repeat("x", 125) + "模"},
		{"replacement over the limit", strings.Repeat("x", 127) + "\n", strings.Repeat("x", 127)},
	} {
		if got := Label(c.in); got != c.want {
			t.Errorf("%s: Label(%q) = %q, want %q", c.name, c.in, got, c.want)
		}
	}
}

func TestLabelDoesNotAllocateWhenFit(t *testing.T) {
	s := strings.Repeat("m", MaxLabel)
	if n := testing.AllocsPerRun(100, func() { s = Label(s) }); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

func FuzzLabel(f *testing.F) {
	for _, s := range []string{"", "a", "\xff", "\n", "模", strings.Repeat("é", 65)} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		got := Label(s)
		if len(got) > MaxLabel || !utf8.ValidString(got) || strings.ContainsFunc(got, unicode.IsControl) {
			t.Fatalf("Label(%q) = %q", s, got)
		}
		if Label(got) != got {
			t.Fatalf("Label(%q) = %q is not stable", s, got)
		}
		if len(s) <= MaxLabel && utf8.ValidString(s) && !strings.ContainsFunc(s, unicode.IsControl) && got != s {
			t.Fatalf("Label(%q) = %q changed a fit value", s, got)
		}
		if n := len([]rune(got)); string([]rune(s)[:n]) != got && !strings.ContainsRune(got, utf8.RuneError) {
			t.Fatalf("Label(%q) = %q is no prefix", s, got)
		}
	})
}
