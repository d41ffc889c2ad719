// SPDX-License-Identifier: Apache-2.0

package jsonscan

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math"
	"math/big"
	"runtime"
	"strings"
	"testing"
	"unicode/utf8"
)

// numbers lie at the limits of what Value can hold, or are none.
var numbers = []string{
	"0", "-0", "0.0", "-0.0", "0e0", "1", "-1", "9", "10", "1e0", "1E+1", "1e-1", "0.1e1", "12.50", "1e308", "1e309", "-1e309",
	"999999999999999999", "-999999999999999999", "1000000000000000000", "123456789012345678", "-123456789012345678",
	"9223372036854775806", "9223372036854775807", "9223372036854775808", "-9223372036854775807", "-9223372036854775808",
	"-9223372036854775809", "18446744073709551615", "99999999999999999999", "9223372036854775807.0", "9223372036854775806.5",
	"-9223372036854775808.5", "9223372036854774784.0", "9.223372036854775807e18", "-9.3e18", "9007199254740993",
	"9007199254740993.0", "4.9e-324", "2e-324", "1e-400", "1.7976931348623157e308", "1.7976931348623159e308", "0.000001", "1e18", "1e19",
	strings.Repeat("9", MaxString), "0." + strings.Repeat("3", MaxString-2), strings.Repeat("1", 20) + "e-10",
	"", "-", "+1", "01", "-01", "00", "1.", ".5", "-.5", "1e", "1e+", "1e-", "1e1.5", "1.2.3", "1-2", "--1", "1e5e5", "0x1", "1_000",
}

// oneValue keeps the last Value.
type oneValue struct {
	sum
	n int
	v Value
}

func (o *oneValue) Value(_ Field, v *Value) {
	o.n++
	o.v = *v
}

func clamp(x *big.Int) int64 {
	switch {
	case x.IsInt64():
		return x.Int64()
	case x.Sign() < 0:
		return math.MinInt64
	}
	return math.MaxInt64
}

// TestNumbers reads each number whole and cut everywhere, and compares with
// encoding/json and math/big.
func TestNumbers(t *testing.T) {
	schema := MustCompile([]Path{{"n", 1, Number}})
	for _, text := range numbers {
		doc := `{"n":` + text + `}`
		var want struct{ N json.Number }
		valid := json.Unmarshal([]byte(doc), &want) == nil
		for cut := range doc {
			var s Scanner
			var o oneValue
			s.Reset(schema, &o)
			s.Write([]byte(doc[:cut]))
			s.Write([]byte(doc[cut:]))
			if err := s.End(); (err == nil) != valid {
				t.Fatalf("%q cut at %d: %v", text, cut, err)
			}
			if !valid {
				continue
			}
			f, _ := want.N.Float64()
			f = max(-math.MaxFloat64, min(f, math.MaxFloat64))
			exact, ok := new(big.Int).SetString(text, 10)
			if !ok { // without its fraction
				exact, _ = big.NewFloat(f).Int(nil)
			}
			if o.n != 1 || o.v.Type != TypeNumber || o.v.Truncated || o.v.Float != f || o.v.Int != clamp(exact) {
				t.Fatalf("%q cut at %d: %d times %+v, want %d and %v", text, cut, o.n, o.v, clamp(exact), f)
			}
		}
	}
}

// TestLongNumbers: a number of more than MaxString bytes is given as 0 and
// said to be cut, and what follows it is read.
func TestLongNumbers(t *testing.T) {
	schema := MustCompile([]Path{{"[]", 1, Number}})
	for _, n := range []int{MaxString, MaxString + 1, 3 * MaxString} {
		doc := []byte("[" + strings.Repeat("7", n) + ",5]")
		for _, cut := range []int{0, 1, 2, n / 2, MaxString, n, n + 1} {
			var l log
			var s Scanner
			s.Reset(schema, &l)
			s.Write(doc[:cut])
			s.Write(doc[cut:])
			first := "1 long number 0 0"
			if n <= MaxString {
				f, _ := new(big.Float).SetString(strings.Repeat("7", n))
				x, _ := f.Float64()
				first = fmt.Sprintf("1 number %d %g", int64(math.MaxInt64), x)
			}
			if got, want := l.String(), first+"\n1 number 5 5"; got != want || s.End() != nil {
				t.Errorf("%d digits cut at %d: %v\n%s, want\n%s", n, cut, s.End(), got, want)
			}
		}
	}
}

// TestStringLimit puts characters of every length across the end of what is
// kept, written as themselves and as escapes.
func TestStringLimit(t *testing.T) {
	schema := MustCompile([]Path{{"s", 1, String}})
	for _, c := range []struct{ char, escape string }{{"z", `\u007a`}, {"é", `\u00e9`}, {"你", `\u4f60`}, {"😀", `\ud83d\ude00`}, {"\n", `\n`}} {
		for before := MaxString - 5; before <= MaxString+1; before++ {
			for _, written := range []string{c.char, c.escape} {
				if written == "\n" {
					continue
				}
				doc := []byte(`{"s":"` + strings.Repeat("a", before) + written + `"}`)
				full := strings.Repeat("a", before) + c.char
				for _, cut := range []int{0, 7, len(doc) - 9, len(doc) - 3, len(doc) - 2} {
					var s Scanner
					var k keeper
					s.Reset(schema, &k)
					s.Write(doc[:cut])
					s.Write(doc[cut:])
					if want := full[:min(len(full), MaxString)]; s.End() != nil || k.s != want || k.truncated != (len(full) > MaxString) {
						t.Fatalf("%d bytes and %q cut at %d: %v, %d bytes, truncated %v", before, written, cut, s.End(), len(k.s), k.truncated)
					}
				}
			}
		}
	}
}

