// SPDX-License-Identifier: Apache-2.0

package record

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"unicode"
	"unicode/utf16"
	"unicode/utf8"

	"github.com/modeltap/modeltap/observer/llm"
	"github.com/modeltap/modeltap/observer/tokens"
)

// scripts are letters of the scripts that tokens are counted by, from the
// whole of each range and not only its beginning.
var scripts = map[string][]rune{
	"latin":      []rune("abcdefghijklmnopqrstuvwyzABCDEFGHIJKLMNOPQRSTUVWYZ"),
	"accented":   []rune("àáâãäåæçèéêëìíîïñòóôõöøùúûüýÿāăąćĉčďđēęěğģĥħīįıĵķļłńňőœŕřśşšţťŭůűŵźžƒǎ"),
	"greek":      []rune("αβγδεζηθικλμνξοπρσςτυφχψωΑΒΓΔΕΖΗΘ"),
	"cyrillic":   []rune("абвгдежзийклмнопрстуфхцчшщъыьэюяАБВЖЩЮЯіїєґ"),
	"hebrew":     []rune("אבגדהוזחטיכלמנסעפצקרשת"),
	"arabic":     []rune("ابتثجحخدذرزسشصضطظعغفقكلمنهويپچژگ"),
	"devanagari": []rune("अआइईउऊएकखगघचछजझटठडढणतथदधनपफबभमयरलवशषसह"),
	"thai":       []rune("กขคฆงจฉชซญฎฏฐณดตถทธนบปผฝพฟภมยรลวศษสหอฮ"),
	"hiragana":   []rune("あいうえおかきくけこさしすせそたちつてとなにぬねのはひふへほまみむめも"),
	"katakana":   []rune("アイウエオカキクケコサシスセソタチツテトナニヌネノハヒフヘホマミムメモ"),
	"han":        []rune("一丁七万丈三上下不与中人北京你好世界语言模型龍龜鿕"),
	"hangul":     []rune("가각간갇갈감갑값강개객거건걸검한국어힣"),
	"emoji":      []rune("😀😁😂🤣😃🚀🧠🔥🎉"),
	"han beyond": []rune("𠀀𠀁𠮷𡃁𢌱𣑊"),
	"fullwidth":  []rune("ＡＢＣａｂｃ１２３！？"),
}

func maskText(s string) string {
	var m scrambler
	out := []byte(s)
	for i, c := range out {
		out[i] = m.next(c)
	}
	return string(out)
}

func estimate(s string) float64 {
	var m tokens.Meter
	m.Write([]byte(s))
	return m.Estimate()
}

// class is what a mask must preserve of a rune for token estimates.
func class(r rune) string {
	switch {
	case unicode.IsSpace(r):
		return "space"
	case unicode.IsDigit(r):
		return "digit"
	case unicode.IsUpper(r) && r < 0x80:
		return "upper"
	case unicode.IsLetter(r):
		return fmt.Sprint("letter", utf8.RuneLen(r))
	}
	return fmt.Sprint("sign", utf8.RuneLen(r))
}

// words draws text of a script with spaces, digits and punctuation.
func phrase(rnd *rand.Rand, letters []rune) string {
	var b strings.Builder
	for range 1 + rnd.IntN(12) {
		for range 1 + rnd.IntN(9) {
			b.WriteRune(letters[rnd.IntN(len(letters))])
		}
		b.WriteString([]string{" ", ", ", ". ", "\n", " 42 ", "? ", "", "—", "。"}[rnd.IntN(9)])
	}
	return b.String()
}

