// SPDX-License-Identifier: Apache-2.0

package http1

import (
	"bytes"
	"iter"
)

var space = []byte{' '}

// tokenByte marks the characters of a token (RFC 9110 section 5.6.2).
var tokenByte = func() (t [256]bool) {
	for c := range t {
		t[c] = c >= '0' && c <= '9' || c|0x20 >= 'a' && c|0x20 <= 'z' && c < 0x80 ||
			bytes.IndexByte([]byte("!#$%&'*+-.^_`|~"), byte(c)) >= 0
	}
	return t
}()

// field is a header field; its name is nil at the end of a head.
type field struct{ name, value []byte }

// nextField reads the field at the start of b and returns what follows it. It
// reports false for a line that is no field.
func nextField(b []byte) (field, []byte, bool) {
	line, rest := cutLine(b)
	if len(line) == 0 {
		return field{}, rest, true
	}
	i := 0
	for i < len(line) && (tokenByte[line[i]] || line[i] == ' ') {
		i++
	}
	if i == 0 || i == len(line) || line[i] != ':' || line[0] == ' ' || !clean(line[i:]) {
		return field{}, rest, false
	}
	end := len(line)
	for len(rest) > 0 && (rest[0] == ' ' || rest[0] == '\t') {
		var more []byte
		end = len(b) - len(rest)
		more, rest = cutLine(rest)
		if !clean(more) {
			return field{}, rest, false
		}
		end += len(more)
	}
	return field{name: b[:i], value: trim(b[i+1 : end])}, rest, true
}

// trim cuts white space off both ends. It is bytes.Trim without the set that
// is built at each call.
func trim(b []byte) []byte {
	for len(b) > 0 && isSpace(b[0]) {
		b = b[1:]
	}
	for len(b) > 0 && isSpace(b[len(b)-1]) {
		b = b[:len(b)-1]
	}
	return b
}

func isSpace(c byte) bool { return c == ' ' || c == '\t' || c == '\r' || c == '\n' }

// strictField reports whether line, with its line end, is a field as RFC 9112
// section 5 has it.
func strictField(line []byte) bool {
	i := bytes.IndexByte(line, ':')
	if i <= 0 || !bytes.HasSuffix(line, crlf) {
		return false
	}
	for _, c := range line[:i] {
		if !tokenByte[c] {
			return false
		}
	}
	return clean(line[:len(line)-2])
}

var crlf = []byte("\r\n")

// clean reports whether a line has neither NUL nor CR within.
func clean(line []byte) bool {
	return bytes.IndexByte(line, 0) < 0 && bytes.IndexByte(line, '\r') < 0
}

// cutLine returns the first line of b without its end, and the rest.
func cutLine(b []byte) (line, rest []byte) {
	i := bytes.IndexByte(b, '\n')
	if i < 0 {
		return b, nil
	}
	line, rest = b[:i], b[i+1:]
	if i > 0 && b[i-1] == '\r' {
		line = b[:i-1]
	}
	return line, rest
}

// tokens yields the elements of a comma-separated list, empty ones left out
// (RFC 9110 section 5.6.1).
func tokens(v []byte) iter.Seq[[]byte] {
	return func(yield func([]byte) bool) {
		for len(v) > 0 {
			t := v
			if i := bytes.IndexByte(v, ','); i >= 0 {
				t, v = v[:i], v[i+1:]
			} else {
				v = nil
			}
			if t = trim(t); len(t) > 0 && !yield(t) {
				return
			}
		}
	}
}

// fold compares b with s, which is in lower case, regardless of ASCII case.
func fold(b []byte, s string) bool {
	if len(b) != len(s) {
		return false
	}
	for i, c := range b {
		if c >= 'A' && c <= 'Z' {
			c |= 0x20
		}
		if c != s[i] {
			return false
		}
	}
	return true
}
