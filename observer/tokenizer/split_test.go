// SPDX-License-Identifier: Apache-2.0

package tokenizer

import (
	"slices"
	"strings"
	"testing"
)

func pieces(t *testing.T, all []splitter, text string) []string {
	t.Helper()
	p := pipeline{split: all}
	var got []string
	if err := p.words(text, 0, func(s string) { got = append(got, s) }); err != nil {
		t.Fatal(err)
	}
	return got
}

// The example of the documentation of Hugging Face's tokenizers (SplitDelimiterBehavior).
func TestSplitBehaviours(t *testing.T) {
	const text = "the-final--countdown"
	for b, want := range map[behaviour][]string{
		removed:            {"the", "final", "countdown"},
		isolated:           {"the", "-", "final", "-", "-", "countdown"},
		mergedWithPrevious: {"the-", "final-", "-", "countdown"},
		mergedWithNext:     {"the", "-final", "-", "-countdown"},
		contiguous:         {"the", "-", "final", "--", "countdown"},
	} {
		for _, regex := range []bool{true, false} {
			find, err := byString("-")
			if regex {
				find, err = byRegexp(`\-`)
			}
			if err != nil {
				t.Fatal(err)
			}
			s, err := splitBy(find, b, false)
			if err != nil {
				t.Fatal(err)
			}
			if got := pieces(t, []splitter{s}, text); !slices.Equal(got, want) {
				t.Errorf("%s: %q, want %q", b, got, want)
			}
			// At the ends, alone, and not there.
			for _, edge := range []string{"-a", "a-", "-", "--", "a"} {
				if got := strings.Join(pieces(t, []splitter{s}, edge), ""); b != removed && got != edge || b == removed && got != strings.ReplaceAll(edge, "-", "") {
					t.Errorf("%s of %q: %q", b, edge, got)
				}
			}
		}
	}
	if _, err := splitBy(nil, "Shuffled", false); err == nil {
		t.Error("an unknown behaviour is accepted")
	}
}

func TestSplitInverted(t *testing.T) {
	find, err := byRegexp(`\p{L}+`)
	if err != nil {
		t.Fatal(err)
	}
	s, err := splitBy(find, removed, true)
	if err != nil {
		t.Fatal(err)
	}
	if got, want := pieces(t, []splitter{s}, "ab, cd!"), []string{"ab", "cd"}; !slices.Equal(got, want) {
		t.Errorf("%q, want %q", got, want)
	}
}

func TestPreTokenizers(t *testing.T) {
	no := false
	digits := "\\p{N}{1,3}"
	for _, c := range []struct {
		name string
		part part
		text string
		want []string
	}{
		// openai/gpt-2: words with the space before them.
		{"words", part{Type: "ByteLevel"}, "How's  it, 你好 42?", []string{"How", "'s", " ", " it", ",", " 你好", " 42", "?"}},
		{"words with a space in front", part{Type: "ByteLevel", AddPrefixSpace: true}, "a b", []string{" a", " b"}},
		{"no words", part{Type: "ByteLevel", UseRegex: &no}, "a b", []string{"a b"}},
		// Documentation of Hugging Face's tokenizers, Metaspace.
		{"metaspace", part{Type: "Metaspace", Replacement: "▁", PrependScheme: "always"}, "Hello my   friend", []string{"▁Hello", "▁my", "▁", "▁", "▁friend"}},
		{"metaspace, never in front", part{Type: "Metaspace", Replacement: "▁", PrependScheme: "never"}, "a b", []string{"a", "▁b"}},
		{"metaspace, whole", part{Type: "Metaspace", Replacement: "▁", PrependScheme: "never", Split: &no}, "a b", []string{"a▁b"}},
		{"digits", part{Type: "Digits", IndividualDigits: true}, "a12", []string{"a", "1", "2"}},
		{"numbers", part{Type: "Digits"}, "a12b", []string{"a", "12", "b"}},
		{"a sequence", part{Type: "Sequence", PreTokenizers: []part{
			{Type: "Split", Pattern: pattern{Regex: &digits}, Behavior: "Isolated"}, {Type: "ByteLevel"},
		}}, "x 1234", []string{"x", " ", "123", "4"}},
	} {
		all, err := splitters(&c.part)
		if err != nil {
			t.Fatalf("%s: %v", c.name, err)
		}
		if got := pieces(t, all, c.text); !slices.Equal(got, c.want) {
			t.Errorf("%s: %q, want %q", c.name, got, c.want)
		}
	}
}

func TestNormalizers(t *testing.T) {
	space, spaces := " ", " +"
	for _, c := range []struct {
		part part
		text string
		want string
	}{
		{part{Type: "NFC"}, "e\u0301", "é"},
		{part{Type: "NFD"}, "é", "e\u0301"},
		{part{Type: "NFKC"}, "ﬁ", "fi"},
		{part{Type: "NFKD"}, "ﬁ", "fi"},
		{part{Type: "Sequence", Normalizers: []part{
			{Type: "Prepend", Prepend: "▁"},
			{Type: "Replace", Pattern: pattern{String: &space}, Content: "▁"},
		}}, "a b  c", "▁a▁b▁▁c"},
		{part{Type: "Replace", Pattern: pattern{Regex: &spaces}, Content: "_"}, " a   b", "_a_b"},
		{part{Type: "Sequence"}, "as it is", "as it is"},
	} {
		all, err := normalizers(&c.part)
		if err != nil {
			t.Fatal(err)
		}
		got := c.text
		for _, n := range all {
			if got, err = n(got); err != nil {
				t.Fatal(err)
			}
		}
		if got != c.want {
			t.Errorf("%s: %q, want %q", c.part.Type, got, c.want)
		}
	}
}

func TestAddedTokens(t *testing.T) {
	var m matcher
	for _, s := range []string{"<a>", "<a><b>", "\n\n", "\n"} {
		m.add(s)
	}
	for text, want := range map[string]struct {
		n    int
		rest []string
	}{
		"":              {0, nil},
		"plain":         {0, []string{"plain"}},
		"<a>":           {1, nil},
		"x<a><b>y<a><":  {2, []string{"x", "y", "<"}},
		"\n\n\n":        {2, nil},
		"<a<a>":         {1, []string{"<a"}},
		"before\nafter": {1, []string{"before", "after"}},
	} {
		var rest []string
		if n := m.cut(text, func(s string) { rest = append(rest, s) }); n != want.n || !slices.Equal(rest, want.rest) {
			t.Errorf("%q: %d and %q, want %d and %q", text, n, rest, want.n, want.rest)
		}
	}
	var none matcher
	if n := none.cut("text", func(string) {}); n != 0 {
		t.Errorf("%d tokens by a matcher of none", n)
	}
}
