// SPDX-License-Identifier: Apache-2.0

package tokens

import (
	"math/rand/v2"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"
)

// reference weighs one character after another, with none of Meter's code for
// pieces and words of eight bytes.
func reference(text string) Size {
	sum := Size(0)
	last := rune(-1)
	for _, r := range text {
		isSpace := func(r rune) bool { return 0 <= r && r <= ' ' }
		isLetter := func(r rune) bool { return 0 <= r && r < utf8.RuneSelf && unicode.IsLetter(r) }
		isDigit := func(r rune) bool { return '0' <= r && r <= '9' }
		isPunct := func(r rune) bool {
			return 0 <= r && r < utf8.RuneSelf && !isSpace(r) && !isLetter(r) && !isDigit(r)
		}
		switch {
		case isLetter(r):
			sum += weightLetter
			if !isLetter(last) {
				sum += weightWord
			}
		case isDigit(r):
			sum += weightDigit
		case isSpace(r):
			sum += weightSpace
			if isSpace(last) {
				sum += weightSpaces
			}
		case isPunct(r):
			sum += weightPunct
			if isPunct(last) {
				sum += weightPuncts
			}
		default:
			sum += weight(r)
		}
		last = r
	}
	return sum
}

func FuzzMeter(f *testing.F) {
	for i, s := range samples(f) {
		f.Add([]byte(s.Text), uint64(i))
	}
	for i, s := range []string{
		"", "\xe4", "\xe4\xbd", "a\xf0\x9f\x98b", "\xf0\xf0\x9f\x98\x80", "\x7f@[`{/:!~", "aZ09 \n\t", "x\xff\xfe\xc3\x28y",
	} {
		f.Add([]byte(s), uint64(i))
	}
	f.Fuzz(func(t *testing.T, text []byte, seed uint64) {
		// A character that the text ends inside of is still awaited.
		whole := text
		for i := max(0, len(text)-3); i < len(text); i++ {
			if utf8.RuneStart(text[i]) && !utf8.FullRune(text[i:]) {
				whole = text[:i]
				break
			}
		}
		want := reference(string(whole))
		r := rand.New(rand.NewPCG(seed, 1))
		for _, most := range []int{1, 11, max(len(text), 1)} {
			var m Meter
			for rest := text; len(rest) > 0; {
				n := min(1+r.IntN(most), len(rest))
				m.Write(rest[:n])
				rest = rest[n:]
			}
			if m.sum != want || m.Bytes() != int64(len(text)) {
				t.Fatalf("%q: %d for %d bytes, want %d", text, m.sum, m.Bytes(), want)
			}
			if e := m.Estimate(); len(text) > 0 && e < 1 || len(text) == 0 && e != 0 {
				t.Fatalf("%q: %g tokens", text, e)
			}
		}
	})
}

func TestMeterAllocatesNothing(t *testing.T) {
	text := []byte("plain, and 你好 cut in two: \xe4")
	var m Meter
	if n := testing.AllocsPerRun(100, func() { m.Write(text) }); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

func BenchmarkMeter(b *testing.B) {
	for _, c := range []struct{ name, text string }{
		{"token", " the"},
		{"ascii", strings.Repeat("The quick brown fox, 42 times; ", 1<<20/31)},
		{"chinese", strings.Repeat("观察者从外面监视", 1<<20/24)},
	} {
		text := []byte(c.text)
		b.Run(c.name, func(b *testing.B) {
			var m Meter
			b.SetBytes(int64(len(text)))
			b.ReportAllocs()
			for b.Loop() {
				m.Write(text)
			}
		})
	}
}
