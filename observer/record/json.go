// SPDX-License-Identifier: Apache-2.0

package record

import "github.com/modeltap/modeltap/observer/llm"

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
// is no JSON is masked as text until reset. Its zero value keeps nothing.
type jsonMask struct {
	tree  tree // what is kept of the documents
	text  scrambler
	match matcher // the key, literal or one of few words in progress
	esc   escape
	asked uint64 // the fields that the documents have, see node
	maybe uint64 // those that the string has unless it is empty
	stack uint64 // a bit for each open container: object or array
	nodes [depthLimit]uint16
	val   uint16 // the place of the value that must follow
	depth uint8
	at    place
	digit uint8 // progress of an escape: 1 after the backslash, 2 to 5 at its digits
	word  uint8 // bytes of the string value that may still pass
	num   uint8 // bytes of the number that may still pass
	ok    bool  // what was matched of the key or word passes
	exp   bool  // the number has come to its exponent
	minus bool  // the number has come to its sign and no further
}

// begin prepares for documents of which t is kept.
func (j *jsonMask) begin(t tree) {
	*j = jsonMask{tree: t}
	j.reset()
}

// reset prepares for the next document.
func (j *jsonMask) reset() {
	*j = jsonMask{tree: j.tree, asked: j.asked}
	if len(j.tree) > 0 {
		j.val = root
	}
}

// lost tells whether what comes is no JSON.
func (j *jsonMask) lost() bool { return j.at == inText }

// whole tells whether no document is in progress.
func (j *jsonMask) whole() bool { return j.depth == 0 && j.at == atValue }

// node returns what is known of the value that must follow.
func (j *jsonMask) node() *node {
	if j.val == nowhere {
		return &unknown
	}
	return &j.tree[j.val]
}

// unknown is any place that no table has.
var unknown node

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
		case c == 'I' && j.minus: // Python's -Infinity
			j.match.reset(literals)
			j.match.next(c)
			j.at = inLiteral
			return c
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
		j.openString()
	case c == '"' && (j.at == atKey || j.at == atKeyOrEnd):
		j.at, j.digit, j.ok, j.text = inKey, 0, true, scrambler{}
		j.match.reset(j.tree.keys(j.nodes[j.depth-1]))
	case (c == '{' || c == '[') && value && j.depth < depthLimit:
		j.open(c == '{')
	case c == '}' && object && (j.at == atComma || j.at == atKeyOrEnd),
		c == ']' && j.depth > 0 && !object && (j.at == atComma || j.at == atValueOrEnd):
		j.depth--
		j.leave()
	case c == ':' && j.at == atColon:
		j.at = atValue
	case c == ',' && j.at == atComma:
		j.at = atKey
		if !object {
			j.at, j.val = atValue, j.tree.elem(j.nodes[j.depth-1])
		}
	case value && (c == '-' || c >= '0' && c <= '9'):
		n := j.node()
		j.at, j.num, j.exp = inNumber, 0, false
		j.asked |= n.num
		if n.keep == llm.KeepNumber {
			j.num = numberLimit
		}
		out := j.number(c)
		j.minus = c == '-'
		return out
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

// openString begins a string value.
func (j *jsonMask) openString() {
	n := j.node()
	j.ok = n.words != nil && (n.keep != llm.KeepEdit || j.at == atValueOrEnd)
	if j.ok {
		j.match.reset(n.words)
	}
	j.at, j.digit, j.word, j.text = inString, 0, 0, scrambler{}
	j.asked |= n.str
	j.maybe = n.text
	if n.keep == llm.KeepWord || n.keep == llm.KeepID {
		j.word = wordLimit
	}
}

// open begins an object or an array.
func (j *jsonMask) open(object bool) {
	bit := uint64(1) << j.depth
	j.nodes[j.depth] = j.val
	j.depth++
	if j.stack &^= bit; object {
		j.asked |= j.node().object
		j.stack |= bit
		j.at, j.val = atKeyOrEnd, nowhere
		return
	}
	j.at, j.val = atValueOrEnd, j.tree.elem(j.val)
}

// leave follows the end of a value.
func (j *jsonMask) leave() {
	j.at = atComma
	if j.depth == 0 {
		j.reset() // another document may follow
	}
}

// abandon gives up on JSON at c.
func (j *jsonMask) abandon(c byte) byte {
	j.lose()
	return j.text.next(c)
}

func (j *jsonMask) number(c byte) byte {
	j.minus = false
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
		if j.at == inString {
			j.asked |= j.maybe
		}
		j.digit, j.word, j.ok, j.text = 1, 0, false, scrambler{}
		return c
	case c == '"':
		if j.at == inString {
			j.leave()
			return c
		}
		j.at, j.val = atColon, nowhere
		if j.ok {
			j.val = j.tree.below(j.nodes[j.depth-1], j.match.word())
		}
		return c
	case j.at == inKey:
		return j.key(c)
	}
	j.asked |= j.maybe
	switch {
	case j.ok:
		if j.ok = j.match.next(c); j.ok {
			return c
		}
	case j.word > 0 && (plain(c) && j.node().keep != llm.KeepID || hexadecimal(c)):
		j.word--
		return c
	}
	j.word = 0
	return j.text.next(c)
}

// key masks a byte of a key: one that is not known becomes no other that is.
func (j *jsonMask) key(c byte) byte {
	if !j.ok {
		return j.text.name(c)
	}
	before := j.match
	if j.ok = j.match.next(c); j.ok {
		return c
	}
	return before.other(j.text.name(c))
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

func hexadecimal(c byte) bool { return c >= '0' && c <= '9' || c >= 'a' && c <= 'f' }
