// SPDX-License-Identifier: Apache-2.0

package jsonscan

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"unicode/utf16"
)

// escapeAll writes s as a JSON string of \u escapes only.
func escapeAll(s string) string {
	var b strings.Builder
	b.WriteByte('"')
	for i, u := range utf16.Encode([]rune(s)) {
		format := `\u%04x`
		if i%2 == 1 {
			format = `\u%04X`
		}
		fmt.Fprintf(&b, format, u)
	}
	b.WriteByte('"')
	return b.String()
}

// pieces are what strings are made of in these tests: plain characters of each
// length, every short escape, and surrogates in and out of place.
var pieces = []string{
	"a", " ", "é", "你", "😀", `\"`, `\\`, `\/`, `\b`, `\f`, `\n`, `\r`, `\t`, `\u0000`, `\u00e9`, `\u4F60`, `\uffff`,
	`\ud83d\ude00`, `\uD83D\uDE00`, `\ud83d`, `\ude00`, `\ud83d\ud83d\ude00`, `\ud83dx`, `\ud83d\n`, `\ud83d\u0041`, `\ud83d\\`,
	`\ud800\udc00`, `\udbff\udfff`, `\uD83D\udcff`, `\udfff\ud800`, `\ud7ff\ue000`,
}

func decoded(t *testing.T, quoted string) string {
	t.Helper()
	var s string
	if err := json.Unmarshal([]byte(quoted), &s); err != nil {
		t.Fatalf("%s: %v", quoted, err)
	}
	return s
}

// TestEscapesCutTwice cuts each pair of pieces at every two places, for each
// use of a string: as a key, a Text, a String, and skipped.
func TestEscapesCutTwice(t *testing.T) {
	for i, a := range pieces {
		for _, b := range pieces[i%3:] {
			quoted := `"` + a + b + `"`
			want := decoded(t, quoted)
			for kind, schema := range map[string]*Schema{
				"text":    MustCompile([]Path{{"", 1, Text}}),
				"string":  MustCompile([]Path{{"", 1, String}}),
				"skipped": MustCompile(nil),
			} {
				for m := 1; m < len(quoted); m++ {
					n := m + (len(quoted)-m)/2
					got, err := read(schema, []byte(quoted[:m]), []byte(quoted[m:n]), []byte(quoted[n:]))
					expect := map[string]string{"text": fmt.Sprintf("1 text %q", want), "string": fmt.Sprintf("1 string %q false", want)}[kind]
					if err != nil || got != expect {
						t.Fatalf("%s %s cut at %d, %d: %v, %s, want %s", kind, quoted, m, n, err, got, expect)
					}
				}
			}
		}
	}
}

// TestEscapedKeys finds a key however it is written, and no other.
func TestEscapedKeys(t *testing.T) {
	schema := MustCompile([]Path{{"kéy😀", 1, Number}, {"b", 2, Number}})
	for doc, want := range map[string]string{
		`{"kéy😀":1}`:                         "1 number 1 1",
		`{"k\u00e9y\ud83d\ude00":1}`:         "1 number 1 1",
		`{"\u006b\u00E9\u0079😀":1}`:          "1 number 1 1",
		`{"kéy\ud83d":1,"b":2}`:              "2 number 2 2",
		`{"kéy\ude00":1,"b":2}`:              "2 number 2 2",
		`{"kéy\ud83d\ude01":1,"b":2}`:        "2 number 2 2",
		`{"b\u0000":1,"b":2}`:                "2 number 2 2",
		`{"b\\":1,"\\b":1,"\"b":1,"b\"":1}`:  "",
		`{"":1,"\u0062":2,"\u0062\u0062":3}`: "2 number 2 2",
		`{"b":1,"b":2,"\u0062":3}`:           "2 number 1 1\n2 number 2 2\n2 number 3 3",
	} {
		for cut := range doc {
			if got, err := read(schema, []byte(doc[:cut]), []byte(doc[cut:])); err != nil || got != want {
				t.Fatalf("%s cut at %d: %v\n%s\nwant\n%s", doc, cut, err, got, want)
			}
		}
	}
}

// TestBackslashesBeforeQuotes: runs of backslashes of either parity, cut
// everywhere, in strings that are skipped whole and within a skipped object.
func TestBackslashesBeforeQuotes(t *testing.T) {
	schema := MustCompile([]Path{{"end", 1, Number}})
	for n := range 9 {
		text := strings.Repeat(`\`, 2*n)
		for _, s := range []string{text, text + `\"`, text + `\"` + text, `x` + text, text + `\",\"end\":2`} {
			for _, doc := range []string{`{"x":"` + s + `","end":1}`, `{"x":["` + s + `",{"` + s + `":"` + s + `"}],"end":1}`, `{"` + s + `":0,"end":1}`} {
				if !json.Valid([]byte(doc)) {
					t.Fatalf("%s is not JSON", doc)
				}
				for cut := range doc {
					if got, err := read(schema, []byte(doc[:cut]), []byte(doc[cut:])); err != nil || got != "1 number 1 1" {
						t.Fatalf("%s cut at %d: %v, %q", doc, cut, err, got)
					}
				}
			}
		}
	}
}

// TestRandomStrings builds strings of many pieces, longer than the buffer for
// what is decoded, and cuts them at random.
func TestRandomStrings(t *testing.T) {
	rnd := rand.New(rand.NewPCG(1, 1))
	schema := MustCompile([]Path{{"", 1, Text}})
	for range 2000 {
		var b strings.Builder
		b.WriteByte('"')
		for range rnd.IntN(300) {
			b.WriteString(pieces[rnd.IntN(len(pieces))])
		}
		b.WriteByte('"')
		quoted := b.String()
		want := decoded(t, quoted)
		var l joiner
		var s Scanner
		s.Reset(schema, &l)
		for p := []byte(quoted); len(p) > 0; {
			n := 1 + rnd.IntN(min(len(p), 64))
			if err := s.Write(p[:n]); err != nil {
				t.Fatalf("%s: %v", quoted, err)
			}
			p = p[n:]
		}
		if s.End() != nil || l.String() != want {
			t.Fatalf("%s\ngot  %q\nwant %q", quoted, l.String(), want)
		}
	}
}
