// SPDX-License-Identifier: Apache-2.0

package jsonscan

import (
	"fmt"
	"strings"
	"testing"
	"unsafe"
)

func TestScanner(t *testing.T) {
	long := strings.Repeat("0123456789", 30)
	for name, c := range map[string]struct {
		paths []Path
		doc   string
		want  string
	}{
		"chunk": {openAI, chunk,
			"1 string \"Qwen/Qwen2.5-7B-Instruct\" false\n2 enter\n3 number 0 0\n4 text \" the\"\n2 leave"},
		"role only": {openAI, `{"choices":[{"delta":{"role":"assistant","content":""},"index":1}]}`,
			"2 enter\n4 text \"\"\n3 number 1 1\n2 leave"},
		"usage, spaced": {openAI, `{ "usage" : { "prompt_tokens" : 9 , "prompt_tokens_details" : { "cached_tokens" : 4 } } , "choices" : [ ] }`,
			"8 number 9 9\n10 number 4 4"},
		"error object": {openAI, `{"error":{"message":"m"}}`, "12 enter\n12 leave"},
		"error string": {openAI, `{"error":"m"}`, `12 string "m" false`},
		"two in one":   {[]Path{{"d", 1, Text}, {"d.t", 2, Text}, {"d[]", 3, Text}}, `[1]`, ""},
		"by type": {[]Path{{"d", 1, Text}, {"d.t", 2, Text}, {"d[]", 3, Text}, {"d", 4, Count}},
			`{"d":"a","d":{"t":"b"},"d":["c",1,"d"],"d":7}`,
			"1 text \"a\"\n2 text \"b\"\n3 text \"c\"\n3 text \"d\"\n4 type 5 3"},
		"any depth":        {[]Path{{"**.text", 1, Text}}, `[{"x":[[{"text":"a"}]],"text":"b"}]`, "1 text \"a\"\n1 text \"b\""},
		"root":             {[]Path{{"", 1, Text}}, `"a\nb"`, `1 text "a\nb"`},
		"root array":       {[]Path{{"[].e", 1, Count}}, `[{"e":[1,2]},{"e":[]}]`, "1 type 5 2\n1 type 5 0"},
		"escaped key":      {[]Path{{"model", 1, String}}, `{"mod\u0065l":"x"}`, `1 string "x" false`},
		"key with escape":  {[]Path{{"a", 1, Any}}, `{"a\"":1,"\\":2,"a":3}`, "1 number 3 3"},
		"long string":      {[]Path{{"a", 1, String}}, `{"a":"` + long + `"}`, `1 string "` + long[:MaxString] + `" true`},
		"surrogates":       {[]Path{{"a", 1, Text}}, `{"a":"\ud83d\ude00\ud83dx\ude00"}`, "1 text \"😀�x�\""},
		"no paths":         {nil, `{"a":[1,{"b":"]}"}]}`, ""},
		"big numbers":      {[]Path{{"[]", 1, Number}}, `[9223372036854775807,-9223372036854775809,1e400,-2.9]`, "1 number 9223372036854775807 9.223372036854776e+18\n1 number -9223372036854775808 -9.223372036854776e+18\n1 number 9223372036854775807 1.7976931348623157e+308\n1 number -2 -2.9"},
		"very long number": {[]Path{{"[]", 1, Number}}, `[` + long + `]`, "1 long number 0 0"},
	} {
		t.Run(name, func(t *testing.T) {
			schema := MustCompile(c.paths)
			for cut := range c.doc {
				got, err := read(schema, []byte(c.doc[:cut]), []byte(c.doc[cut:]))
				if err != nil || got != c.want {
					t.Fatalf("cut at %d: %v\n%s\nwant\n%s", cut, err, got, c.want)
				}
			}
		})
	}
}

