// SPDX-License-Identifier: Apache-2.0

package paint

import (
	"fmt"
	"math"
	"strings"
	"testing"
	"time"
)

var nan = math.NaN()

func TestNumbers(t *testing.T) {
	u, a := Unicode(), ASCII()
	for _, c := range []struct{ got, want string }{
		{u.Seconds(nan), "–"}, {a.Seconds(nan), "-"}, {u.Seconds(.00095), "950µs"}, {a.Seconds(.00095), "950us"},
		{u.Seconds(.0005), "500µs"}, {u.Seconds(.0099), "9.90ms"}, {u.Seconds(.025), "25.0ms"}, {u.Seconds(.09996), "100ms"},
		{u.Seconds(.438), "438ms"}, {u.Seconds(.9996), "1.00s"}, {u.Seconds(1.254), "1.25s"}, {u.Seconds(42.14), "42.1s"}, {u.Seconds(125), "2m05s"},
		{u.Number(nan), "–"}, {u.Number(0), "0"}, {u.Number(.04), "0.04"}, {u.Number(.5), "0.5"}, {u.Number(2), "2"}, {u.Number(12.34), "12.3"},
		{u.Number(1670), "1670"}, {u.Number(12345), "12.3k"}, {u.Number(4.2e6), "4.2M"},
		{u.Fixed(5), "5.0"}, {u.Fixed(nan), "–"}, {u.Fixed(1234), "1234"},
		{u.Bytes(512), "512B"}, {u.Bytes(1536), "1.5Ki"}, {u.Bytes(80 * 1 << 30), "80.0Gi"}, {u.Bytes(nan), "–"},
		{u.Percent(.873), "87%"}, {u.Percent(nan), "–"}, {u.Percent(math.Inf(1)), "–"},
		{Age(-time.Second), "0s"}, {Age(59 * time.Second), "59s"}, {Age(3*time.Hour + 7*time.Minute), "3h07m"}, {Age(98 * time.Hour), "4d02h"},
	} {
		if c.got != c.want {
			t.Errorf("%q, want %q", c.got, c.want)
		}
	}
}

func TestBars(t *testing.T) {
	u := Unicode()
	for _, c := range []struct{ got, want string }{
		{u.Bar(.5, 12), "[|||||     ]"}, {u.Bar(nan, 6), "[    ]"}, {u.Bar(7, 6), "[||||]"}, {u.Bar(.001, 6), "[|   ]"}, {u.Bar(1, 1), "[]"},
		{u.Sparkline([]float64{0, 1, 4, 8, nan}, 6), "  ▁▄█ "}, {u.Sparkline([]float64{9, 1, 1}, 2), "██"}, {u.Sparkline(nil, 3), "   "},
		{ASCII().Sparkline([]float64{1, 8}, 2), "_#"},
		{u.Heat([]float64{0, 1, 100, nan}, 100), " ░█ "}, {u.Heat([]float64{1}, 0), " "},
	} {
		if c.got != c.want {
			t.Errorf("%q, want %q", c.got, c.want)
		}
	}
}

func drawn(s []Stretch) (text string) {
	for _, x := range s {
		text += strings.Repeat(x.Mark, x.N)
	}
	return text
}

func TestWaterfall(t *testing.T) {
	u := Unicode()
	for _, c := range []struct {
		p     Parts
		scale float64
		want  string
	}{
		{Parts{1, 2, 7, 0}, 10, "─━━███████"},
		{Parts{Wait: 1e-6, Prefill: 1, Decode: 9}, 10, "─━████████"}, // a sliver is seen
		{Parts{nan, 5, 5, nan}, 20, "━━━██"},
		{Parts{Wait: 5, Whole: 5}, 10, "─────▒▒▒▒▒"},
		{Parts{Prefill: 50, Decode: 50}, 10, "━━━━━━━━━━"},
		{Parts{}, 10, ""}, {Parts{Decode: 1}, 0, ""}, {Parts{Decode: 1}, nan, ""},
	} {
		if got := drawn(u.Waterfall(c.p, c.scale, 10)); got != c.want {
			t.Errorf("%+v on %v: %q, want %q", c.p, c.scale, got, c.want)
		}
	}
	if (Parts{1, nan, 2, 3}).Total() != 6 {
		t.Error("the total is wrong")
	}
}

func TestFit(t *testing.T) {
	u := Unicode()
	for _, c := range []struct{ got, want string }{
		{u.KeepEnd("llm/vllm-1/server", 12), "…lm-1/server"}, {u.KeepEnd("short", 12), "short"}, {u.KeepEnd("long", 1), "l"},
		{u.Cut("abcdef", 4), "abc…"}, {u.Cut("abcdef", 0), ""}, {u.Pad("ab", 4, true), "  ab"}, {u.Pad("模型模型", 5, false), "模型…"},
		{u.Plain("模x"), "模x"}, {ASCII().Plain("模x"), "?x"},
		{u.Cell(Column{KeepEnd: true, Right: true}, "abcdef", 4), "…def"},
	} {
		if c.got != c.want {
			t.Errorf("%q, want %q", c.got, c.want)
		}
	}
}

func TestLayout(t *testing.T) {
	columns := []Column{{Min: 4, Width: 8, Grow: true}, {Min: 5, Width: 5, Drop: 1}, {Min: 3, Width: 6, Drop: 2}}
	for width, want := range map[int]string{
		40: "[{0 27} {1 5} {2 6}]", // the first grows
		21: "[{0 8} {1 5} {2 6}]",
		16: "[{0 5} {1 5} {2 4}]",
		14: "[{0 4} {1 5} {2 3}]",
		13: "[{0 7} {1 5}]",
		9:  "[{0 9}]",
		1:  "[{0 4}]",
	} {
		if got := fmt.Sprint(Layout(columns, width)); got != want {
			t.Errorf("%d cells: %s, want %s", width, got, want)
		}
	}
}

func TestLocale(t *testing.T) {
	for want, envs := range map[bool][][]string{
		true:  {{"LANG=C.UTF-8"}, {"LANG=C", "LC_ALL=de_DE.utf8"}, {"LC_ALL=", "LC_CTYPE=en_US.UTF-8", "LANG=C"}},
		false: {nil, {"LANG=C"}, {"LANG=en_US.UTF-8", "LC_ALL=C"}, {"LANG=de_DE.ISO-8859-1"}},
	} {
		for _, e := range envs {
			if UTF8(e) != want {
				t.Errorf("%q: %v", e, !want)
			}
		}
	}
}
