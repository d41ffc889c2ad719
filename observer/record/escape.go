// SPDX-License-Identifier: Apache-2.0

package record

// escape masks the hexadecimal digits of a \u escape in a JSON string, one at
// a time: what comes out is of the same script, and surrogates stay surrogates
// of their kind.
type escape struct {
	out [2]byte // the digits chosen so far
	mid byte    // the third
}

// digit returns what replaces c, the digit at position at, 0 to 3.
func (e *escape) digit(at uint8, c byte) byte {
	n := c | 0x20
	if c <= '9' {
		n = c
	}
	switch at {
	case 0:
		e.out[0] = firstDigit(n)
		return e.out[0]
	case 1:
		e.out[1] = e.secondDigit(n)
		return e.out[1]
	}
	if e.out == [2]byte{'0', '0'} {
		return e.latin(at, n)
	}
	if e.out == [2]byte{'3', '0'} && at == 2 {
		e.mid = '4' // あ
		if n < '4' {
			e.mid = '0' // 、
		}
		return e.mid
	}
	return e.rest()[at-2]
}

func firstDigit(n byte) byte {
	switch {
	case n >= '4' && n <= '9': // Han
		return '5'
	case n >= 'a' && n <= 'c': // Hangul
		return 'b'
	}
	return n
}

func (e *escape) secondDigit(n byte) byte {
	switch e.out[0] {
	case '0':
		return n
	case '3':
		if n > '0' { // Han, extension A
			return '4'
		}
	case 'd':
		switch {
		case n >= 'c': // low surrogate
			return 'e'
		case n >= '8': // high surrogate
			return '8'
		}
	case 'f':
		if n == 'f' { // full-width forms
			return 'f'
		}
		return '9'
	}
	return '0'
}

// latin masks the last two digits of \u00XX.
func (e *escape) latin(at uint8, n byte) byte {
	if at == 2 {
		switch {
		case n >= '8':
			e.mid = 'e'
		case n >= '4':
			e.mid = '6'
		default:
			e.mid = n
		}
		return e.mid
	}
	switch e.mid {
	case '0', '1': // control characters
		return 'a'
	case '2': // space or punctuation
		if n == '0' {
			return '0'
		}
		return 'e'
	case '3':
		if n > '9' {
			return 'e'
		}
		return '1'
	case '6':
		return '1'
	}
	return '9'
}

// rest returns the last two digits of the character that stands for a script.
func (e *escape) rest() string {
	switch string(e.out[:]) {
	case "03":
		return "b1"
	case "04":
		return "30"
	case "05":
		return "d0"
	case "06":
		return "27"
	case "20":
		return "14"
	case "30":
		if e.mid == '0' {
			return "01"
		}
		return "42"
	case "d8":
		return "3d"
	case "ff":
		return "01"
	}
	return "00"
}
