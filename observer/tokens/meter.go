// SPDX-License-Identifier: Apache-2.0

package tokens

import (
	"encoding/binary"
	"unicode/utf8"
)

// Meter estimates the number of tokens in a text from its scripts, without a
// vocabulary. The text comes in pieces, cut anywhere, also inside a character;
// the cuts make no difference. The zero Meter is ready. It may be copied.
type Meter struct {
	bytes int64
	sum   Size
	last  class // of the last ASCII byte, other after anything else
	n     uint8 // bytes in part
	aside bool  // what is kept is kept aside, see Fork
	part  [utf8.UTFMax]byte
	text  *Text // keeps the text for a tokenizer; nil for nobody
}

// Size is the estimated size of a text, in units of 1/1024 tokens.
type Size int64

// SizeOf returns the size of n tokens.
func SizeOf(n int64) Size { return Size(n) * unit }

func (s Size) tokens() float64 { return float64(s) / unit }

// class is a class of ASCII bytes.
type class uint8

const (
	other class = iota
	letter
	digit
	space
	punct
)

// Write takes the next piece of the text.
func (m *Meter) Write(p []byte) {
	if m.text != nil {
		m.text.put(m.aside, m.bytes, p)
	}
	m.bytes += int64(len(p))
	for m.n > 0 && len(p) > 0 {
		m.part[m.n] = p[0]
		m.n++
		p = p[1:]
		m.complete()
	}
	for len(p) > 0 {
		if p[0] < utf8.RuneSelf {
			p = p[m.ascii(p):]
			continue
		}
		if !utf8.FullRune(p) {
			m.n = uint8(copy(m.part[:], p))
			return
		}
		r, size := utf8.DecodeRune(p)
		m.rune(r)
		p = p[size:]
	}
}

// complete takes what is complete of the part kept. Bytes that turn out not to
// belong to its first character stay.
func (m *Meter) complete() {
	for m.n > 0 {
		b := m.part[:m.n]
		size := 0
		switch {
		case b[0] < utf8.RuneSelf:
			size = m.ascii(b)
		case !utf8.FullRune(b):
			return
		default:
			var r rune
			r, size = utf8.DecodeRune(b)
			m.rune(r)
		}
		m.n = uint8(copy(b, b[size:]))
	}
}

// Bytes returns the length of the text.
func (m *Meter) Bytes() int64 { return m.bytes }

// Size returns the estimated size of the text so far.
func (m *Meter) Size() Size { return m.sum }

// Estimate returns the estimated number of tokens, at least 1 for any text.
func (m *Meter) Estimate() float64 {
	if m.bytes == 0 {
		return 0
	}
	return max(m.sum.tokens(), 1)
}

// ascii takes the ASCII bytes that p begins with, eight at a time, and returns
// their number.
func (m *Meter) ascii(p []byte) int {
	const (
		ones = 0x0101010101010101
		tops = ones << 7
	)
	i, sum, last := 0, m.sum, m.last
	// The class of the byte before, in the lowest byte of each mask.
	var l, s, q uint64
	switch last {
	case letter:
		l = 0x80
	case space:
		s = 0x80
	case punct:
		q = 0x80
	}
	for ; i+8 <= len(p); i += 8 {
		w := binary.LittleEndian.Uint64(p[i:])
		if w&tops != 0 {
			break
		}
		// In each byte the top bit tells; no sum carries into the next byte.
		lower := w | ones<<5
		letters := (lower + ones*(0x80-'a')) &^ (lower + ones*(0x7f-'z')) & tops
		digits := (w + ones*(0x80-'0')) &^ (w + ones*(0x7f-'9')) & tops
		spaces := ^(w + ones*(0x80-'!')) & tops
		puncts := tops &^ (letters | digits | spaces)
		sum += weightLetter*count(letters) + weightWord*count(letters&^(letters<<8|l)) +
			weightSpace*count(spaces) + weightPunct*count(puncts)
		if digits != 0 {
			sum += weightDigit * count(digits)
		}
		if again := spaces & (spaces<<8 | s); again != 0 {
			sum += weightSpaces * count(again)
		}
		if again := puncts & (puncts<<8 | q); again != 0 {
			sum += weightPuncts * count(again)
		}
		l, s, q = letters>>56, spaces>>56, puncts>>56
	}
	if i > 0 {
		last = classOf(p[i-1])
	}
	for ; i < len(p) && p[i] < utf8.RuneSelf; i++ {
		c := classOf(p[i])
		switch c {
		case letter:
			sum += weightLetter
			if last != letter {
				sum += weightWord
			}
		case digit:
			sum += weightDigit
		case space:
			sum += weightSpace
			if last == space {
				sum += weightSpaces
			}
		case punct:
			sum += weightPunct
			if last == punct {
				sum += weightPuncts
			}
		}
		last = c
	}
	m.sum, m.last = sum, last
	return i
}

// count returns the number of bytes of m, of which each is 0 or 0x80, that are
// not 0.
func count(m uint64) Size { return Size(m >> 7 * 0x0101010101010101 >> 56) }

func classOf(c byte) class {
	switch {
	case 'a' <= c|0x20 && c|0x20 <= 'z':
		return letter
	case '0' <= c && c <= '9':
		return digit
	case c <= ' ':
		return space
	}
	return punct
}
