// SPDX-License-Identifier: Apache-2.0

package tokenizer

import (
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
)

// byteLevelFile knows the letters a and b, the space, and what its merges make
// of them.
const byteLevelFile = `{
	"added_tokens":[{"content":"<think>","normalized":false},{"content":"abc","normalized":true}],
	"normalizer":{"type":"NFC"},
	"pre_tokenizer":{"type":"Sequence","pretokenizers":[{"type":"ByteLevel","add_prefix_space":false}]},
	"model":{"type":"BPE","vocab":{"a":0,"b":1,"Ġ":2,"ab":3,"Ġab":4,"Ã":5,"©":6,"abab":7,"c":8,"z":9},
		"merges":["a b","Ġ ab",["ab","ab"]]}}`

// charactersFile is of the family of Llama 2 and Gemma: characters, and bytes
// for those that it does not know.
const charactersFile = `{
	"normalizer":{"type":"Replace","pattern":{"String":" "},"content":"▁"},
	"pre_tokenizer":null,
	"model":{"type":"BPE","unk_token":"<unk>","fuse_unk":true,"byte_fallback":true,
		"vocab":{"<unk>":0,"▁":1,"a":2,"▁a":3,"<0xC3>":4,"<0xA9>":5,"é":6,"<0xE2>":7},"merges":["▁ a"]}}`