// TestScriptsKeepTheirEstimate masks text of each script: same length, still
// UTF-8, nothing of the letters left, and a replay estimates the same tokens,
// cut into deltas anywhere.
func TestScriptsKeepTheirEstimate(t *testing.T) {
	rnd := rand.New(rand.NewPCG(11, 1))
	for name, letters := range scripts {
		for range 200 {
			text := phrase(rnd, letters)
			out := maskText(text)
			if len(out) != len(text) || !utf8.ValidString(out) {
				t.Fatalf("%s: %q became %q", name, text, out)
			}
			if again := maskText(out); maskText(again) != again || len(again) != len(out) {
				t.Fatalf("%s: %q is not stable: %q", name, out, again)
			}
			in, masked := []rune(text), []rune(out)
			if len(in) != len(masked) {
				t.Fatalf("%s: %q has %d characters, %q has %d", name, text, len(in), out, len(masked))
			}
			for i := range in {
				if c := class(in[i]); c != class(masked[i]) && in[i] < 0x80 {
					t.Fatalf("%s: %q became %q: %s is no %s", name, in[i], masked[i], class(masked[i]), c)
				}
			}
			if got, want := estimate(out), estimate(text); got != want {
				t.Fatalf("%s: %q is estimated %v tokens, %q %v", name, text, want, out, got)
			}
		}
	}
}

// TestMaskingForgets: texts of one script and length are told apart by
// nothing but their classes.
func TestMaskingForgets(t *testing.T) {
	rnd := rand.New(rand.NewPCG(12, 1))
	for name, letters := range scripts {
		if name == "accented" || name == "fullwidth" {
			continue // of several classes
		}
		var lower []rune
		for _, r := range letters {
			if !unicode.IsUpper(r) {
				lower = append(lower, r)
			}
		}
		seen := map[string]bool{}
		for range 300 {
			var b strings.Builder
			for range 8 {
				b.WriteRune(lower[rnd.IntN(len(lower))])
			}
			seen[maskText(b.String())] = true
		}
		if len(seen) != 1 {
			t.Errorf("%s: %d masks for texts of 8 letters", name, len(seen))
		}
	}
}

// escaped writes s as JSON with \u escapes, as Python's json.dumps does.
func escaped(s string) string {
	var b strings.Builder
	for _, u := range utf16.Encode([]rune(s)) {
		if u >= ' ' && u < 0x7f && u != '"' && u != '\\' {
			b.WriteRune(rune(u))
		} else {
			fmt.Fprintf(&b, `\u%04x`, u)
		}
	}
	return b.String()
}

// TestEscapedScripts: what a server writes with \u escapes is masked to text of
// the same estimate, and no escape of a letter survives.
func TestEscapedScripts(t *testing.T) {
	rnd := rand.New(rand.NewPCG(13, 1))
	for name, letters := range scripts {
		for range 200 {
			text := phrase(rnd, letters)
			doc := `{"content":"` + escaped(text) + `"}`
			out := string(maskJSON(plant(llm.Generic().Answered()), []byte(doc)))
			var got struct{ Content string }
			if err := json.Unmarshal([]byte(out), &got); err != nil || len(out) != len(doc) {
				t.Fatalf("%s: %s became %s: %v", name, doc, out, err)
			}
			if a, b := len([]rune(got.Content)), len([]rune(text)); a != b {
				t.Fatalf("%s: %s has %d characters, %s %d", name, doc, b, out, a)
			}
			if got, want := estimate(got.Content), estimate(text); got != want {
				t.Fatalf("%s: %s is estimated %v tokens, %s %v", name, doc, want, out, got)
			}
		}
	}
}

// TestBrokenUTF8 has every byte, alone and after every lead byte: as many
// bytes come out, and none of them is a letter that went in.
func TestBrokenUTF8(t *testing.T) {
	for a := range 256 {
		for b := range 256 {
			in := string([]byte{byte(a), byte(b), 'q', byte(b)})
			out := maskText(in)
			if len(out) != len(in) || strings.ContainsAny(out, "qQ") {
				t.Fatalf("%q became %q", in, out)
			}
			for i := range in {
				if strings.IndexByte("\n\r\t ", in[i]) >= 0 && out[i] != in[i] || in[i] > ' ' && out[i] == '\n' {
					t.Fatalf("%q became %q: the lines are others", in, out)
				}
			}
		}
	}
}