func TestErrors(t *testing.T) {
	deep := strings.Repeat("[", MaxDepth)
	for doc, want := range map[string]error{
		"":                     ErrIncomplete,
		" ":                    ErrIncomplete,
		chunk[:len(chunk)-1]:   ErrIncomplete,
		`{"x":"`:               ErrIncomplete,
		`nul`:                  ErrIncomplete,
		`{"a":nulL}`:           ErrSyntax,
		`{"a":1}}`:             ErrSyntax,
		`{"a":1 2}`:            ErrSyntax,
		`{"a":1,}`:             ErrSyntax,
		`{a:1}`:                ErrSyntax,
		`{"a":[1,,2]}`:         ErrSyntax,
		`{"a":1.}`:             ErrSyntax,
		`{"a":01}`:             ErrSyntax,
		`{"a":"\x"}`:           ErrSyntax,
		`{"a":"\u12g4"}`:       ErrSyntax,
		`{"x":[}]}`:            ErrSyntax,
		"[\x00]":               ErrSyntax,
		deep + "[":             ErrDepth,
		`{"x":` + deep + `[`:   ErrDepth,
		deep:                   ErrIncomplete,
		"\xef\xbb\xbf{}":       ErrSyntax,
		"data: {}":             ErrSyntax,
		`{"x":{"y":"]}"},"a":`: ErrIncomplete,
	} {
		schema := MustCompile([]Path{{"a", 1, Any}, {"a[]", 2, Number}, {"[][]", 3, Any}})
		if _, err := read(schema, []byte(doc)); err != want {
			t.Errorf("%q: %v, want %v", doc, err, want)
		}
	}
}

