// SPDX-License-Identifier: Apache-2.0

package tokenizer

import (
	"fmt"
	"strings"
)

// splitters reads the pre-tokenizer of a file.
func splitters(p *part) ([]splitter, error) {
	if p == nil {
		return nil, nil
	}
	switch p.Type {
	case "Sequence":
		var all []splitter
		for i := range p.PreTokenizers {
			s, err := splitters(&p.PreTokenizers[i])
			if err != nil {
				return nil, err
			}
			all = append(all, s...)
		}
		return all, nil
	case "Split":
		find, err := p.Pattern.finder()
		if err != nil {
			return nil, err
		}
		return one(splitBy(find, behaviour(p.Behavior), p.Invert))
	case "Digits":
		b := contiguous
		if p.IndividualDigits {
			b = isolated
		}
		return one(splitBy(byDigit, b, false))
	case "ByteLevel":
		return byteLevel(p)
	case "Metaspace":
		return metaspace(p)
	}
	return nil, fmt.Errorf("pre-tokenizer %q is not supported", p.Type)
}

func one(s splitter, err error) ([]splitter, error) {
	if err != nil {
		return nil, err
	}
	return []splitter{s}, nil
}

func byteLevel(p *part) ([]splitter, error) {
	var all []splitter
	if p.AddPrefixSpace {
		all = append(all, func(s string, fn func(string)) error {
			if !strings.HasPrefix(s, " ") {
				s = " " + s
			}
			fn(s)
			return nil
		})
	}
	if p.UseRegex == nil || *p.UseRegex {
		find, err := byRegexp(wordPattern)
		if err != nil {
			return nil, err
		}
		words, err := splitBy(find, isolated, false)
		if err != nil {
			return nil, err
		}
		all = append(all, words)
	}
	return all, nil
}

// metaspace replaces spaces by a character of their own, puts one in front,
// and splits before each.
func metaspace(p *part) ([]splitter, error) {
	space := p.Replacement
	if space == "" {
		return nil, fmt.Errorf("pre-tokenizer %q without a replacement is not supported", p.Type)
	}
	prefix := p.PrependScheme == "always" || p.PrependScheme == "first" || p.PrependScheme == "" && p.AddPrefixSpace
	all := []splitter{func(s string, fn func(string)) error {
		s = strings.ReplaceAll(s, " ", space)
		if prefix && !strings.HasPrefix(s, space) {
			s = space + s
		}
		fn(s)
		return nil
	}}
	if p.Split != nil && !*p.Split {
		return all, nil
	}
	find, err := byString(space)
	if err != nil {
		return nil, err
	}
	words, err := splitBy(find, mergedWithNext, false)
	if err != nil {
		return nil, err
	}
	return append(all, words), nil
}
