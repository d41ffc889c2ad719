// SPDX-License-Identifier: Apache-2.0

package tokenizer

import "slices"

// matcher finds added tokens, which are matched before anything else looks at
// the text: the leftmost, and of those the longest.
type matcher struct {
	tokens  map[string]struct{}
	lengths [256][]int // of the tokens that begin with a byte, longest first
}

func (m *matcher) add(token string) {
	if m.tokens == nil {
		m.tokens = make(map[string]struct{})
	}
	m.tokens[token] = struct{}{}
	l := &m.lengths[token[0]]
	if !slices.Contains(*l, len(token)) {
		*l = append(*l, len(token))
		slices.SortFunc(*l, func(a, b int) int { return b - a })
	}
}

// cut returns the number of added tokens in s and hands what lies between them
// to fn.
func (m *matcher) cut(s string, fn func(between string)) int {
	n, from := 0, 0
	emit := func(to int) {
		if from < to {
			fn(s[from:to])
		}
	}
	for i := 0; m.tokens != nil && i < len(s); {
		length := m.at(s[i:])
		if length == 0 {
			i++
			continue
		}
		emit(i)
		i += length
		from = i
		n++
	}
	emit(len(s))
	return n
}

func (m *matcher) at(s string) int {
	for _, n := range m.lengths[s[0]] {
		if n <= len(s) {
			if _, ok := m.tokens[s[:n]]; ok {
				return n
			}
		}
	}
	return 0
}
