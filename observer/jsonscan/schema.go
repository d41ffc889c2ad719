// SPDX-License-Identifier: Apache-2.0

package jsonscan

import (
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
	"strings"
)

// Field is the caller's name for what a Path finds.
type Field uint8

// Kind says what is wanted of the value at a Path.
type Kind uint8

const (
	// Text wants a string of any length, handed over decoded, in pieces, and
	// kept nowhere. Values of another type are passed over in silence.
	Text Kind = iota + 1
	// String wants a short string: its first MaxString decoded bytes, whole.
	String
	// Number wants a number.
	Number
	// Any wants a scalar of any type: what String and Number want, and true,
	// false and null.
	Any
	// Count wants the number of elements of an array, reported at its end.
	Count
	// Object wants to know when an object begins and ends.
	Object
	// TextDeep wants what Text does of every string and number here and below,
	// in arrays and objects to any depth. Keys are no text. A number is handed
	// over as it is written, its first MaxString bytes. No path leads below
	// one, nor does a "**" begin there.
	TextDeep
)

// Path names a place in a document.
//
// A path is a list of object keys joined by ".", each with one "[]" for every
// array to go into: "model", "choices[].delta.content", "[].embedding", and ""
// for the document itself. A path that begins with "**." is looked for in every
// object of the document, whatever its depth: "**.text". A key with one of
// . [ ] * " \ of its own cannot be named.
//
// A key that continues a path followed so far is taken as that, and no longer
// as the beginning of a "**" path.
type Path struct {
	Path  string
	Field Field
	Kind  Kind
}

// Schema is a set of paths made ready for a Scanner. It is immutable, and any
// number of scanners may share it.
type Schema struct {
	paths []Path
	root  *node
	none  *node // every value that no path leads to
}

// node is a place of the schema, met by value type.
type node struct {
	keys  []child
	first uint64 // bit b&63 is set for the first byte b of each key
	other *node  // below every other key
	elem  *node

	scalar      Kind // Text, TextDeep, String, Number, Any or 0
	enter       bool
	count       bool
	walkObject  bool // an object here cannot be skipped as a whole
	walkArray   bool
	scalarField Field
	objectField Field
	countField  Field
}

type child struct {
	// The first eight bytes of the name and its closing quote, as they lie in
	// memory, and a mask of those that there are.
	word, mask uint64

	name string
	node *node
}

func newChild(name string) child {
	c := child{name: name, node: &node{}}
	var word, mask [8]byte
	for i := range copy(word[:], name+`"`) {
		mask[i] = 0xff
	}
	c.word, c.mask = binary.LittleEndian.Uint64(word[:]), binary.LittleEndian.Uint64(mask[:])
	return c
}

// MustCompile is Compile for paths that are known to be right.
func MustCompile(paths []Path) *Schema {
	s, err := Compile(paths)
	if err != nil {
		panic(err)
	}
	return s
}

// Compile makes a Schema. It fails on a path that it cannot read, on a path that
// leads below a TextDeep, and on two wishes for the same value: at one path, at
// most one of Text, TextDeep, String, Number and Any, one Count and one Object.
func Compile(paths []Path) (*Schema, error) {
	s := &Schema{paths: slices.Clone(paths), root: &node{}, none: &node{}}
	for _, p := range paths {
		if err := s.add(p); err != nil {
			return nil, fmt.Errorf("jsonscan: path %q: %w", p.Path, err)
		}
	}
	anywhere := s.none.keys
	if s.root != s.none {
		s.root.finish(s.none, anywhere)
	}
	for _, c := range anywhere {
		c.node.finish(s.none, anywhere)
	}
	s.none.finish(s.none, nil)
	return s, nil
}

// Paths returns the paths that s was compiled of.
func (s *Schema) Paths() []Path { return slices.Clone(s.paths) }