type keeper struct {
	sum
	s         string
	truncated bool
}

func (k *keeper) Value(_ Field, v *Value) { k.s, k.truncated = string(v.Str), v.Truncated }

// TestLongKeys: a key as long as any that can be looked for is found, one
// byte more is another key, and so is one that begins with it.
func TestLongKeys(t *testing.T) {
	name := strings.Repeat("k", MaxString)
	schema := MustCompile([]Path{{name, 1, Number}, {"k", 2, Number}})
	for key, want := range map[string]string{
		name: "1 number 1 1", name + "k": "", name[1:]: "", "k": "2 number 1 1", "": "", "kk": "",
		name[:MaxString-1] + `\u006b`: "1 number 1 1", name + `\u006b`: "",
	} {
		doc := `{"` + key + `":1}`
		for cut := range doc {
			if got, err := read(schema, []byte(doc[:cut]), []byte(doc[cut:])); got != want || err != nil {
				t.Fatalf("key of %d bytes cut at %d: %v, %q, want %q", len(key), cut, err, got, want)
			}
		}
	}
}

// TestDepth counts what is walked and what is skipped together.
func TestDepth(t *testing.T) {
	for name, c := range map[string]struct{ open, close string }{
		"arrays": {"[", "]"}, "objects": {`{"a":`, "}"}, "skipped objects": {`{"x":`, "}"}, "both": {`[{"a":`, "}]"},
	} {
		schema := MustCompile([]Path{{"a.a.a", 1, Any}, {"[].a[].a", 2, Any}, {"[][][]", 3, Any}, {"**.b", 4, Any}})
		n := strings.Count(c.open, "[") + strings.Count(c.open, "{")
		build := func(depth int) []byte {
			return []byte(strings.Repeat(c.open, depth/n) + `"v"` + strings.Repeat(c.close, depth/n))
		}
		if _, err := read(schema, build(MaxDepth)); err != nil {
			t.Errorf("%s: depth %d: %v", name, MaxDepth, err)
		}
		if _, err := read(schema, bytewise(build(MaxDepth))...); err != nil {
			t.Errorf("%s: depth %d, cut: %v", name, MaxDepth, err)
		}
		for _, depth := range []int{MaxDepth + n, 10_000} {
			if _, err := read(schema, build(depth)); err != ErrDepth {
				t.Errorf("%s: depth %d: %v", name, depth, err)
			}
		}
	}
	// The depth is of what is open, not of what was.
	wide := "[" + strings.Repeat(strings.Repeat("[", MaxDepth-1)+strings.Repeat("]", MaxDepth-1)+",", 100) + "0]"
	if _, err := read(MustCompile([]Path{{"[]", 1, Any}}), []byte(wide)); err != nil {
		t.Error(err)
	}
}

// TestHugeDocument passes 100 MB through: as a wanted text, as a string of
// which the beginning is kept, as a key, as white space, and skipped.
func TestHugeDocument(t *testing.T) {
	piece := bytes.Repeat([]byte("0123456789abcde "), 1<<12)
	pieces := 100 << 20 / len(piece)
	spaces := bytes.Repeat([]byte(" "), len(piece))
	schema := MustCompile([]Path{{"text", 1, Text}, {"kept", 2, String}, {"after", 3, Number}})
	for name, c := range map[string]struct {
		begin, end string
		fill       []byte
		text, kept int
	}{
		"text":    {`{"text":"`, `","after":1}`, piece, pieces * len(piece), 0},
		"kept":    {`{"kept":"`, `","after":1}`, piece, 0, MaxString},
		"key":     {`{"`, `":0,"after":1}`, piece, 0, 0},
		"space":   {`{`, `"after":1}`, spaces, 0, 0},
		"skipped": {`{"other":{"x":["`, `"]},"after":1}`, piece, 0, 0},
	} {
		t.Run(name, func(t *testing.T) {
			var s Scanner
			var h sum
			var before, after runtime.MemStats
			s.Reset(schema, &h)
			begin, end := []byte(c.begin), []byte(c.end)
			runtime.ReadMemStats(&before)
			s.Write(begin)
			for range pieces {
				s.Write(c.fill)
			}
			s.Write(end)
			runtime.ReadMemStats(&after)
			if err := s.End(); err != nil || h.text != c.text || h.values != c.kept+1 {
				t.Errorf("%v, %d bytes of text, values %d", err, h.text, h.values)
			}
			if n := after.TotalAlloc - before.TotalAlloc; n > 64<<10 {
				t.Errorf("%d bytes allocated", n)
			}
		})
	}
}

// TestTextIsUTF8InPieces: pieces may end inside a character, but joined they
// are what encoding/json makes of the string.
func TestTextIsUTF8InPieces(t *testing.T) {
	text := strings.Repeat("é你😀z", 200)
	quoted, _ := json.Marshal(text)
	ascii := escapeAll(text)
	schema := MustCompile([]Path{{"", 1, Text}})
	for _, doc := range [][]byte{quoted, []byte(ascii)} {
		for size := 1; size < 40; size++ {
			var l joiner
			var s Scanner
			s.Reset(schema, &l)
			for p := doc; len(p) > 0; p = p[min(size, len(p)):] {
				s.Write(p[:min(size, len(p))])
			}
			if s.End() != nil || l.String() != text || !utf8.ValidString(l.String()) {
				t.Fatalf("pieces of %d: %v, %d bytes, want %d", size, s.End(), l.Len(), len(text))
			}
		}
	}
}

type joiner struct {
	sum
	bytes.Buffer
}

func (j *joiner) Text(_ Field, p []byte) { j.Write(p) }
