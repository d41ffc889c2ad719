// SPDX-License-Identifier: Apache-2.0

package jsonscan

import (
	"bytes"
	"math/bits"
)

// Write reads the next piece of the document. Once it has failed, it reports
// nothing more and returns the same error until the next Reset.
func (s *Scanner) Write(p []byte) error {
	if s.err != nil {
		return s.err
	}
	st, i := s.state, 0
	for i < len(p) {
		c := p[i]
		if c <= ' ' && st <= done {
			if !isSpace(c) {
				return s.fail(ErrSyntax)
			}
			i++
			continue
		}
		// The cases from afterValue to awaitValue fall through one another: most
		// members of an object take a single turn of the loop.
		switch st {
		case awaitFirstKey:
			if st = awaitKey; c == '}' {
				st = s.close()
				i++
			}

		case awaitFirstElement:
			if st = awaitElement; c == ']' {
				st = s.close()
				i++
			}

		case awaitElement:
			s.element()
			st = awaitValue

		case awaitColon:
			if c != ':' {
				return s.fail(ErrSyntax)
			}
			st = awaitValue
			i++

		case afterValue:
			i++
			object := s.kinds&1 != 0
			if c != ',' {
				if (c != '}' || !object) && (c != ']' || object) {
					return s.fail(ErrSyntax)
				}
				st = s.close()
				continue
			}
			if !object {
				st = awaitElement
				continue
			}
			st = awaitKey
			if i == len(p) || p[i] != '"' {
				continue
			}
			c = '"'
			fallthrough

		case awaitKey:
			if c != '"' {
				return s.fail(ErrSyntax)
			}
			i++
			w := firstWord(p[i:])
			n, length := s.cur.match(p[i:], w)
			if n == nil {
				j := i
				if m := specials(w); m != 0 { // most names are short
					j += bits.TrailingZeros64(m) / 8
				} else {
					j = special(p, i)
				}
				if j == len(p) || p[j] != '"' {
					s.str.begin(toKey)
					st = inText
					continue
				}
				n, length = s.cur.other, j-i
			}
			s.val = n
			st = awaitColon
			i += length + 1
			if i == len(p) || p[i] != ':' {
				continue
			}
			st = awaitValue
			if i++; i == len(p) || p[i] <= ' ' {
				continue
			}
			c = p[i]
			fallthrough

		case awaitValue:
			switch c {
			case '"':
				i++
				switch k := s.val.scalar; k {
				case Text, TextDeep, String, Any:
					j := special(p, i)
					isText := k == Text || k == TextDeep
					switch {
					case j == len(p) || p[j] != '"':
						s.str.begin(toValue)
						if isText {
							s.str.target = toText
						}
						st = inText
						continue
					case !isText:
						s.string(p[i:min(j, i+MaxString)], j-i > MaxString)
					default:
						if j > i {
							s.h.Text(s.val.scalarField, p[i:j])
						}
						s.h.TextEnd(s.val.scalarField)
					}
					i = j + 1
				default:
					j := bytes.IndexByte(p[i:], '"')
					if j < 0 || j > 0 && p[i+j-1] == '\\' {
						st = inSkippedString
						continue
					}
					i += j + 1
				}
				st = s.after()
			case '{', '[':
				var err error
				if st, err = s.open(c == '{'); err != nil {
					return s.fail(err)
				}
				i++
				if i == len(p) {
					continue
				}
				// What mostly follows saves a turn or two.
				switch {
				case st == awaitFirstKey && p[i] == '"':
					st = awaitKey
				case st == awaitFirstElement && p[i] == '{':
					s.element()
					st = awaitValue
				}
			case 'n':
				if len(p)-i < len("null") || string(p[i:i+len("null")]) != "null" {
					s.literal, s.value.Type = "null", TypeNull
					st = inLiteral
					continue
				}
				if s.val.scalar == Any {
					s.value.Type = TypeNull
					s.endLiteral()
				}
				st = s.after()
				i += len("null")
			case 'N': // and Infinity: what Python's json writes
				s.literal, s.value.Type = "NaN", TypeNull
				st = inLiteral
			case 'I':
				s.literal, s.value.Type = "Infinity", TypeNull
				st = inLiteral
			case 't':
				s.literal, s.value.Type = "true", TypeTrue
				st = inLiteral
			case 'f':
				s.literal, s.value.Type = "false", TypeFalse
				st = inLiteral
			case '-', '0', '1', '2', '3', '4', '5', '6', '7', '8', '9':
				wanted := s.val.scalar.wantsNumber()
				j := i + 1
				if c == '-' && j < len(p) && p[j] == 'I' {
					s.literal, s.value.Type = "Infinity", TypeNull
					st = inLiteral
					i = j
					continue
				}
				for j < len(p) && isNumber(p[j]) {
					j++
				}
				switch {
				case j == len(p) && wanted:
					s.str.begin(toValue)
					st = inNumber
					continue
				case j == len(p):
					st = inSkippedNumber
					s.literal = ""
					if c == '-' && j == i+1 {
						s.literal = "Infinity"
					}
				case wanted:
					s.str.truncated = false
					if s.endNumber(p[i:j]); s.err != nil {
						return s.err
					}
					fallthrough
				default:
					st = s.after()
				}
				i = j
			default:
				return s.fail(ErrSyntax)
			}

		case inSkippedString:
			if i = s.skipString(p, i); i > len(p) {
				i = len(p)
				continue
			}
			st = inSkipped
			if s.skip == 0 {
				st = s.after()
			}

		case inSkippedNumber:
			if c == 'I' && s.literal != "" {
				s.value.Type = TypeNull
				st = inLiteral
				continue
			}
			s.literal = ""
			for i < len(p) && isNumber(p[i]) {
				i++
			}
			if i < len(p) {
				st = s.after()
			}

		case inLiteral:
			n := min(len(p)-i, len(s.literal))
			if string(p[i:i+n]) != s.literal[:n] {
				return s.fail(ErrSyntax)
			}
			i += n
			if s.literal = s.literal[n:]; s.literal == "" {
				s.endLiteral()
				st = s.after()
			}

		case inNumber:
			j := i
			for j < len(p) && isNumber(p[j]) {
				j++
			}
			s.str.keep(p[i:j])
			if j < len(p) {
				if p[j] == 'I' && s.str.n == 1 && s.str.buf[0] == '-' {
					s.literal, s.value.Type = "Infinity", TypeNull
					st = inLiteral
					i = j
					continue
				}
				if s.endNumber(s.str.kept()); s.err != nil {
					return s.err
				}
				st = s.after()
			}
			i = j

		case inText:
			var ended bool
			if i, ended = s.decode(p, i); s.err != nil {
				return s.err
			}
			if ended {
				st = s.endText()
			}

		case inSkipped:
			if i, st = s.skipAll(p, i); s.err != nil {
				return s.err
			}

		case done:
			return s.fail(ErrSyntax)
		}
	}
	s.state = st
	return nil
}

