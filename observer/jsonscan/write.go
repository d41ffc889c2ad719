// SPDX-License-Identifier: Apache-2.0

package jsonscan

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
		switch st {
		case awaitFirstKey:
			if c == '}' {
				st = s.close()
				i++
				continue
			}
			fallthrough
		case awaitKey:
			if c != '"' {
				return s.fail(ErrSyntax)
			}
			i++
			j := special(p, i)
			if j == len(p) || p[j] != '"' {
				s.str.begin(toKey)
				st = inText
				continue
			}
			s.key(p[i:j])
			i = j + 1
			if i == len(p) || p[i] != ':' {
				st = awaitColon
				continue
			}
			st = awaitValue
			i++

		case awaitColon:
			if c != ':' {
				return s.fail(ErrSyntax)
			}
			st = awaitValue
			i++

		case awaitFirstElement:
			if c == ']' {
				st = s.close()
				i++
				continue
			}
			fallthrough
		case awaitElement:
			s.counts[s.depth-1]++
			s.val = s.cur.elem
			fallthrough
		case awaitValue:
			switch c {
			case '"':
				i++
				if s.val.scalar == Text {
					j := special(p, i)
					if j == len(p) || p[j] != '"' {
						s.str.begin(toText)
						st = inText
						continue
					}
					if j > i {
						s.h.Text(s.val.scalarField, p[i:j])
					}
					s.h.TextEnd(s.val.scalarField)
					st, i = s.after(), j+1
				} else if s.val.scalar == String || s.val.scalar == Any {
					j := special(p, i)
					if j == len(p) || p[j] != '"' {
						s.str.begin(toValue)
						st = inText
						continue
					}
					s.string(p[i:min(j, i+MaxString)], j-i > MaxString)
					st, i = s.after(), j+1
				} else {
					st = inSkippedString
				}
			case '{', '[':
				var err error
				if st, err = s.open(c == '{'); err != nil {
					return s.fail(err)
				}
				i++
			case 'n', 't', 'f':
				s.beginLiteral(c)
				st = inLiteral
			case '-', '0', '1', '2', '3', '4', '5', '6', '7', '8', '9':
				if s.val.scalar == Number || s.val.scalar == Any {
					s.str.begin(toValue)
					st = inNumber
				} else {
					st = inSkippedNumber
				}
			default:
				return s.fail(ErrSyntax)
			}

		case afterValue:
			switch {
			case c == ',':
				st = awaitElement
				if s.kinds&1 != 0 {
					st = awaitKey
				}
			case c == '}' && s.kinds&1 != 0, c == ']' && s.kinds&1 == 0:
				st = s.close()
			default:
				return s.fail(ErrSyntax)
			}
			i++

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
			if j == len(p) || s.str.n > 0 {
				s.str.keep(p[i:j])
			}
			if j < len(p) {
				number := p[i:j]
				if s.str.n > 0 {
					number = s.str.kept()
				}
				if s.endNumber(number); s.err != nil {
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

// after returns the state after a value.
func (s *Scanner) after() state {
	if s.depth == 0 {
		return done
	}
	return afterValue
}

func (s *Scanner) key(k []byte) {
	if s.val = s.cur.find(k); s.val == nil {
		s.val = s.schema.none
	}
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

func (s *Scanner) beginLiteral(c byte) {
	switch c {
	case 'n':
		s.literal, s.value.Type = "null", TypeNull
	case 't':
		s.literal, s.value.Type = "true", TypeTrue
	default:
		s.literal, s.value.Type = "false", TypeFalse
	}
}

func (s *Scanner) endLiteral() {
	if s.val.scalar == Any {
		s.value = Value{Type: s.value.Type}
		s.h.Value(s.val.scalarField, &s.value)
	}
}
