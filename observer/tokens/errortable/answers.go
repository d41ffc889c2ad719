// SPDX-License-Identifier: Apache-2.0

package main

import (
	"embed"
	"strings"
)

//go:embed testdata/texts
var texts embed.FS

// kinds are the sorts of text, in the order of the table, and what separates
// the units in its file and in an answer.
var kinds = []struct{ name, separator, join string }{
	{"English", "\n", " "},
	{"German", "\n", " "},
	{"Russian", "\n", " "},
	{"Arabic", "\n", " "},
	{"Chinese", "\n", ""},
	{"Japanese", "\n", ""},
	{"Korean", "\n", " "},
	{"Markdown", "\n%%\n", "\n\n"},
	{"Go", "\n%%\n", "\n\n"},
	{"Python", "\n%%\n", "\n\n"},
	{"JSON", "\n%%\n", "\n"},
}

// units of each text; one half teaches the calibration, the other judges it.
const (
	units        = 16
	half         = units / 2
	perAnswer    = 5
	answersOfOne = half // each begins at another unit
)

// sample is the answers of one kind. No unit is in both lists.
type sample struct {
	kind             string
	taught, measured []string
}

// answers makes answers of the units of each text.
func answers() []sample {
	var all []sample
	for _, k := range kinds {
		text, err := texts.ReadFile("testdata/texts/" + strings.ToLower(k.name) + ".txt")
		if err != nil {
			panic(err) // it is embedded
		}
		u := strings.Split(strings.TrimSuffix(string(text), "\n"), k.separator)
		s := sample{kind: k.name}
		for i := range answersOfOne {
			s.taught = append(s.taught, answer(u[:half], i, k.join))
			s.measured = append(s.measured, answer(u[half:units], i, k.join))
		}
		all = append(all, s)
	}
	return all
}

func answer(u []string, from int, join string) string {
	var parts []string
	for i := range perAnswer {
		parts = append(parts, u[(from+i)%len(u)])
	}
	return strings.Join(parts, join)
}
