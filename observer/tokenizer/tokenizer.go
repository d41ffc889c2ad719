// SPDX-License-Identifier: Apache-2.0

package tokenizer

import (
	"fmt"
	"strings"
	"unicode/utf8"
	"unsafe"
)

// Tokenizer counts tokens. It may be used by several goroutines at once.
type Tokenizer struct {
	count func(text string) (int, error)
}

// Open returns the built-in vocabulary of that name, else the one in that file.
func Open(name string) (*Tokenizer, error) {
	if t, err := builtin(name); t != nil || err != nil {
		return t, err
	}
	return load(name)
}

// Count returns the number of tokens of a whole text, 0 and false when it
// cannot be counted. It does not keep text. Bytes that are no UTF-8 are counted
// as U+FFFD.
func (t *Tokenizer) Count(text []byte) (n int64, ok bool) {
	s := unsafe.String(unsafe.SliceData(text), len(text))
	if !utf8.ValidString(s) {
		s = strings.ToValidUTF8(s, string(utf8.RuneError))
	}
	c, err := t.count(s)
	return int64(c), err == nil
}

// pipeline is a tokenizer.json put to work, in the order of its parts.
type pipeline struct {
	raw    matcher // added tokens of the text as it is
	normal []normalizer
	cooked matcher // added tokens of the normalised text
	split  []splitter
	model  *bpe
}

func (p *pipeline) count(text string) (n int, err error) {
	m := merger{bpe: p.model}
	n += p.raw.cut(text, func(between string) {
		for _, f := range p.normal {
			if err == nil {
				between, err = f(between)
			}
		}
		n += p.cooked.cut(between, func(words string) {
			if err == nil {
				err = p.words(words, 0, func(piece string) { n += m.count(piece) })
			}
		})
	})
	if err != nil {
		return 0, fmt.Errorf("count tokens: %w", err)
	}
	return n, nil
}

// words hands each piece that the splitters from i on make of s to fn.
func (p *pipeline) words(s string, i int, fn func(piece string)) error {
	if s == "" {
		return nil
	}
	if i == len(p.split) {
		fn(s)
		return nil
	}
	var failed error
	err := p.split[i](s, func(piece string) {
		if failed == nil {
			failed = p.words(piece, i+1, fn)
		}
	})
	if err != nil {
		return err
	}
	return failed
}
