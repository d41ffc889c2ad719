// SPDX-License-Identifier: Apache-2.0

package jsonscan

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"sync"
	"testing"
)

// documents are whole, valid, and use what the scanner has states for.
var documents = []string{
	chunk,
	`{"usage":{"prompt_tokens":9,"completion_tokens":12},"model":"m","choices":[]}`,
	`{"error":{"message":"no \"such\" thing","code":[1,[2,{"a":"]"}]]}}`,
	` [ 1 , -2.5e3 , "\ud83d\ude00" , true , false , null , { } , [ ] ] `,
	`{"choices":[{"index":0,"delta":{"content":"a\n\u4f60"}},{"index":1,"delta":{"content":""}}]}`,
	`"text"`, `12`, `-0.5`, `true`, `null`, `{}`, `[]`,
}

// TestReuse reads one document after another with one scanner, abandons many
// in the middle, and changes the schema each time: each is read as by a new
// scanner.
func TestReuse(t *testing.T) {
	rnd := rand.New(rand.NewPCG(1, 1))
	schemas := []*Schema{MustCompile(openAI)}
	for seed := range uint64(8) {
		schemas = append(schemas, MustCompile(somePaths(seed)))
	}
	var s Scanner
	for range 20_000 {
		doc := documents[rnd.IntN(len(documents))]
		schema := schemas[rnd.IntN(len(schemas))]
		cut := len(doc)
		if rnd.IntN(2) == 0 {
			cut = rnd.IntN(len(doc))
		}
		var l log
		s.Reset(schema, &l)
		half := rnd.IntN(cut + 1)
		s.Write([]byte(doc[:half]))
		s.Write([]byte(doc[half:cut]))
		if rnd.IntN(4) == 0 {
			continue // nobody asks how it ended
		}
		err := s.End()
		if want, wantErr := read(schema, []byte(doc[:cut])); err != wantErr || l.String() != want {
			t.Fatalf("%s: %v\n%s\nwant %v\n%s", doc[:cut], err, l.String(), wantErr, want)
		}
	}
}

// TestSharedSchema lets scanners use one schema at once.
func TestSharedSchema(t *testing.T) {
	schema := MustCompile(append(openAI[:len(openAI):len(openAI)], Path{"**.content", 20, Text}))
	var want []string
	for _, doc := range documents {
		got, _ := read(schema, []byte(doc))
		want = append(want, got)
	}
	var all sync.WaitGroup
	for range 4 {
		all.Go(func() {
			for round := range 50 {
				i := round % len(documents)
				if got, _ := read(schema, []byte(documents[i])); got != want[i] {
					t.Errorf("%s:\n%s\nwant\n%s", documents[i], got, want[i])
				}
			}
		})
	}
	all.Wait()
}

// TestEveryPrefixIsIncomplete, but for a number, which may end anywhere.
func TestEveryPrefixIsIncomplete(t *testing.T) {
	for _, doc := range documents {
		for seed := range uint64(4) {
			schema := MustCompile(somePaths(seed))
			for cut := range len(strings.TrimRight(doc, " ")) {
				var s Scanner
				s.Reset(schema, &log{})
				if err := s.Write([]byte(doc[:cut])); err != nil {
					t.Fatalf("%q: %v", doc[:cut], err)
				}
				whole := json.Valid([]byte(doc[:cut]))
				err := s.End()
				if !whole && err == nil && lenient([]byte(doc[:cut])) {
					continue // the minus of a number that nobody looks at
				}
				if (err == nil) != whole || !whole && !errors.Is(err, ErrIncomplete) && !errors.Is(err, ErrSyntax) || s.Done() != whole {
					t.Fatalf("%q: %v, done %v", doc[:cut], err, s.Done())
				}
			}
		}
	}
}

// TestEndIsIdempotent asks twice, and writes again after the end.
func TestEndIsIdempotent(t *testing.T) {
	schema := MustCompile([]Path{{"", 1, Any}})
	for _, doc := range []string{"12", "12.5", `"x"`, "true", "[]", "1.", "-", "tru", `"x`} {
		var l log
		var s Scanner
		s.Reset(schema, &l)
		s.Write([]byte(doc))
		first, said := s.End(), l.String()
		if again := s.End(); again != first || l.String() != said {
			t.Errorf("%s: %v, then %v\n%s", doc, first, again, l.String())
		}
		if err := s.Write([]byte("1")); err == nil || l.String() != said {
			t.Errorf("%s: goes on behind its end: %v\n%s", doc, err, l.String())
		}
	}
}

// TestTwoDocuments: what follows a document is no part of it.
func TestTwoDocuments(t *testing.T) {
	for _, doc := range documents {
		for _, next := range []string{"{", "]", "1", `"`, "x", ","} {
			if json.Valid([]byte(doc + next)) {
				continue // 12 and 1
			}
			if _, err := read(MustCompile(openAI), []byte(doc), []byte(next)); err != ErrSyntax {
				t.Errorf("%s and %s: %v", doc, next, err)
			}
		}
		if _, err := read(MustCompile(openAI), []byte(doc), []byte(" \r\n\t")); err != nil {
			t.Errorf("%s and white space: %v", doc, err)
		}
	}
}

