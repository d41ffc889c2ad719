// SPDX-License-Identifier: Apache-2.0

package jsonscan

import (
	"math"
	"strconv"
)

func (k Kind) wantsNumber() bool { return k == Number || k == Any || k == TextDeep }

func (s *Scanner) endNumber(b []byte) {
	s.value = Value{Type: TypeNumber}
	switch {
	case s.str.truncated || len(b) > MaxString:
		s.value.Truncated = true
	case !s.value.number(b):
		s.fail(ErrSyntax)
		return
	}
	if s.val.scalar == TextDeep {
		s.h.Text(s.val.scalarField, b[:min(len(b), MaxString)])
		s.h.TextEnd(s.val.scalarField)
		return
	}
	s.h.Value(s.val.scalarField, &s.value)
}

// number reads b (RFC 8259 section 6) and says whether it is a number.
func (v *Value) number(b []byte) bool {
	n, whole := integer(b)
	if whole && len(b) <= 18 {
		v.Int, v.Float = n, float64(n)
		return true
	}
	if !isValidNumber(b) {
		return false
	}
	// The only error left is the range, of which strconv returns the end.
	f, _ := strconv.ParseFloat(string(b), 64)
	v.Float = max(-math.MaxFloat64, min(f, math.MaxFloat64))
	switch {
	case whole:
		v.Int, _ = strconv.ParseInt(string(b), 10, 64)
	case f >= math.MaxInt64:
		v.Int = math.MaxInt64
	case f <= math.MinInt64:
		v.Int = math.MinInt64
	default:
		v.Int = int64(f)
	}
	return true
}

// integer reads b and says whether it is an integer; one of more than 18 digits
// may overflow.
func integer(b []byte) (int64, bool) {
	digits := b
	if len(b) > 0 && b[0] == '-' {
		digits = b[1:]
	}
	if len(digits) == 0 || digits[0] == '0' && len(digits) > 1 {
		return 0, false
	}
	n := int64(0)
	for _, c := range digits {
		if c < '0' || '9' < c {
			return 0, false
		}
		n = n*10 + int64(c-'0')
	}
	if len(digits) < len(b) {
		n = -n
	}
	return n, true
}

func isValidNumber(b []byte) bool {
	if len(b) > 0 && b[0] == '-' {
		b = b[1:]
	}
	whole := digits(b)
	if whole == 0 || whole > 1 && b[0] == '0' {
		return false
	}
	b = b[whole:]
	if len(b) > 0 && b[0] == '.' {
		n := digits(b[1:])
		if n == 0 {
			return false
		}
		b = b[1+n:]
	}
	if len(b) > 0 && b[0]|0x20 == 'e' {
		b = b[1:]
		if len(b) > 0 && (b[0] == '+' || b[0] == '-') {
			b = b[1:]
		}
		n := digits(b)
		if n == 0 {
			return false
		}
		b = b[n:]
	}
	return len(b) == 0
}

// digits returns the number of digits at the start of b.
func digits(b []byte) int {
	n := 0
	for n < len(b) && '0' <= b[n] && b[n] <= '9' {
		n++
	}
	return n
}