// A failed scanner says nothing more, and a Reset makes it like new.
func TestResetAfterFailure(t *testing.T) {
	schema := MustCompile(openAI)
	var s Scanner
	for _, spoil := range []func(){
		func() { s.Lost() },
		func() { s.Write([]byte(`{"choices":[{"delta":{"content":"\ud83d`)); s.Lost() },
		func() { s.Write([]byte(`{"model":"\`)) },
		func() { s.Write([]byte(`{"other":{"x":["\`)) },
		func() { s.Write([]byte(`]`)) },
		func() { s.Write([]byte(`{"choices":[{"index":12`)) },
		func() { s.Write([]byte(`{"choices":[{"finish_reason":nu`)) },
	} {
		var spoilt, l log
		s.Reset(schema, &spoilt)
		spoil()
		if s.End() == nil || s.Done() {
			t.Error("a spoilt document is done")
		}
		before := spoilt.String()
		if s.Write([]byte(chunk)) == nil || spoilt.String() != before {
			t.Error("a failed scanner goes on")
		}
		s.Reset(schema, &l)
		want, _ := read(schema, []byte(chunk))
		if err := s.Write([]byte(chunk)); err != nil || !s.Done() || l.String() != want {
			t.Errorf("after Reset: %v\n%s", err, l.String())
		}
	}
	if s.Reset(schema, &log{}); s.Done() {
		t.Error("done before it began")
	}
}

func TestCompileRefuses(t *testing.T) {
	for _, paths := range [][]Path{
		{{"a..b", 1, Text}}, {{".a", 1, Text}}, {{"a.", 1, Text}}, {{"a[", 1, Text}},
		{{"a[]b", 1, Text}}, {{"a.[]", 1, Text}}, {{"**", 1, Text}}, {{"**.", 1, Text}},
		{{"**.[]", 1, Text}}, {{"a.**.b", 1, Text}}, {{"a]", 1, Text}}, {{"a", 1, 0}}, {{"a", 1, TextDeep + 1}},
		{{"a", 1, Text}, {"a", 2, Number}}, {{"a", 1, Count}, {"a", 2, Count}}, {{"[].", 1, Text}},
		{{"a", 1, TextDeep}, {"a.b", 1, Text}}, {{"a.b", 1, Text}, {"a", 1, TextDeep}}, {{"a[]", 1, Count}, {"a", 1, TextDeep}},
		{{"", 1, TextDeep}, {"a", 1, Text}}, {{"a", 1, TextDeep}, {"a", 1, Any}},
		{{"a", 1, Object}, {"a", 1, Object}}, {{strings.Repeat("a", MaxString+1), 1, Text}},
	} {
		if _, err := Compile(paths); err == nil {
			t.Errorf("%v: no error", paths)
		}
	}
}

// All strings and numbers below a TextDeep are its text, and nothing else is.
func TestTextDeep(t *testing.T) {
	schema := MustCompile([]Path{{"a.in", 1, TextDeep}, {"a.in", 2, Object}, {"b", 3, Text}, {"**.b", 4, Text}})
	for doc, want := range map[string]string{
		`{"a":{"in":"x"}}`:                    `1 text "x"`,
		`{"a":{"in":-12.50}}`:                 `1 text "-12.50"`,
		`{"a":{"in":null,"out":"y"},"b":"z"}`: `3 text "z"`,
		`{"a":{"in":{"k":["x",{"b":"y"},[1e3,true,null,[[]]]],"\u006b":"w"}}}`:          "2 enter\n1 text \"x\"\n1 text \"y\"\n1 text \"1e3\"\n1 text \"w\"\n2 leave",
		`{"a":{"in":["\u4f60",""],"b":"z"}}`:                                            "1 text \"你\"\n1 text \"\"\n4 text \"z\"",
		`{"a":[{"in":"x"}],"in":{"c":"d"}}`:                                             "",
		`{"a":{"in":[` + strings.Repeat("[", 20) + `7` + strings.Repeat("]", 21) + `}}`: `1 text "7"`,
		`{"a":{"in":{"x":NaN,"y":-Infinity,"z":3}}}`:                                    "2 enter\n1 text \"3\"\n2 leave",
	} {
		for _, pieces := range [][][]byte{{[]byte(doc)}, bytewise([]byte(doc))} {
			if got, err := read(schema, pieces...); err != nil || got != want {
				t.Errorf("%s in %d pieces: %v\n%s\nwant\n%s", doc, len(pieces), err, got, want)
			}
		}
	}
}

// What Python's json writes for numbers that JSON does not have voids nothing,
// wherever it stands and is cut.
func TestPythonsLiterals(t *testing.T) {
	paths := []Path{{"n", 1, Number}, {"any", 2, Any}, {"t", 3, Text}, {"deep", 4, TextDeep}, {"o", 5, Object}, {"l", 6, Count}, {"end", 9, String}}
	for _, literal := range []string{"NaN", "Infinity", "-Infinity"} {
		for _, p := range []string{"n", "any", "t", "deep", "o", "l", "skipped"} {
			doc := fmt.Sprintf(`{"x":[%[2]s,{"y":%[2]s}],"%[1]s":%[2]s,"end":"!"}`, p, literal)
			want := strings.ReplaceAll(doc, literal, "null")
			wantLog, err := read(MustCompile(paths), []byte(want))
			if err != nil {
				t.Fatal(err)
			}
			for at := range doc {
				if got, err := read(MustCompile(paths), []byte(doc[:at]), []byte(doc[at:])); err != nil || got != wantLog {
					t.Errorf("%s cut at %d: %v\n%s\nwant\n%s", doc, at, err, got, wantLog)
				}
			}
		}
		for _, bad := range []string{literal + "x", "1" + literal, "-" + literal + "1", literal[:len(literal)-1], "+" + literal} {
			if _, err := read(MustCompile(paths), []byte(`{"n":`+bad+`}`)); err == nil && bad != "-Infinity" {
				t.Errorf("%s is taken", bad)
			}
		}
	}
}

func TestNoAllocation(t *testing.T) {
	schema := MustCompile(openAI)
	doc := []byte(chunk)
	escaped := []byte(`{"choices":[{"delta":{"content":"\u4f60\ud83d\ude00\n"},"index":12.5}],"usage":{"prompt_tokens":123456789012345678}}`)
	var s Scanner
	var h sum
	if n := testing.AllocsPerRun(100, func() {
		scanAll(t, &s, schema, &h, doc)
		scanAll(t, &s, schema, &h, doc[:100], doc[100:])
		scanAll(t, &s, schema, &h, escaped)
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

// Scanners are pooled, one for each open document.
func TestScannerIsSmall(t *testing.T) {
	if n := unsafe.Sizeof(Scanner{}); n > 1536 {
		t.Errorf("%d bytes", n)
	}
}
