// SPDX-License-Identifier: Apache-2.0

package sandbox

import (
	"reflect"
	"testing"
)

func TestCut(t *testing.T) {
	for pattern, want := range map[string]struct {
		top, sub     string
		alternatives bool
	}{
		"":              {"", "", false},
		"TestA":         {"TestA", "", false},
		"TestA|TestB":   {"TestA|TestB", "", false},
		"TestA/x":       {"TestA", "/x", false},
		"TestA/x/y|z":   {"TestA", "/x/y|z", true},
		"Test[/]/x":     {"Test[/]", "/x", false},
		`Test\//x`:      {`Test\/`, "/x", false},
		"(TestA|B)/x":   {"(TestA|B)", "/x", false},
		"TestA/x|TestB": {"TestA", "/x|TestB", true},
	} {
		top, sub, alternatives := cut(pattern)
		if top != want.top || sub != want.sub || alternatives != want.alternatives {
			t.Errorf("cut(%q) = %q, %q, %v", pattern, top, sub, alternatives)
		}
	}
}

func TestSplit(t *testing.T) {
	tests := []string{"TestLoadA", "TestB", "TestPure", "TestC", "ExampleD"}
	for _, c := range []struct {
		pattern, apart, alone string
		want                  []string // the patterns of the runs; those alone begin with "!"
	}{
		{"", "", "", []string{"^(TestLoadA|TestB|TestPure|TestC|ExampleD)$"}},
		{"", ".", "", []string{"^(TestLoadA)$", "^(TestB)$", "^(TestPure)$", "^(TestC)$", "^(ExampleD)$"}},
		{"", "^Test[^P]", "^TestLoad", []string{"^(TestPure|ExampleD)$", "^(TestB)$", "^(TestC)$", "!^(TestLoadA)$"}},
		{"Test/case", "^TestB", "", []string{"^(TestLoadA|TestPure|TestC|ExampleD)$/case", "^(TestB)$/case"}},
		{"TestB/x|TestC/y", ".", "", []string{"TestB/x|TestC/y"}},
	} {
		apart, err := match(c.apart)
		if err != nil {
			t.Fatal(err)
		}
		alone, err := match(c.alone)
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, b := range split(tests, c.pattern, apart, alone) {
			run := b.run
			if b.alone {
				run = "!" + run
			}
			got = append(got, run)
		}
		if !reflect.DeepEqual(got, c.want) {
			t.Errorf("%q, apart %q, alone %q: %q, want %q", c.pattern, c.apart, c.alone, got, c.want)
		}
	}
}