func mustParse(t *testing.T, text string) *Tokenizer {
	t.Helper()
	tok, err := parse([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	return tok
}

func TestCount(t *testing.T) {
	for _, c := range []struct {
		name, file, text string
		want             int64
	}{
		{"nothing", byteLevelFile, "", 0},
		{"a merge", byteLevelFile, "ab", 1},
		{"merges of merges", byteLevelFile, "abab", 1},
		{"a word with its space", byteLevelFile, "ab ab", 2},
		{"the least rank first", byteLevelFile, "aba", 2},
		{"bytes", byteLevelFile, "é", 2},
		{"a byte without a symbol", byteLevelFile, "é!", 2},
		{"an added token", byteLevelFile, "ab<think>ab", 3},
		{"one of the normalised text", byteLevelFile, "ababc", 2},
		{"words that are tokens", strings.Replace(byteLevelFile, `"type":"BPE"`, `"type":"BPE","ignore_merges":true`, 1), "abab", 1},
		{"a word that no merge makes", strings.Replace(byteLevelFile, `"merges":["a b","Ġ ab",["ab","ab"]]`, `"ignore_merges":true,"merges":[]`, 1), "abab", 1},
		{"the same with merges", strings.Replace(byteLevelFile, `"merges":["a b","Ġ ab",["ab","ab"]]`, `"merges":[]`, 1), "abab", 4},
		{"characters", charactersFile, "a a", 2},
		{"a character before its bytes", charactersFile, "é", 1},
		{"bytes of a character", strings.Replace(charactersFile, `,"é":6`, "", 1), "é", 2},
		{"unknown ones are one", charactersFile, "a你好a", 3},
		{"unknown ones are some", strings.Replace(charactersFile, `"fuse_unk":true`, `"fuse_unk":false`, 1), "a你好a", 4},
		{"nothing for the unknown", strings.Replace(charactersFile, `"unk_token":"<unk>",`, "", 1), "a你好a", 2},
	} {
		if n, ok := mustParse(t, c.file).Count([]byte(c.text)); n != c.want || !ok {
			t.Errorf("%s: %d, %t, want %d", c.name, n, ok, c.want)
		}
	}
}

// Bytes that are no text are counted as the character that stands for them.
func TestCountOfNoText(t *testing.T) {
	tok := mustParse(t, strings.Replace(charactersFile, `"é":6`, `"\ufffd":6`, 1))
	if n, ok := tok.Count([]byte("a\xff\xfea")); n != 3 || !ok {
		t.Errorf("%d, %t, want 3", n, ok)
	}
	for _, name := range []string{"o200k", "cl100k", "p50k", "r50k", "o200k_base"} {
		tok, err := Open(name)
		if err != nil {
			t.Fatal(err)
		}
		if n, ok := tok.Count([]byte("hello\xff world")); n < 3 || !ok {
			t.Errorf("%s: %d, %t", name, n, ok)
		}
		if n, ok := tok.Count(nil); n != 0 || !ok {
			t.Errorf("%s: %d, %t for nothing", name, n, ok)
		}
		// Published examples of OpenAI's cookbook, "How to count tokens with tiktoken".
		if n, _ := tok.Count([]byte("tiktoken is great!")); n != 6 {
			t.Errorf("%s: %d tokens, want 6", name, n)
		}
	}
}

func TestRefusedFiles(t *testing.T) {
	swap := func(old, with string) string { return strings.Replace(byteLevelFile, old, with, 1) }
	for _, c := range []struct{ name, file, says string }{
		{"empty", "", "no tokenizer.json"},
		{"a merge of strangers", swap(`"a b"`, `"a x"`), `merge "a" "x" is not in the vocabulary`},
		{"a merge of one", swap(`"a b"`, `"ab"`), "is no pair"},
		{"a merge of three", swap(`["ab","ab"]`, `["ab","a","b"]`), "is no pair"},
		{"no vocabulary", `{"model":{"type":"BPE"}}`, "vocabulary is missing"},
		{"a list for a vocabulary", `{"model":{"type":"BPE","vocab":[1]}}`, "vocabulary is missing"},
		{"an id below 0", swap(`"a":0`, `"a":-1`), `the id of "a" is -1`},
		{"an affix", swap(`"type":"BPE"`, `"type":"BPE","end_of_word_suffix":"</w>"`), "end_of_word_suffix"},
		{"a prefix", swap(`"type":"BPE"`, `"type":"BPE","continuing_subword_prefix":"##"`), "continuing_subword_prefix"},
		{"an unknown splitter", swap(`"ByteLevel"`, `"Whitespace"`), `pre-tokenizer "Whitespace"`},
		{"an unknown normalizer inside", swap(`{"type":"NFC"}`, `{"type":"Sequence","normalizers":[{"type":"Precompiled"}]}`), `normalizer "Precompiled"`},
		{"a broken pattern", swap(`{"type":"ByteLevel"`, `{"type":"Split","pattern":{"Regex":"("},"behavior":"Isolated"},{"type":"ByteLevel"`), `pattern "("`},
		{"an intersection", swap(`{"type":"ByteLevel"`, `{"type":"Split","pattern":{"Regex":"[\\p{L}&&[^a]]"},"behavior":"Isolated"},{"type":"ByteLevel"`), "&&"},
		{"no pattern", swap(`{"type":"ByteLevel"`, `{"type":"Split","behavior":"Isolated"},{"type":"ByteLevel"`), "pattern is missing"},
		{"another model", `{"model":{"type":"WordPiece","vocab":{"a":1}}}`, `"WordPiece" is not supported`},
	} {
		if _, err := parse([]byte(c.file)); err == nil || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%s: %v, want it to say %q", c.name, err, c.says)
		}
	}
	path := filepath.Join(t.TempDir(), "large.json")
	if err := os.WriteFile(path, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Truncate(path, maxFile+1); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(path); err == nil || !strings.Contains(err.Error(), "larger than 256 MiB") {
		t.Errorf("a huge file: %v", err)
	}
}

// Shards of a replay count at the same time.
func TestConcurrentCounts(t *testing.T) {
	text := []byte(strings.Repeat("ab <think> é abab ", 50))
	for _, tok := range []*Tokenizer{mustParse(t, byteLevelFile), mustParse(t, charactersFile)} {
		want, _ := tok.Count(text)
		var wg sync.WaitGroup
		for range 4 {
			wg.Go(func() {
				for range 50 {
					if n, ok := tok.Count(text); n != want || !ok {
						t.Errorf("%d, %t, want %d", n, ok, want)
					}
				}
			})
		}
		wg.Wait()
	}
}

// No file makes the loader panic, and no text a tokenizer that was loaded.
func FuzzFile(f *testing.F) {
	f.Add([]byte(byteLevelFile), []byte("ab<think> é"))
	f.Add([]byte(charactersFile), []byte("a \xff你"))
	f.Add([]byte(`{"model":{"type":"BPE","vocab":{"":1,"a":-5},"merges":[" a"]}}`), []byte("aa"))
	f.Fuzz(func(t *testing.T, file, text []byte) {
		tok, err := parse(file)
		if err != nil {
			return
		}
		a, ok := tok.Count(text)
		b, again := tok.Count(text)
		if a < 0 || a != b || ok != again {
			t.Fatalf("%d %t, then %d %t", a, ok, b, again)
		}
	})
}

func BenchmarkCount(b *testing.B) {
	text := []byte(strings.Repeat("The observer sees each packet when the kernel does. ", 200))
	tok, err := Open("o200k")
	if err != nil {
		b.Fatal(err)
	}
	b.SetBytes(int64(len(text)))
	for b.Loop() {
		tok.Count(text)
	}
}
