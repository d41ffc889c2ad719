// SPDX-License-Identifier: Apache-2.0

package tokenizer

import "unicode/utf8"

type pair struct{ left, right int32 }

type merge struct{ rank, id int32 }

// bpe is a byte-pair encoding model: symbols, of which neighbours are merged in
// the order of their rank until no rule is left that applies.
type bpe struct {
	byteLevel bool
	bytes     [256]int32       // symbol of each byte, -1 for none
	chars     map[string]int32 // symbols of one character, unless byteLevel
	whole     map[string]int32 // all symbols; nil unless a word in it is taken as it is
	merges    map[pair]merge
	unknown   int32 // symbol for a character without one, -1 for none
	fuse      bool  // neighbouring unknown characters are one
}

// merger counts the tokens of one piece after another. Its memory is kept from
// piece to piece.
type merger struct {
	*bpe
	symbols []symbol
	heap    []candidate
}

// symbol is a node of a list in an array, -1 at its ends. One that was merged
// into its neighbour has a negative id.
type symbol struct{ id, prev, next int32 }

// candidate is a merge that may be possible at a symbol.
type candidate struct {
	rank, at    int32
	left, right int32
}

func (c candidate) before(d candidate) bool {
	return c.rank < d.rank || c.rank == d.rank && c.at < d.at
}

// count returns the number of tokens in a piece.
func (m *merger) count(piece string) int {
	if m.whole != nil {
		word := piece
		if m.byteLevel {
			word = toByteLevel(piece)
		}
		if _, ok := m.whole[word]; ok {
			return 1
		}
	}
	m.spell(piece)
	left := len(m.symbols)
	m.heap = m.heap[:0]
	for i := range m.symbols {
		m.propose(int32(i))
	}
	for len(m.heap) > 0 {
		c := m.pop()
		s := &m.symbols[c.at]
		if s.id != c.left || s.next < 0 || m.symbols[s.next].id != c.right {
			continue // one of the two has been merged meanwhile
		}
		gone := &m.symbols[s.next]
		s.id = m.merges[pair{c.left, c.right}].id
		gone.id = -1
		s.next = gone.next
		if s.next >= 0 {
			m.symbols[s.next].prev = c.at
		}
		left--
		if s.prev >= 0 {
			m.propose(s.prev)
		}
		m.propose(c.at)
	}
	return left
}

// spell writes a piece in symbols.
func (m *merger) spell(piece string) {
	m.symbols = m.symbols[:0]
	put := func(id int32) {
		n := int32(len(m.symbols))
		m.symbols = append(m.symbols, symbol{id, n - 1, n + 1})
	}
	if m.byteLevel {
		for i := range len(piece) {
			if id := m.bytes[piece[i]]; id >= 0 {
				put(id)
			}
		}
	} else {
		m.characters(piece, put)
	}
	if n := len(m.symbols); n > 0 {
		m.symbols[n-1].next = -1
	}
}

func (m *merger) characters(piece string, put func(int32)) {
	unknown := false
	for len(piece) > 0 {
		_, size := utf8.DecodeRuneInString(piece)
		char := piece[:size]
		piece = piece[size:]
		if id, ok := m.chars[char]; ok {
			put(id)
			unknown = false
			continue
		}
		if m.hasBytes(char) {
			for i := range size {
				put(m.bytes[char[i]])
			}
			unknown = false
			continue
		}
		if m.unknown >= 0 && !(unknown && m.fuse) {
			put(m.unknown)
		}
		unknown = true
	}
}

func (m *merger) hasBytes(char string) bool {
	for i := range len(char) {
		if m.bytes[char[i]] < 0 {
			return false
		}
	}
	return true
}

// propose puts the merge of the symbol at i with the next on the heap.
func (m *merger) propose(i int32) {
	s := m.symbols[i]
	if s.next < 0 {
		return
	}
	right := m.symbols[s.next].id
	if rule, ok := m.merges[pair{s.id, right}]; ok {
		m.push(candidate{rule.rank, i, s.id, right})
	}
}

func (m *merger) push(c candidate) {
	h := append(m.heap, c)
	for i := len(h) - 1; i > 0; {
		up := (i - 1) / 2
		if !h[i].before(h[up]) {
			break
		}
		h[i], h[up] = h[up], h[i]
		i = up
	}
	m.heap = h
}

func (m *merger) pop() candidate {
	h := m.heap
	top := h[0]
	h[0] = h[len(h)-1]
	h = h[:len(h)-1]
	for i := 0; ; {
		least := i
		for _, down := range [...]int{2*i + 1, 2*i + 2} {
			if down < len(h) && h[down].before(h[least]) {
				least = down
			}
		}
		if least == i {
			break
		}
		h[i], h[least] = h[least], h[i]
		i = least
	}
	m.heap = h
	return top
}
