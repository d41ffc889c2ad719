// SPDX-License-Identifier: Apache-2.0

package record

// What may pass of one kept value, in bytes.
const (
	wordLimit   = 128
	numberLimit = 24
	depthLimit  = 64
)

type place uint8

const (
	atValue      place = iota // a value must follow
	atValueOrEnd              // after [
	atKeyOrEnd                // after {
	atKey                     // after , in an object
	atColon
	atComma // after a value within a container
	inKey
	inString
	inNumber
	inLiteral
	inText // no JSON, or JSON no more
)

// jsonMask masks JSON documents, one after another, one byte at a time. What
// is no JSON is masked as text until reset. Its zero value is ready.
type jsonMask struct {
	text  scrambler
	match matcher // the key, literal or edit in progress
	esc   escape
	stack uint64 // a bit for each open container: object or array
	depth uint8
	at    place
	digit uint8 // progress of an escape: 1 after the backslash, 2 to 5 at its digits
	word  uint8 // bytes of the string value that may still pass
	num   uint8 // bytes of the number that may still pass
	ok    bool  // what was matched of the key or edit passes
	words bool  // the value may be a kept word
	nums  bool  // the value may be a kept number
	exp   bool  // the number has come to its exponent
}

func (j *jsonMask) reset() { *j = jsonMask{} }

// lose says that bytes are missing.
func (j *jsonMask) lose() { j.at, j.text = inText, scrambler{} }

// next returns what replaces c.
func (j *jsonMask) next(c byte) byte {
	switch j.at {
	case inText:
		return j.text.next(c)
	case inKey, inString:
		return j.quoted(c)
	case inNumber:
		switch {
		case c >= '0' && c <= '9', c == '.', c == '+', c == '-', c == 'e', c == 'E':
			return j.number(c)
		}
		j.leave()
	case inLiteral:
		if j.match.word() == "" {
			if j.match.next(c) {
				return c
			}
			return j.abandon(c)
		}
		j.leave()
	}
	return j.structure(c)
}

func (j *jsonMask) structure(c byte) byte {
	if c == ' ' || c == '\t' || c == '\r' || c == '\n' {
		return c
	}
	value := j.at == atValue || j.at == atValueOrEnd
	object := j.depth > 0 && j.stack>>(j.depth-1)&1 == 1
	switch {
	case c == '"' && value:
		if j.ok = j.edit(); j.ok {
			j.match.reset(edits)
		}
		j.at, j.digit, j.word, j.text = inString, 0, 0, scrambler{}
		if j.words && object {
			j.word = wordLimit
		}
	case c == '"' && (j.at == atKey || j.at == atKeyOrEnd):
		j.at, j.digit, j.ok, j.text = inKey, 0, true, scrambler{}
		j.match.reset(knownKeys)
	case (c == '{' || c == '[') && value && j.depth < depthLimit:
		bit := uint64(1) << j.depth
		j.depth++
		if j.stack &^= bit; c == '{' {
			j.stack |= bit
			j.at = atKeyOrEnd
		} else {
			j.at = atValueOrEnd
		}
	case c == '}' && object && (j.at == atComma || j.at == atKeyOrEnd),
		c == ']' && j.depth > 0 && !object && (j.at == atComma || j.at == atValueOrEnd):
		j.depth--
		j.leave()
	case c == ':' && j.at == atColon:
		j.at = atValue
	case c == ',' && j.at == atComma:
		j.at = atValue
		if object {
			j.at = atKey
		}
	case value && (c == '-' || c >= '0' && c <= '9'):
		j.at, j.num, j.exp = inNumber, 0, false
		if j.nums && object {
			j.num = numberLimit
		}
		return j.number(c)
	case value:
		j.match.reset(literals)
		if !j.match.next(c) {
			return j.abandon(c)
		}
		j.at = inLiteral
	default:
		return j.abandon(c)
	}
	return c
}

// edit reports whether a string at j may name an edit: the first element of an
// array in an array in an array.
func (j *jsonMask) edit() bool {
	return j.at == atValueOrEnd && j.depth >= 3 && j.stack>>(j.depth-3)&7 == 0
}

// leave follows the end of a value.
func (j *jsonMask) leave() {
	j.words, j.nums = false, false
	j.at = atValue
	if j.depth > 0 {
		j.at = atComma
	}
}

// abandon gives up on JSON at c.
func (j *jsonMask) abandon(c byte) byte {
	j.lose()
	return j.text.next(c)
}

func (j *jsonMask) number(c byte) byte {
	if j.num > 0 {
		j.num--
		return c
	}
	switch {
	case c < '0' || c > '9':
		j.exp = j.exp || c|0x20 == 'e'
		return c
	case j.exp:
		return '0' // a large exponent is out of range for many
	}
	return '1'
}

// quoted masks a byte of a key or string value.
func (j *jsonMask) quoted(c byte) byte {
	switch {
	case j.digit == 1:
		return j.escaped(c)
	case j.digit > 1:
		n := j.digit - 2
		if j.digit++; j.digit > 5 {
			j.digit = 0
		}
		if c >= '0' && c <= '9' || c|0x20 >= 'a' && c|0x20 <= 'f' {
			return j.esc.digit(n, c)
		}
		return j.abandon(c)
	case c == '\\':
		j.digit, j.word, j.ok, j.text = 1, 0, false, scrambler{}
		return c
	case c == '"':
		if j.at == inString {
			j.leave()
			return c
		}
		key := ""
		if j.ok {
			key = j.match.word()
		}
		j.words = keptValues.has(key)
		j.nums = key != "" && !textNumbers.has(key)
		j.at = atColon
		return c
	case j.at == inKey || j.ok:
		if j.ok = j.ok && j.match.next(c); j.ok {
			return c
		}
	case j.word > 0 && plain(c):
		j.word--
		return c
	}
	j.word = 0
	return j.text.next(c)
}

// escaped masks the character after a backslash.
func (j *jsonMask) escaped(c byte) byte {
	j.digit = 0
	switch c {
	case 'u':
		j.digit, j.esc = 2, escape{}
		return c
	case 'n', 'r', 't':
		return c
	case '"', '\\', '/', 'b', 'f':
		return '"'
	}
	return j.abandon(c)
}

// plain reports whether c is used in names of models, kinds and reasons.
func plain(c byte) bool {
	return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' ||
		c == '_' || c == '.' || c == '-' || c == ':' || c == '/'
}
