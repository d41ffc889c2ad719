// SPDX-License-Identifier: Apache-2.0

package tokenizer

import (
	"errors"
	"fmt"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/dlclark/regexp2/v2"
)

// A splitter hands the pieces of s to fn, in order. Empty ones may be among
// them.
type splitter func(s string, fn func(piece string)) error

// maxMatch bounds the time for one text and pattern, should a text make a
// pattern go through it again and again.
const maxMatch = 5 * time.Second

// wordPattern is what ByteLevel splits by if it is told to (openai/gpt-2,
// encoder.py).
const wordPattern = `'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+`

func compile(pattern string) (*regexp2.Regexp, error) {
	// Oniguruma's intersection of classes means something else here.
	if strings.Contains(pattern, "&&") {
		return nil, fmt.Errorf("pattern %q: intersections of classes (&&) are not supported", pattern)
	}
	re, err := regexp2.Compile(pattern, regexp2.OptionMaxCachedRuneBufferLength(0))
	if err != nil {
		return nil, fmt.Errorf("pattern %q: %w", pattern, err)
	}
	re.MatchTimeout = maxMatch
	return re, nil
}

// behaviour says what becomes of the matches of a pattern.
type behaviour string

const (
	removed            behaviour = "Removed"
	isolated           behaviour = "Isolated"
	contiguous         behaviour = "Contiguous"
	mergedWithPrevious behaviour = "MergedWithPrevious"
	mergedWithNext     behaviour = "MergedWithNext"
)

// finder returns the bounds of the matches in s, in order.
type finder func(s string) ([][]int, error)

// splitBy makes a splitter of a pattern; inverted, what lies between its
// matches takes their place.
func splitBy(find finder, b behaviour, invert bool) (splitter, error) {
	switch b {
	case removed, isolated, contiguous, mergedWithPrevious, mergedWithNext:
	default:
		return nil, fmt.Errorf("split behaviour %q is not supported", b)
	}
	return func(s string, fn func(string)) error {
		matches, err := find(s)
		if err != nil {
			return err
		}
		from := 0 // where the piece that is being put together begins
		at := 0
		last := false // the part before at was a match
		part := func(to int, match bool) {
			if at == to {
				return
			}
			match = match != invert
			joins := at > 0 && (b == contiguous && match && last ||
				b == mergedWithPrevious && match && !last ||
				b == mergedWithNext && !match && last)
			if !joins && from < at {
				if !(b == removed && last) {
					fn(s[from:at])
				}
				from = at
			}
			at, last = to, match
		}
		for _, m := range matches {
			part(m[0], false)
			part(m[1], true)
		}
		part(len(s), false)
		if from < at && !(b == removed && last) {
			fn(s[from:at])
		}
		return nil
	}, nil
}

func byRegexp(pattern string) (finder, error) {
	re, err := compile(pattern)
	if err != nil {
		return nil, err
	}
	return func(s string) ([][]int, error) { return re.FindAllStringIndex(s, -1) }, nil
}

func byString(pattern string) (finder, error) {
	if pattern == "" {
		return nil, errors.New("an empty pattern is not supported")
	}
	return func(s string) ([][]int, error) {
		var all [][]int
		for at := 0; ; {
			i := strings.Index(s[at:], pattern)
			if i < 0 {
				return all, nil
			}
			at += i + len(pattern)
			all = append(all, []int{at - len(pattern), at})
		}
	}, nil
}

// byDigit finds each character that is a number.
func byDigit(s string) ([][]int, error) {
	var all [][]int
	for i, r := range s {
		if unicode.IsNumber(r) {
			all = append(all, []int{i, i + utf8.RuneLen(r)})
		}
	}
	return all, nil
}
