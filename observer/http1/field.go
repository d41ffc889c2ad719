// SPDX-License-Identifier: Apache-2.0

package http1

import (
	"bytes"
	"encoding/binary"
	"iter"
	"math/bits"
)

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

// nameByte marks what field names are accepted with.
var nameByte = func() (t [256]bool) {
	t = tokenByte
	t[' '] = true
	return t
}()

// nextField reads the field at the start of b and returns what follows it. It
// reports false for a line that is no field or is not complete.
func nextField(b []byte) (field, []byte, bool) {
	i := 0
	for i < len(b) && nameByte[b[i]] {
		i++
	}
	if i == len(b) {
		return field{}, nil, false
	}
	if i == 0 {
		rest, ok := afterLine(b, 0)
		return field{}, rest, ok
	}
	if b[i] != ':' || b[0] == ' ' {
		return field{}, nil, false
	}
	end := lineEnd(b, i+1)
	rest, ok := afterLine(b, end)
	for ok && len(rest) > 0 && (rest[0] == ' ' || rest[0] == '\t') {
		end = lineEnd(b, len(b)-len(rest))
		rest, ok = afterLine(b, end)
	}
	if !ok {
		return field{}, nil, false
	}
	return field{name: b[:i], value: trim(b[i+1 : end])}, rest, true
}

// afterLine returns what follows the line end at i of b, and false when there
// is none: a CR is one before a LF only.
func afterLine(b []byte, i int) ([]byte, bool) {
	if i < len(b) && b[i] == '\r' {
		i++
	}
	if i < len(b) && b[i] == '\n' {
		return b[i+1:], true
	}
	return nil, false
}

// lineEnd returns the position of the first CR, LF or NUL of b from i on, or
// len(b). It looks at eight bytes at a time: values are short, and most of
// bytes.IndexByte's time would be its call.
func lineEnd(b []byte, i int) int {
	const (
		ones = 0x0101010101010101
		tops = ones << 7
	)
	for i+8 <= len(b) {
		w := binary.LittleEndian.Uint64(b[i:])
		// The lowest bit set marks the first byte below 0x0e.
		low := (w - ones*0x0e) &^ w & tops
		if low == 0 {
			i += 8
			continue
		}
		i += bits.TrailingZeros64(low) / 8
		if ends(b[i]) {
			return i
		}
		i++
	}
	for i < len(b) && !ends(b[i]) {
		i++
	}
	return i
}

func ends(c byte) bool { return c == '\r' || c == '\n' || c == 0 }

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
