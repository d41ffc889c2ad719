// SPDX-License-Identifier: Apache-2.0

package jsonscan

import (
	"encoding/binary"
	"math/bits"
	"unicode/utf8"
)

// target says where the decoded bytes of a string go.
type target uint8

const (
	toKey target = iota
	toText
	toValue
)

// text is a string, or a number, that is being read in pieces.
type text struct {
	target    target
	truncated bool
	escape    uint8  // 0 outside, 1 after the backslash, 2 to 5 before a hex digit
	code      uint16 // the hex digits so far
	high      uint16 // a high surrogate that waits for its low one
	n         int    // bytes in buf
	buf       [MaxString]byte
}

func (t *text) reset() { t.n, t.escape, t.high, t.truncated = 0, 0, 0, false }

func (t *text) begin(to target) {
	t.reset()
	t.target = to
}

// keep adds b as far as there is room.
func (t *text) keep(b []byte) {
	n := copy(t.buf[t.n:], b)
	t.n += n
	t.truncated = t.truncated || n < len(b)
}

func (t *text) kept() []byte { return t.buf[:t.n] }

// decode reads a string on from p[i]. It returns where to read on, behind the
// closing quote if it was found.
func (s *Scanner) decode(p []byte, i int) (int, bool) {
	t := &s.str
	for i < len(p) {
		if t.escape != 0 {
			if !s.unescape(p[i]) {
				s.flush()
				s.fail(ErrSyntax)
				return i, false
			}
			i++
			continue
		}
		j := special(p, i)
		if j > i {
			s.loneSurrogate()
			if t.target == toText {
				s.flush()
				s.h.Text(s.val.scalarField, p[i:j])
			} else {
				t.keep(p[i:j])
			}
		}
		if j == len(p) {
			i = j
			break
		}
		i = j + 1
		if p[j] == '"' {
			s.loneSurrogate()
			s.flush()
			return i, true
		}
		t.escape = 1
	}
	s.flush()
	return i, false
}

// flush hands over the decoded characters of a Text that wait in the buffer.
func (s *Scanner) flush() {
	if t := &s.str; t.target == toText && t.n > 0 {
		s.h.Text(s.val.scalarField, t.buf[:t.n])
		t.n = 0
	}
}

// endText acts on a string that ended in decode.
func (s *Scanner) endText() state {
	switch s.str.target {
	case toKey:
		if s.val = s.cur.find(s.str.kept()); s.val == nil || s.str.truncated {
			s.val = s.cur.other
		}
		return awaitColon
	case toText:
		s.h.TextEnd(s.val.scalarField)
	case toValue:
		s.string(s.str.kept(), s.str.truncated)
	}
	return s.after()
}

// unescape reads a byte behind a backslash (RFC 8259 section 7).
func (s *Scanner) unescape(c byte) bool {
	t := &s.str
	if t.escape == 1 {
		switch c {
		case 'u':
			t.escape, t.code = 2, 0
			return true
		case '"', '\\', '/':
		case 'b':
			c = '\b'
		case 'f':
			c = '\f'
		case 'n':
			c = '\n'
		case 'r':
			c = '\r'
		case 't':
			c = '\t'
		default:
			return false
		}
		t.escape = 0
		s.loneSurrogate()
		s.character(rune(c))
		return true
	}
	var digit byte
	switch {
	case '0' <= c && c <= '9':
		digit = c - '0'
	case 'a' <= c|0x20 && c|0x20 <= 'f':
		digit = c | 0x20 - 'a' + 10
	default:
		return false
	}
	t.code = t.code<<4 | uint16(digit)
	if t.escape++; t.escape > 5 {
		t.escape = 0
		s.unit(t.code)
	}
	return true
}

// unit takes a UTF-16 code unit. A surrogate without its partner becomes
// U+FFFD, as in encoding/json.
func (s *Scanner) unit(u uint16) {
	t := &s.str
	if t.high != 0 && 0xdc00 <= u && u <= 0xdfff {
		r := 0x10000 + rune(t.high-0xd800)<<10 + rune(u-0xdc00)
		t.high = 0
		s.character(r)
		return
	}
	s.loneSurrogate()
	switch {
	case 0xd800 <= u && u <= 0xdbff:
		t.high = u
	case 0xdc00 <= u && u <= 0xdfff:
		s.character(utf8.RuneError)
	default:
		s.character(rune(u))
	}
}

func (s *Scanner) loneSurrogate() {
	if s.str.high != 0 {
		s.str.high = 0
		s.character(utf8.RuneError)
	}
}

// character adds a decoded character.
func (s *Scanner) character(r rune) {
	t := &s.str
	if t.target == toText && t.n > len(t.buf)-utf8.UTFMax {
		s.flush()
	}
	var b [utf8.UTFMax]byte
	t.keep(b[:utf8.EncodeRune(b[:], r)])
}

// special returns the index of the first quote or backslash at or after i, or
// len(p). It looks at eight bytes at a time: the text of most events is too
// short for the vector code of bytes.IndexByte to pay.
func special(p []byte, i int) int {
	for ; i+8 <= len(p); i += 8 {
		if m := specials(binary.LittleEndian.Uint64(p[i:])); m != 0 {
			return i + bits.TrailingZeros64(m)/8
		}
	}
	for ; i < len(p); i++ {
		if p[i] == '"' || p[i] == '\\' {
			return i
		}
	}
	return i
}

// specials returns a word of which the lowest bit set lies in the first byte
// of w that is a quote or a backslash; 0 if there is none.
func specials(w uint64) uint64 {
	const (
		ones      = 0x0101010101010101
		tops      = ones << 7
		quotes    = ones * '"'
		backslash = ones * '\\'
	)
	q, b := w^quotes, w^backslash
	return ((q-ones)&^q | (b-ones)&^b) & tops
}
