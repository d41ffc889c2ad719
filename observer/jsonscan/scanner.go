// SPDX-License-Identifier: Apache-2.0

package jsonscan

import (
	"errors"
)

const (
	// MaxDepth is the number of arrays and objects that may be open at once.
	MaxDepth = 64
	// MaxString is the number of bytes of a String that are kept.
	MaxString = 256
)

var (
	// ErrSyntax says that the document is not JSON (RFC 8259).
	ErrSyntax = errors.New("jsonscan: not a JSON document")
	// ErrDepth says that the document nests deeper than MaxDepth.
	ErrDepth = errors.New("jsonscan: nested too deep")
	// ErrIncomplete says that the document ended too early.
	ErrIncomplete = errors.New("jsonscan: the document is cut short")
	// ErrLost says that a part of the document was lost.
	ErrLost = errors.New("jsonscan: a part of the document is missing")
)

// Type is the type of a reported Value.
type Type uint8

const (
	TypeNull Type = iota
	TypeFalse
	TypeTrue
	TypeNumber
	TypeString
	TypeArray // of a Count
)

// Value is a scalar, or the length of an array.
type Value struct {
	Type Type
	// Truncated marks a string of which only the first MaxString bytes are in
	// Str, and a number longer than that, whose value is given as 0.
	Truncated bool
	// Str is a decoded string. It may lie in the caller's input and is valid
	// during the call only.
	Str []byte
	// Int is a number, exact if it is written as an integer, else Float without
	// its fraction; limited to the range of int64. Or the number of elements of
	// an array.
	Int int64
	// Float is a number, limited to the range of finite float64.
	Float float64
}

// Handler is told what a Scanner finds, in the order of the document. A key
// that occurs twice is reported twice. The arguments are valid during the call
// only.
type Handler interface {
	// Text hands over a piece of a Text: never empty, decoded, and perhaps cut
	// inside a character. TextEnd follows the last piece; an empty string has
	// no piece.
	Text(f Field, piece []byte)
	TextEnd(f Field)
	// Value reports a String, Number, Any or Count.
	Value(f Field, v *Value)
	// Enter and Leave report the ends of an Object.
	Enter(f Field)
	Leave(f Field)
}

// Scanner reads one document after another, each in pieces of any size. It
// holds no more of a document than one short string. The zero Scanner must be
// Reset before use.
type Scanner struct {
	schema *Schema
	h      Handler
	err    error

	cur   *node // of the innermost open array or object, while it is walked
	val   *node // of the value that is awaited or read
	state state
	odd   bool // skipped string: the byte to come is escaped
	depth int32
	skip  int32  // open arrays and objects that are being skipped
	kinds uint64 // one bit for each open array (0) or object (1), last opened lowest

	str     text
	literal string // what is left of a true, false, null, NaN or Infinity; of a skipped "-", what may follow
	value   Value

	stack  [MaxDepth]*node
	counts [MaxDepth]uint32
}

type state uint8

// The states up to done allow white space.
const (
	awaitValue state = iota
	awaitElement
	awaitFirstElement
	awaitKey
	awaitFirstKey
	awaitColon
	afterValue
	done
	inText
	inNumber
	inLiteral
	inSkippedNumber
	inSkippedString
	inSkipped
)

// Reset makes s ready for a new document. Nothing of the last one is left.
func (s *Scanner) Reset(schema *Schema, h Handler) {
	s.schema, s.h, s.err = schema, h, nil
	s.cur, s.val, s.state = nil, schema.root, awaitValue
	s.depth, s.skip, s.kinds = 0, 0, 0
	s.odd = false
	s.str.reset()
}

// Done says that a whole document was read.
func (s *Scanner) Done() bool { return s.state == done && s.err == nil }

// Lost says that some bytes of the document were not seen. Until the next Reset
// the scanner reports nothing more.
func (s *Scanner) Lost() {
	if s.err == nil {
		s.err = ErrLost
	}
}

// End says that the document is over, and returns why it was no good: a number
// at the top level, for one, is complete only then.
func (s *Scanner) End() error {
	if s.err == nil && s.depth == 0 {
		switch s.state {
		case inNumber:
			s.endNumber(s.str.kept())
			s.state = done
		case inSkippedNumber:
			s.state = done
		}
	}
	if s.err == nil && s.state != done {
		s.err = ErrIncomplete
	}
	return s.err
}

func (s *Scanner) fail(err error) error {
	s.err = err
	return err
}
