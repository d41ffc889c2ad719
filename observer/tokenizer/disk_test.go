// SPDX-License-Identifier: Apache-2.0

package tokenizer

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// What is wrong with a path is said, with what to do.
func TestWrongPaths(t *testing.T) {
	dir := t.TempDir()
	write := func(name, text string) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	huge := write("huge.json", "{")
	if err := os.Truncate(huge, maxFile+1); err != nil { // sparse
		t.Fatal(err)
	}
	for name, c := range map[string]struct{ path, want string }{
		"not there":     {filepath.Join(dir, "no.json"), "no such file"},
		"a folder":      {dir, "is a directory"},
		"empty":         {write("empty.json", ""), "no tokenizer.json"},
		"a list":        {write("list.json", "[]"), "no tokenizer.json"},
		"text":          {write("text.json", "hello"), "no tokenizer.json"},
		"cut off":       {write("cut.json", byteLevelFile[:len(byteLevelFile)/2]), "no tokenizer.json"},
		"another JSON":  {write("config.json", `{"architectures":["LlamaForCausalLM"]}`), "model type"},
		"endless":       {"/dev/zero", "larger than 256 MiB"},
		"too large":     {huge, "larger than 256 MiB"},
		"a wrong name":  {"o200", "no such file"},
		"sentencepiece": {write("tokenizer.model", "\n\x0e\n\x05<unk>\x15\x00\x00\x00\x00\x18\x02"), "no tokenizer.json"},
	} {
		tok, err := Open(c.path)
		if err == nil || tok != nil {
			t.Errorf("%s: accepted", name)
			continue
		}
		if !strings.Contains(err.Error(), c.want) || !strings.HasSuffix(err.Error(), remedy) || !strings.HasPrefix(err.Error(), "tokenizer") {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := Open(write("tokenizer.json", byteLevelFile)); err != nil {
		t.Error(err)
	}
}

// Parts that are not understood are refused by name: a count that is nearly
// right would be called exact.
func TestUnknownPartsAreNamed(t *testing.T) {
	model := `"model":{"type":"BPE","vocab":{"a":0,"b":1,"ab":2},"merges":["a b"]}`
	for text, want := range map[string]string{
		`{"normalizer":{"type":"BertNormalizer"},` + model + `}`:                                               `normalizer "BertNormalizer"`,
		`{"normalizer":{"type":"Sequence","normalizers":[{"type":"NFC"},{"type":"Lowercase"}]},` + model + `}`: `normalizer "Lowercase"`,
		`{"normalizer":{"type":"Replace","content":"x"},` + model + `}`:                                        "a pattern is missing",
		`{"normalizer":{"type":"Replace","pattern":{"Regex":"("},"content":"x"},` + model + `}`:                `pattern "("`,
		`{"pre_tokenizer":{"type":"Whitespace"},` + model + `}`:                                                `pre-tokenizer "Whitespace"`,
		`{"pre_tokenizer":{"type":"Sequence","pretokenizers":[{"type":"UnicodeScripts"}]},` + model + `}`:      `pre-tokenizer "UnicodeScripts"`,
		`{"pre_tokenizer":{"type":"Split","pattern":{"String":""},"behavior":"Isolated"},` + model + `}`:       "an empty pattern",
		`{"pre_tokenizer":{"type":"Split","pattern":{"Regex":"a"},"behavior":"Sideways"},` + model + `}`:       `split behaviour "Sideways"`,
		`{"pre_tokenizer":{"type":"Split","pattern":{"Regex":"[a&&b]"},"behavior":"Isolated"},` + model + `}`:  "intersections of classes",
		`{"pre_tokenizer":{"type":"Metaspace"},` + model + `}`:                                                 "without a replacement",
		`{"model":{"type":"Unigram","vocab":[["a",-1.5]]}}`:                                                    `model type "Unigram"`,
		`{"model":{"type":"WordPiece","vocab":{"a":0}}}`:                                                       `model type "WordPiece"`,
		`{"model":{"type":"BPE","vocab":{},"merges":[]}}`:                                                      "the vocabulary is missing",
		`{"model":{"type":"BPE","vocab":{"a":-1},"merges":[]}}`:                                                `the id of "a" is -1`,
		`{"model":{"type":"BPE","vocab":{"a":0},"merges":["ab"]}}`:                                             `merge "ab" is no pair`,
		`{"model":{"type":"BPE","vocab":{"a":0},"merges":[["a"]]}}`:                                            "is no pair",
		`{"model":{"type":"BPE","vocab":{"a":0},"merges":["a c"]}}`:                                            `merge "a" "c" is not in the vocabulary`,
		`{"model":{"type":"BPE","vocab":{"a":0},"merges":[],"continuing_subword_prefix":"##"}}`:                `continuing_subword_prefix "##"`,
		`{"model":{"type":"BPE","vocab":{"a":0},"merges":[],"end_of_word_suffix":"</w>"}}`:                     `end_of_word_suffix "</w>"`,
	} {
		if _, err := parse([]byte(text)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", text, err, want)
		}
	}
	for _, text := range []string{
		`{"normalizer":null,"pre_tokenizer":null,` + model + `}`,
		`{"model":{"vocab":{"a":0,"b":1,"ab":2},"merges":[["a","b"]]}}`, // older files name no type
		`{"added_tokens":[{"content":"","normalized":true}],` + model + `}`,
	} {
		if _, err := parse([]byte(text)); err != nil {
			t.Errorf("%s: %v", text, err)
		}
	}
}
