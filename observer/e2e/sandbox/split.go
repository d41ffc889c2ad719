// SPDX-License-Identifier: Apache-2.0

package sandbox

import "strings"

// batch is what one run of the test binary in a sandbox does.
type batch struct {
	run   string // for -test.run
	label string // what is said of it when the sandbox itself fails
	alone bool
}

// split spreads tests over sandboxes, in their order: those that share one first,
// those that run alone last. pattern is what -test.run was, of which the part
// for subtests is kept.
func split(tests []string, pattern string, apart, alone func(string) bool) []batch {
	_, sub, alternatives := cut(pattern)
	var together []string
	var side, last []batch
	for _, name := range tests {
		switch {
		case alternatives || !apart(name):
			together = append(together, name)
		case alone(name):
			last = append(last, batch{run: exactly(name) + sub, label: name, alone: true})
		default:
			side = append(side, batch{run: exactly(name) + sub, label: name})
		}
	}
	var all []batch
	switch {
	case alternatives:
		all = []batch{{run: pattern, label: pattern}}
	case len(together) > 0:
		all = []batch{{run: exactly(together...) + sub, label: strings.Join(together, ", ")}}
	}
	return append(append(all, side...), last...)
}

func exactly(names ...string) string { return "^(" + strings.Join(names, "|") + ")$" }

// cut splits a pattern of -test.run into that of the tests and that of their
// subtests, with its slash. alternatives says that it has several with subtests
// ("A/x|B/y"), which only package testing takes apart.
func cut(pattern string) (top, sub string, alternatives bool) {
	depth, slash, bar := 0, -1, false
	for i := 0; i < len(pattern); i++ {
		switch pattern[i] {
		case '\\':
			i++
		case '[', '(':
			depth++
		case ']', ')':
			depth--
		case '/':
			if depth == 0 && slash < 0 {
				slash = i
			}
		case '|':
			bar = bar || depth == 0
		}
	}
	if slash < 0 {
		return pattern, "", false
	}
	return pattern[:slash], pattern[slash:], bar
}
