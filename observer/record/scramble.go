// SPDX-License-Identifier: Apache-2.0

package record

// scrambler replaces text by text of the same length and script, one byte at
// a time. Its zero value is ready.
type scrambler struct {
	lead byte  // first byte of the UTF-8 sequence in progress
	at   uint8 // position in it of the next byte, 0 outside
}

// ascii maps each ASCII character to the one that stands for its class.
var ascii = func() (t [128]byte) {
	for c := range t {
		switch {
		case c <= ' ':
			t[c] = byte(c)
		case c >= '0' && c <= '9':
			t[c] = '1' // as a number, 1 never has a leading zero
		case c >= 'a' && c <= 'z':
			t[c] = 'x'
		case c >= 'A' && c <= 'Z':
			t[c] = 'X'
		default:
			t[c] = '.'
		}
	}
	return t
}()

// next returns what replaces c.
func (s *scrambler) next(c byte) byte {
	switch {
	case c < 0x80:
		s.at = 0
		return ascii[c]
	case c >= 0xc2 && c <= 0xf4:
		s.lead, s.at = c, 1
		return leadFor(c)
	case c >= 0xc0 || s.at == 0:
		s.at = 0
		return 0x80 // no UTF-8 before, none after
	}
	at := s.at
	s.at++
	size := uint8(2)
	if s.lead >= 0xf0 {
		size = 4
	} else if s.lead >= 0xe0 {
		size = 3
	}
	if s.at >= size {
		s.at = 0
	}
	return s.trail(c, at)
}

// name is next for the names of things, which are no text whose tokens anybody
// estimates: no digit in them makes another name that is known.
func (s *scrambler) name(c byte) byte {
	if c = s.next(c); c == '1' {
		c = '0'
	}
	return c
}

// leadFor returns the lead byte of the character that stands for all of a
// script, as far as c tells it.
func leadFor(c byte) byte {
	switch {
	case c < 0xca: // U+0080 to U+027F
		return 0xc3
	case c >= 0xd0 && c <= 0xd4: // Cyrillic
		return 0xd0
	case c >= 0xd8 && c <= 0xdd: // Arabic, Syriac
		return 0xd8
	case c < 0xe0: // Greek, Hebrew and others of two bytes
		return 0xce
	case c >= 0xe4 && c <= 0xe9: // Han
		return 0xe4
	case c >= 0xeb && c <= 0xed: // Hangul, which begins at U+AC00
		return 0xea
	case c > 0xf0:
		return 0xf1
	}
	return c
}

// trail returns the byte at position at for a character that had c there.
func (s *scrambler) trail(c byte, at uint8) byte {
	if s.lead < 0xe0 {
		switch leadFor(s.lead) {
		case 0xc3:
			return 0xa9 // é
		case 0xd0:
			return 0xb0 // а
		case 0xd8:
			return 0xa7 // ا
		}
		return 0xb1 // α
	}
	if at > 1 {
		// The second byte in its place decides the script.
		return 0x80
	}
	switch s.lead {
	case 0xe0:
		return 0xa4 // Devanagari for all of Indic and Thai
	case 0xe2:
		return 0x94 // signs; U+2000 itself is a space
	case 0xe3:
		switch {
		case c == 0x80: // CJK punctuation
			return c
		case c <= 0x83: // hiragana, katakana
			return 0x82
		case c < 0x90: // Bopomofo, enclosed characters
			return 0x84
		}
		return 0x90 // Han, extension A
	case 0xe4, 0xe5, 0xe6, 0xe7, 0xe8, 0xe9:
		return 0xb8
	case 0xea:
		if c >= 0xb0 { // Hangul
			return 0xb0
		}
	case 0xeb, 0xec, 0xed:
		return 0xb0
	case 0xef:
		switch {
		case c >= 0xbc: // full-width forms
			return 0xbc
		case c >= 0xa4 && c < 0xac: // Han, compatibility
			return 0xa4
		}
		return 0xac
	case 0xf0:
		if c == 0x9f { // emoji
			return c
		}
		return 0xa0
	}
	return 0x80
}
