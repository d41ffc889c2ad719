// SPDX-License-Identifier: Apache-2.0

package jsonscan

import (
	"fmt"
	"math"
	"strings"
)

// log writes down what it is told, so that two readings can be compared.
type log struct {
	lines []string
	text  []byte
}

func (l *log) Text(f Field, p []byte) {
	if len(p) == 0 {
		l.add("%d empty piece", f)
	}
	l.text = append(l.text, p...)
}

func (l *log) TextEnd(f Field) {
	l.add("%d text %q", f, runes(string(l.text)))
	l.text = l.text[:0]
}

func (l *log) Value(f Field, v *Value) {
	switch {
	case v.Type == TypeString:
		l.string(f, string(v.Str), v.Truncated)
	case v.Type == TypeNumber && v.Truncated:
		l.add("%d long number %d %g", f, v.Int, v.Float)
	case v.Type == TypeNumber:
		l.number(f, v.Int, v.Float)
	default:
		l.add("%d type %d %d", f, v.Type, v.Int)
	}
}

func (l *log) string(f Field, s string, truncated bool) {
	l.add("%d string %q %t", f, runes(s), truncated)
}

func (l *log) number(f Field, n int64, x float64) {
	if math.IsNaN(x) || math.IsInf(x, 0) {
		l.add("%d is not finite", f)
	}
	l.add("%d number %d %g", f, n, x+0) // without the sign of zero
}

func (l *log) Enter(f Field) { l.add("%d enter", f) }
func (l *log) Leave(f Field) { l.add("%d leave", f) }

func (l *log) add(format string, args ...any) {
	l.lines = append(l.lines, fmt.Sprintf(format, args...))
}

func (l *log) String() string {
	s := strings.Join(l.lines, "\n")
	if len(l.text) > 0 {
		s += fmt.Sprintf("\nopen text %q", l.text)
	}
	return s
}

// runes replaces what is not UTF-8, as encoding/json does.
func runes(s string) string { return string([]rune(s)) }

// read returns what a scanner tells of doc, given in pieces.
func read(schema *Schema, pieces ...[]byte) (string, error) {
	var l log
	var s Scanner
	s.Reset(schema, &l)
	for _, p := range pieces {
		// A copy of its own, so that the race of a kept slice shows.
		own := append([]byte(nil), p...)
		err := s.Write(own)
		for i := range own {
			own[i] = '?'
		}
		if err != nil {
			break
		}
	}
	err := s.End()
	return l.String(), err
}

// bytewise cuts p into single bytes.
func bytewise(p []byte) [][]byte {
	pieces := make([][]byte, len(p))
	for i := range p {
		pieces[i] = p[i : i+1]
	}
	return pieces
}