// element begins an element of the array at s.cur.
func (s *Scanner) element() {
	s.counts[s.depth-1]++
	s.val = s.cur.elem
}

// after returns the state after a value.
func (s *Scanner) after() state {
	if s.depth == 0 {
		return done
	}
	return afterValue
}

// open begins the array or object at s.val.
func (s *Scanner) open(object bool) (state, error) {
	if s.depth == MaxDepth {
		return 0, ErrDepth
	}
	n := s.val
	s.kinds <<= 1
	if object {
		s.kinds |= 1
		if !n.walkObject {
			s.depth++
			s.skip = 1
			return inSkipped, nil
		}
	} else if !n.walkArray {
		s.depth++
		s.skip = 1
		return inSkipped, nil
	}
	s.stack[s.depth], s.counts[s.depth] = n, 0
	s.depth++
	s.cur = n
	if !object {
		return awaitFirstElement, nil
	}
	if n.enter {
		s.h.Enter(n.objectField)
	}
	return awaitFirstKey, nil
}

// close ends the array or object at s.cur.
func (s *Scanner) close() state {
	n := s.cur
	s.depth--
	if s.kinds&1 != 0 {
		if n.enter {
			s.h.Leave(n.objectField)
		}
	} else if n.count {
		s.value = Value{Type: TypeArray, Int: int64(s.counts[s.depth])}
		s.h.Value(n.countField, &s.value)
	}
	s.kinds >>= 1
	if s.depth == 0 {
		return done
	}
	s.cur = s.stack[s.depth-1]
	return afterValue
}

func (s *Scanner) string(b []byte, truncated bool) {
	s.value = Value{Type: TypeString, Str: b, Truncated: truncated}
	s.h.Value(s.val.scalarField, &s.value)
}

func (s *Scanner) endLiteral() {
	if s.val.scalar == Any {
		s.value = Value{Type: s.value.Type}
		s.h.Value(s.val.scalarField, &s.value)
	}
}