func (s *Schema) add(p Path) error {
	at, rest := s.root, p.Path
	if after, ok := strings.CutPrefix(rest, "**."); ok {
		at, rest = s.none, after
		if rest == "" || rest[0] == '[' {
			return fmt.Errorf("name a key after **")
		}
	}
	for rest != "" {
		if at.scalar == TextDeep {
			return errBelow
		}
		if after, ok := strings.CutPrefix(rest, "[]"); ok {
			if at.elem == nil {
				at.elem = &node{}
			}
			at, rest = at.elem, after
			if rest == "" || rest[0] == '[' {
				continue
			}
			if rest[0] != '.' || rest == "." {
				return fmt.Errorf("write . and a key after []")
			}
			rest = rest[1:]
		}
		end := strings.IndexAny(rest, ".[")
		if end < 0 {
			end = len(rest)
		}
		name := rest[:end]
		if name == "" || strings.ContainsAny(name, "*]\"\\") || len(name) > MaxString {
			return fmt.Errorf("cannot look for the key %q", name)
		}
		at, rest = at.child(name), rest[end:]
		if strings.HasPrefix(rest, ".") {
			if rest = rest[1:]; rest == "" || rest[0] == '[' {
				return fmt.Errorf("write a key after the last dot")
			}
		}
	}
	return at.want(p)
}

func (n *node) child(name string) *node {
	for _, c := range n.keys {
		if c.name == name {
			return c.node
		}
	}
	c := newChild(name)
	n.keys = append(n.keys, c)
	return c.node
}

func (n *node) want(p Path) error {
	taken := false
	switch p.Kind {
	case Text, TextDeep, String, Number, Any:
		if p.Kind == TextDeep && (len(n.keys) > 0 || n.elem != nil) {
			return errBelow
		}
		taken = n.scalar != 0
		n.scalar, n.scalarField = p.Kind, p.Field
	case Count:
		taken = n.count
		n.count, n.countField = true, p.Field
	case Object:
		taken = n.enter
		n.enter, n.objectField = true, p.Field
	default:
		return fmt.Errorf("unknown kind %d", p.Kind)
	}
	if taken {
		return fmt.Errorf("wanted twice; keep one of the two")
	}
	return nil
}

var errBelow = errors.New("all below a TextDeep is its text; drop the path that leads there")

// finish completes n and what lies below it: the keys that are looked for
// everywhere join its own.
func (n *node) finish(none *node, anywhere []child) {
	if n.scalar == TextDeep {
		n.other = deepText(n.scalarField)
		n.elem, n.walkObject, n.walkArray = n.other, true, true
		return
	}
	own := n.keys
	for _, c := range own {
		if n != none {
			c.node.finish(none, anywhere)
		}
	}
	for _, c := range anywhere {
		if !slices.ContainsFunc(own, func(o child) bool { return o.name == c.name }) {
			n.keys = append(n.keys, c)
		}
	}
	for _, c := range n.keys {
		n.first |= 1 << (c.name[0] & 63)
	}
	n.other = none
	if n.elem == nil {
		n.elem = none
	} else {
		n.elem.finish(none, anywhere)
	}
	n.walkObject = n.enter || len(n.keys) > 0
	n.walkArray = n.count || n.elem != none || len(none.keys) > 0
}

// deepText returns the place of all that lies below a TextDeep.
func deepText(f Field) *node {
	n := &node{scalar: TextDeep, scalarField: f, walkObject: true, walkArray: true}
	n.other, n.elem = n, n
	return n
}

// match returns the place below the key whose name and closing quote b begins
// with, and the length of the name, or nil; w is firstWord(b). To try the few
// names there are is faster than to find the end of the key first: the
// processor predicts which one it is, and goes on from a length that it need
// not compute.
func (n *node) match(b []byte, w uint64) (*node, int) {
	if n.first>>(w&63)&1 == 0 {
		return nil, 0
	}
	for i := range n.keys {
		c := &n.keys[i]
		if w&c.mask != c.word {
			continue
		}
		k := len(c.name)
		if k < 8 || k < len(b) && b[k] == '"' && string(b[8:k]) == c.name[8:] {
			return c.node, k
		}
	}
	return nil, 0
}

// firstWord returns the first eight bytes of b, with zeros for what is missing.
func firstWord(b []byte) uint64 {
	if len(b) < 8 {
		return shortWord(b)
	}
	return binary.LittleEndian.Uint64(b)
}

func shortWord(b []byte) uint64 {
	var w [8]byte
	copy(w[:], b)
	return binary.LittleEndian.Uint64(w[:])
}

// find returns the place below the key k, or nil.
func (n *node) find(k []byte) *node {
	for i := range n.keys {
		if c := &n.keys[i]; string(k) == c.name {
			return c.node
		}
	}
	return nil
}
