// SPDX-License-Identifier: Apache-2.0

package tokenizer

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"unicode/utf8"
)

// maxFile is far above any vocabulary and keeps a wrong path, such as a device,
// from filling the memory.
const maxFile = 256 << 20

// part is any normalizer or pre-tokenizer of a tokenizer.json: the members of
// all of them together (huggingface/tokenizers, serialisation of each type).
type part struct {
	Type             string
	Normalizers      []part
	PreTokenizers    []part `json:"pretokenizers"`
	Pattern          pattern
	Content          string
	Prepend          string
	Behavior         string
	Invert           bool
	AddPrefixSpace   bool  `json:"add_prefix_space"`
	UseRegex         *bool `json:"use_regex"`
	IndividualDigits bool  `json:"individual_digits"`
	Replacement      string
	PrependScheme    string `json:"prepend_scheme"`
	Split            *bool
}

type pattern struct {
	Regex  *string
	String *string
}

func (p pattern) finder() (finder, error) {
	switch {
	case p.Regex != nil:
		return byRegexp(*p.Regex)
	case p.String != nil:
		return byString(*p.String)
	}
	return nil, errors.New("a pattern is missing")
}

type document struct {
	Added []struct {
		Content    string
		Normalized bool
	} `json:"added_tokens"`
	Normalizer   *part
	PreTokenizer *part `json:"pre_tokenizer"`
	Model        model
}

// model is the byte-pair encoding of a tokenizer.json.
type model struct {
	Type         string
	Vocab        json.RawMessage
	Merges       []mergeRule
	Unknown      *string `json:"unk_token"`
	Prefix       *string `json:"continuing_subword_prefix"`
	Suffix       *string `json:"end_of_word_suffix"`
	FuseUnknown  bool    `json:"fuse_unk"`
	ByteFallback bool    `json:"byte_fallback"`
	IgnoreMerges bool    `json:"ignore_merges"`
}

// mergeRule is written as "a b" or, by newer versions, as ["a","b"].
type mergeRule [2]string

func (r *mergeRule) UnmarshalJSON(b []byte) error {
	if len(b) > 0 && b[0] == '[' {
		var two []string
		if err := json.Unmarshal(b, &two); err != nil || len(two) != 2 {
			return fmt.Errorf("merge %s is no pair", b)
		}
		*r = mergeRule{two[0], two[1]}
		return nil
	}
	var s string
	if err := json.Unmarshal(b, &s); err != nil {
		return err
	}
	left, right, ok := strings.Cut(s, " ")
	if !ok {
		return fmt.Errorf("merge %q is no pair", s)
	}
	*r = mergeRule{left, right}
	return nil
}

const remedy = "name the tokenizer.json that came with the model, or one of o200k, cl100k, p50k, r50k"

// load reads a tokenizer.json.
func load(path string) (*Tokenizer, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("tokenizer: %w: %s", err, remedy)
	}
	defer f.Close()
	if info, err := f.Stat(); err == nil && info.Size() > maxFile {
		return nil, tooLarge(path)
	}
	text, err := io.ReadAll(io.LimitReader(f, maxFile+1))
	if err != nil {
		return nil, fmt.Errorf("tokenizer: %w: %s", err, remedy)
	}
	if len(text) > maxFile {
		return nil, tooLarge(path)
	}
	t, err := parse(text)
	if err != nil {
		return nil, fmt.Errorf("tokenizer %s: %w: %s", path, err, remedy)
	}
	return t, nil
}

func tooLarge(path string) error {
	return fmt.Errorf("tokenizer %s: larger than %d MiB: %s", path, maxFile>>20, remedy)
}

func parse(text []byte) (*Tokenizer, error) {
	var d document
	if err := json.Unmarshal(text, &d); err != nil {
		return nil, fmt.Errorf("no tokenizer.json (%w)", err)
	}
	p := &pipeline{}
	var err error
	if p.normal, err = normalizers(d.Normalizer); err != nil {
		return nil, err
	}
	if p.split, err = splitters(d.PreTokenizer); err != nil {
		return nil, err
	}
	if p.model, err = d.Model.bpe(d.PreTokenizer.isByteLevel()); err != nil {
		return nil, err
	}
	for _, a := range d.Added {
		switch {
		case a.Content == "":
		case a.Normalized:
			p.cooked.add(a.Content)
		default:
			p.raw.add(a.Content)
		}
	}
	return &Tokenizer{count: p.count}, nil
}

// isByteLevel tells whether vocabulary and merges are written in the
// characters that stand for bytes.
func (p *part) isByteLevel() bool {
	if p == nil {
		return false
	}
	for i := range p.PreTokenizers {
		if p.PreTokenizers[i].isByteLevel() {
			return true
		}
	}
	return p.Type == "ByteLevel"
}

func (m *model) bpe(byteLevel bool) (*bpe, error) {
	if m.Type != "BPE" && (m.Type != "" || len(m.Merges) == 0) {
		return nil, fmt.Errorf("model type %q is not supported, only BPE is", m.Type)
	}
	if affix := m.Prefix; affix != nil && *affix != "" {
		return nil, fmt.Errorf("continuing_subword_prefix %q is not supported", *affix)
	}
	if affix := m.Suffix; affix != nil && *affix != "" {
		return nil, fmt.Errorf("end_of_word_suffix %q is not supported", *affix)
	}
	var vocab map[string]int32
	if err := json.Unmarshal(m.Vocab, &vocab); err != nil || len(vocab) == 0 {
		return nil, errors.New("the vocabulary is missing or broken")
	}
	for token, id := range vocab {
		if id < 0 {
			return nil, fmt.Errorf("the id of %q is %d", token, id)
		}
	}
	b := &bpe{byteLevel: byteLevel, unknown: -1, fuse: m.FuseUnknown, merges: make(map[pair]merge, len(m.Merges))}
	for rank, r := range m.Merges {
		left, ok1 := vocab[r[0]]
		right, ok2 := vocab[r[1]]
		id, ok3 := vocab[r[0]+r[1]]
		if !ok1 || !ok2 || !ok3 {
			return nil, fmt.Errorf("merge %q %q is not in the vocabulary", r[0], r[1])
		}
		if _, again := b.merges[pair{left, right}]; !again {
			b.merges[pair{left, right}] = merge{int32(rank), id}
		}
	}
	for i := range b.bytes {
		b.bytes[i] = -1
		name := string(byteRune(byte(i)))
		if !byteLevel {
			name = fmt.Sprintf("<0x%02X>", i)
		}
		if id, ok := vocab[name]; ok && (byteLevel || m.ByteFallback) {
			b.bytes[i] = id
		}
	}
	if m.Unknown != nil {
		if id, ok := vocab[*m.Unknown]; ok {
			b.unknown = id
		}
	}
	if m.IgnoreMerges {
		b.whole = vocab
	}
	if !byteLevel {
		b.chars = make(map[string]int32)
		for s, id := range vocab {
			if _, size := utf8.DecodeRuneInString(s); size == len(s) && size > 0 {
				b.chars[s] = id
			}
		}
	}
	return b, nil
}
