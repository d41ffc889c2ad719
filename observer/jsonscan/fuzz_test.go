// SPDX-License-Identifier: Apache-2.0

package jsonscan

import (
	"bytes"
	"encoding/json"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
)

// places are where the fuzzers look; the seeds are rich in these keys.
var places = []string{
	"", "[]", "[][]", "[].a", "a", "a[]", "a[].b", "a.b", "a.b.a", "b", "b[][]",
	"choices[].delta.content", "choices[].index", "choices[]", "model",
	"**.a", "**.b", "**.c.a", "**.c[]", "**.text",
}

// somePaths draws a schema.
func somePaths(seed uint64) []Path {
	r := rand.New(rand.NewPCG(seed, 1))
	var paths []Path
	density := 1 + r.IntN(4)
	for i, p := range places {
		if r.IntN(4) >= density || strings.HasPrefix(p, "**") && seed%2 == 0 {
			continue
		}
		kinds := []Kind{[]Kind{Text, String, Number, Any, TextDeep}[r.IntN(5)], Count, Object}
		for _, k := range kinds {
			if r.IntN(3) > 0 && !slices.ContainsFunc(paths, func(o Path) bool { return o.below(p) || k == TextDeep && (Path{p, 0, k}).below(o.Path) }) {
				paths = append(paths, Path{p, Field(i), k})
			}
		}
	}
	return paths
}

// below tells whether path leads below p, a TextDeep.
func (p Path) below(path string) bool {
	rest, ok := strings.CutPrefix(path, p.Path)
	return p.Kind == TextDeep && ok && rest != "" && (rest[0] == '.' || rest[0] == '[' || p.Path == "" && rest[0] != '*')
}

func seeds(f *testing.F) {
	deep := strings.Repeat(`{"a":[`, MaxDepth/2) + strings.Repeat(`]}`, MaxDepth/2)
	for i, s := range []string{
		chunk,
		`{"a":{"b":"x","b":"y"},"b":1,"choices":[],"c":{"a":"z"},"text":"\ud83d\ude00\n\u00e9\ud800x"}`,
		`{"a":[{"b":1.5e3},{"b":-0},{"b":null,"text":{"a":true}}],"c":["q","\"\\"],"\u0061":"esc"}`,
		`[1,[2,3],{"a":"\\\\\"","x":{"y":[{"text":"in"}]}},"s",false]`,
		`{"b":[[1,2],[3]],"a":9223372036854775808,"model":"` + strings.Repeat("m", 300) + `"}`,
		`{"a":1e999,"b":-1e-400,"text":"` + strings.Repeat(`\u4f60`, 90) + `"}`,
		` "top\tlevel" `, `-12.5`, `0`, `true`, `[]`, `{}`, ``,
		deep, `[` + deep + `]`, `{"x":[` + deep + `]}`,
		`{"a":tru}`, `{"a" 1}`, `{"a":1,}`, `[1,]`, `[1}`, `{"x":[1}]`, `{"x":"\q"}`, `{"a":"\q"}`,
		`{"a":{"b":[1,{"c":"in","d":-2.5e3}],"":true},"b":[["x",[0]],null]}`, `{"a":[12`, `{"a":NaN,"b":[-Infinity,{"x":-Infinity}],"c":[Infinity]}`, `-Infinity`, `{"a":-Inf}`, `[{"a":7}]`,
		`{"a":01}`, `{"x":-}`, `{"a":"\ud800\u0041\udc00"}`, `{}{}`, `{"a":"` + "\xff\xe4\xbd" + `"}`,
	} {
		for n := range uint64(4) {
			f.Add([]byte(s), uint64(i)*4+n)
		}
	}
}

// FuzzOracle holds the scanner to encoding/json.
func FuzzOracle(f *testing.F) {
	seeds(f)
	f.Fuzz(func(t *testing.T, doc []byte, seed uint64) {
		doc = bytes.ToValidUTF8(doc, []byte("?")) // the limits count raw bytes
		paths := somePaths(seed)
		got, err := read(MustCompile(paths), doc)
		if !json.Valid(doc) {
			everything := append(paths, Path{"**.none", 99, Object})
			if _, err := read(MustCompile(everything), doc); err == nil && !lenient(doc) {
				t.Fatalf("%q is not JSON and was accepted", doc)
			}
			return
		}
		want, depth := expect(paths, doc)
		switch {
		case depth > MaxDepth && err != ErrDepth:
			t.Fatalf("depth %d: %v", depth, err)
		case depth > MaxDepth:
		case err != nil:
			t.Fatalf("%q: %v", doc, err)
		case got != want:
			t.Fatalf("%s\n%v\ngot:\n%s\nwant:\n%s", doc, paths, got, want)
		}
	})
}

// pythons returns the length of the literal of Python's json that doc begins
// with, 0 for none.
func pythons(doc []byte) int {
	for _, l := range []string{"NaN", "Infinity", "-Infinity"} {
		if bytes.HasPrefix(doc, []byte(l)) {
			return len(l)
		}
	}
	return 0
}

// lenient says whether doc becomes valid by what the scanner does not check in
// a walked document: Python's literals, control characters and escapes in strings, and the
// shape of numbers.
func lenient(doc []byte) bool {
	var fixed []byte
	inString := false
	for i := 0; i < len(doc); i++ {
		switch c := doc[i]; {
		case inString && c == '\\' && i+1 < len(doc):
			i++
			fixed = append(fixed, '.')
		case inString && c < ' ':
			fixed = append(fixed, '.')
		case !inString && pythons(doc[i:]) > 0:
			i += pythons(doc[i:]) - 1
			fixed = append(fixed, '0')
		case !inString && (c == '-' || '0' <= c && c <= '9'):
			for i+1 < len(doc) && isNumber(doc[i+1]) {
				i++
			}
			fixed = append(fixed, '0')
		default:
			inString = inString != (c == '"')
			fixed = append(fixed, c)
		}
	}
	return json.Valid(fixed)
}

// FuzzSplit gives a document in pieces, which must make no difference.
func FuzzSplit(f *testing.F) {
	seeds(f)
	f.Fuzz(func(t *testing.T, doc []byte, seed uint64) {
		schema := MustCompile(somePaths(seed))
		want, wantErr := read(schema, doc)
		r := rand.New(rand.NewPCG(seed, 2))
		var cut [][]byte
		for rest := doc; len(rest) > 0; {
			n := 1 + r.IntN(len(rest))
			cut = append(cut, rest[:n])
			rest = rest[n:]
		}
		for _, pieces := range [][][]byte{bytewise(doc), cut} {
			if got, err := read(schema, pieces...); got != want || err != wantErr {
				t.Fatalf("%q\ncut: %v\n%s\nwhole: %v\n%s", pieces, err, got, wantErr, want)
			}
		}
	})
}