// TestPaths holds what Path promises of "**", of continued keys and of counts,
// with several wishes at one place.
func TestPaths(t *testing.T) {
	for name, c := range map[string]struct {
		paths []Path
		doc   string
	}{
		"continued, then anywhere": {[]Path{{"a.b", 1, Number}, {"**.b", 2, Number}}, `{"a":{"b":1,"c":{"b":2}},"b":3}`},
		"anywhere in anywhere":     {[]Path{{"**.a.b", 1, Number}, {"**.b", 2, Number}, {"**.a", 3, Object}}, `{"a":{"b":1,"a":{"b":2}},"x":[{"a":{"b":3}},{"b":4}]}`},
		"counts within counts":     {[]Path{{"", 1, Count}, {"[]", 2, Count}, {"[][]", 3, Count}}, `[[],[[]],[[1,2],[3],{}],"x",[{"a":[1,2]}]]`},
		"count and elements":       {[]Path{{"a", 1, Count}, {"a[]", 2, Object}, {"a[].n", 3, Any}, {"a", 4, Any}}, `{"a":[{"n":1},{"n":null},[{"n":2}],5],"a":"s","a":{}}`},
		"object and its scalar":    {[]Path{{"e", 1, Object}, {"e", 2, Any}, {"e.e", 3, Any}, {"e", 4, Count}}, `{"e":{"e":true},"e":"x","e":[1,{"e":2}]}`},
		"root of every kind":       {[]Path{{"", 1, Object}, {"", 2, Count}, {"", 3, Any}, {"[].a", 4, Any}, {"a", 5, Any}}, `[{"a":1},{"a":[2]}]`},
		"prefixes of one another":  {[]Path{{"a", 1, Any}, {"aa", 2, Any}, {"aaa", 3, Any}, {"b", 4, Any}}, `{"aaa":3,"aa":2,"a":1,"aaaa":4,"":5,"b":6}`},
		"anywhere through arrays":  {[]Path{{"**.t[].u", 1, Text}, {"**.t", 2, Count}}, `[[[{"t":[{"u":"x"},{"u":"y","t":[{"u":"z"}]}]}]]]`},
	} {
		for cut := range c.doc {
			got, err := read(MustCompile(c.paths), []byte(c.doc[:cut]), []byte(c.doc[cut:]))
			if want, _ := expect(c.paths, []byte(c.doc)); err != nil || got != want {
				t.Fatalf("%s cut at %d: %v\n%s\nwant\n%s", name, cut, err, got, want)
			}
			if strings.Count(got, "\n") == 0 {
				t.Fatalf("%s: only %q", name, got)
			}
		}
	}
}

// TestInputIsNotChanged: pieces belong to the caller.
func TestInputIsNotChanged(t *testing.T) {
	schema := MustCompile(openAI)
	for _, doc := range documents {
		in := []byte(doc)
		var s Scanner
		s.Reset(schema, &log{})
		s.Write(in[:len(in)/2])
		s.Write(in[len(in)/2:])
		if !bytes.Equal(in, []byte(doc)) {
			t.Errorf("%s became %s", doc, in)
		}
	}
}

// TestEveryKindAllocatesNothing, numbers that need strconv included; those
// beyond its range cost an error.
func TestEveryKindAllocatesNothing(t *testing.T) {
	schema := MustCompile([]Path{{"t", 1, Text}, {"s", 2, String}, {"n", 3, Number}, {"a", 4, Any}, {"a", 5, Count}, {"a", 6, Object}, {"**.x", 7, Any}})
	for _, doc := range []string{
		`{"t":"` + strings.Repeat(`\u4f60`, 200) + `"}`, `{"s":"` + strings.Repeat(`\n`, 300) + `"}`, `{"n":-12.5e-7}`, `{"n":-9223372036854775807}`,
		`{"a":true,"a":[1,2,{"x":null}],"a":{"x":"y"},"n":1e300}`, `{"z":{"z":[[{"x":0.125}]]}}`, `{"s`,
	} {
		pieces := [][]byte{[]byte(doc[:len(doc)/2]), []byte(doc[len(doc)/2:])}
		var s Scanner
		var h sum
		if n := testing.AllocsPerRun(50, func() {
			s.Reset(schema, &h)
			for _, p := range pieces {
				s.Write(p)
			}
			s.End()
		}); n != 0 {
			t.Errorf("%s: %v allocations", fmt.Sprintf("%.40s", doc), n)
		}
	}
}

// TestKeysAlmostAlike changes one byte of a key, at every place of keys of
// every length, and finds it no more.
func TestKeysAlmostAlike(t *testing.T) {
	const alphabet = "abcdefghijklmnopqrstuvwxyz"
	for n := 1; n <= len(alphabet); n++ {
		name := alphabet[:n]
		schema := MustCompile([]Path{{name, 1, Number}, {"other_key_" + name, 2, Number}})
		if got, err := read(schema, []byte(`{"`+name+`":1}`)); err != nil || got != "1 number 1 1" {
			t.Errorf("%s: %v, %q", name, err, got)
		}
		for i := range n {
			for _, c := range []string{"_", "", name[i:i+1] + "_", "\x01", "é"} {
				doc := `{"` + name[:i] + c + name[i+1:] + `":1}`
				for cut := range doc {
					if got, err := read(schema, []byte(doc[:cut]), []byte(doc[cut:])); err != nil || got != "" {
						t.Fatalf("%s cut at %d is taken for %s: %v, %q", doc, cut, name, err, got)
					}
				}
			}
		}
	}
}
