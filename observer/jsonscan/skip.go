// SPDX-License-Identifier: Apache-2.0

package jsonscan

import "bytes"

// skipString skips a string from p[i] on. It returns the index behind its
// closing quote, or more than len(p) when the string goes on.
func (s *Scanner) skipString(p []byte, i int) int {
	if s.odd {
		s.odd = false
		i++
	}
	for {
		j := bytes.IndexByte(p[i:], '"')
		if j < 0 {
			s.odd = escaped(p[i:])
			return len(p) + 1
		}
		end := i + j
		if j == 0 || p[end-1] != '\\' || !escaped(p[i:end]) {
			return end + 1
		}
		i = end + 1
	}
}

// escaped says that the byte behind p is escaped: p ends in an odd number of
// backslashes.
func escaped(p []byte) bool {
	n := 0
	for n < len(p) && p[len(p)-1-n] == '\\' {
		n++
	}
	return n&1 != 0
}

// skipAll skips an array or object from p[i] on, brackets and strings only.
func (s *Scanner) skipAll(p []byte, i int) (int, state) {
	for ; i < len(p); i++ {
		switch c := p[i]; c {
		case '"':
			if i = s.skipString(p, i+1); i > len(p) {
				return len(p), inSkippedString
			}
			i--
		case '{', '[':
			if s.depth == MaxDepth {
				s.fail(ErrDepth)
				return i, inSkipped
			}
			s.depth++
			s.skip++
			s.kinds <<= 1
			if c == '{' {
				s.kinds |= 1
			}
		case '}', ']':
			if (c == '}') != (s.kinds&1 != 0) {
				s.fail(ErrSyntax)
				return i, inSkipped
			}
			s.depth--
			s.skip--
			s.kinds >>= 1
			if s.skip == 0 {
				return i + 1, s.after()
			}
		}
	}
	return i, inSkipped
}

func isSpace(c byte) bool { return c == ' ' || c == '\n' || c == '\r' || c == '\t' }

// isNumber says that c may occur in a number.
func isNumber(c byte) bool {
	return '0' <= c && c <= '9' || c == '.' || c == '-' || c == '+' || c|0x20 == 'e'
}
