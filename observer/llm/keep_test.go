// SPDX-License-Identifier: Apache-2.0

package llm

import (
	"slices"
	"strings"
	"testing"

	"github.com/modeltap/modeltap/observer/jsonscan"
)

// TestEveryMeaningIsWeighed: of each path of each API it is said what a
// recording may keep, once, and of a text it is nothing.
func TestEveryMeaningIsWeighed(t *testing.T) {
	check := func(api string, keeps map[jsonscan.Field]Keep, schemas ...*jsonscan.Schema) {
		for _, s := range schemas {
			if s == nil || len(s.Paths()) == 0 {
				t.Errorf("%s: a document without paths", api)
				continue
			}
			for _, p := range s.Paths() {
				k, ok := keeps[p.Field]
				switch isText := p.Kind == jsonscan.Text || p.Kind == jsonscan.TextDeep; {
				case !ok:
					t.Errorf("%s: %q has the meaning %d, of which keep.go does not say what may be kept", api, p.Path, p.Field)
				case isText && k != KeepKey && k.Words() == nil:
					t.Errorf("%s: the text at %q may be kept (%d)", api, p.Path, k)
				case (p.Kind == jsonscan.Count || p.Kind == jsonscan.Object) && k != KeepKey:
					t.Errorf("%s: %q, an array or object, may be kept (%d)", api, p.Path, k)
				}
			}
		}
	}
	for _, d := range Dialects() {
		check(d.API, keeps, d.Request, d.Answer, d.Event)
	}
	check("feed", feedKeeps, gradioMessage, gradioOutput)
}

// hidden are the members below which everything is somebody's text.
var hidden = []string{"arguments", "input", "parameters", "metadata", "parsed", "schema", "properties", "tools"}

// TestPlacesAgree: no path has two meanings, one of them kept, and none that is
// kept lies where everything is text.
func TestPlacesAgree(t *testing.T) {
	for _, d := range Dialects() {
		for what, places := range map[string][]Place{"asked": d.Asked(), "answered": d.Answered()} {
			said := map[string]Keep{}
			for _, p := range places {
				k := p.Keep
				if p.Kind == jsonscan.Object || p.Kind == jsonscan.Count {
					continue
				}
				if have, ok := said[p.Path]; ok && have != k {
					t.Errorf("%s %s: %q may keep %d and %d", d.API, what, p.Path, have, k)
				}
				said[p.Path] = k
				if k == KeepNothing || k == KeepKey {
					continue
				}
				if d.Generic && !strings.HasPrefix(p.Path, "meta_info.") {
					t.Errorf("%s %s: %q of an API that nobody published may be kept", d.API, what, p.Path)
				}
				keys := strings.Split(strings.ReplaceAll(p.Path, "[]", ""), ".")
				for _, h := range hidden {
					if i := slices.Index(keys, h); i >= 0 && p.Path != "input[].role" {
						t.Errorf("%s %s: %q lies below %q", d.API, what, p.Path, h)
					}
				}
			}
		}
	}
	for api := range noted {
		if !slices.ContainsFunc(Dialects(), func(d *Dialect) bool { return d.API == api }) {
			t.Errorf("there are notes to %q, which is no API", api)
		}
	}
}

// TestAllDialects: those of the examples are among them, and those that others
// turn to.
func TestAllDialects(t *testing.T) {
	all := Dialects()
	has := func(what string, d *Dialect) {
		if d != nil && !slices.Contains(all, d) {
			t.Errorf("%s: %s is not among the dialects", what, d.API)
		}
	}
	for name, f := range families {
		has(name, f.dialect)
	}
	for _, d := range all {
		has(d.API, d.Told)
		for f := range jsonscan.Field(64) { // what each field alone, and any two, tell
			for g := range jsonscan.Field(64) {
				has(d.API, d.Chosen(1<<f|1<<g))
			}
		}
	}
	for _, d := range dialects {
		has(d.API, d)
	}
	has("generic", Generic())
}
