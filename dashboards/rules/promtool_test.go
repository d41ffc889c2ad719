// SPDX-License-Identifier: Apache-2.0

package rules

import (
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// Prometheus takes the rendered files.
func TestRulesAreValid(t *testing.T) {
	dir := t.TempDir()
	var args []string
	for name, text := range render(t, parameters(t)) {
		write(t, text, dir, name)
		args = append(args, filepath.Join(dir, name))
	}
	out, err := exec.Command(program(t, "promtool"), append([]string{"check", "rules", "--lint=all", "--lint-fatal"}, args...)...).CombinedOutput()
	if err != nil {
		t.Errorf("promtool check rules: %v\n%s", err, out)
	}
}

// behaviour returns the rule files without annotations, whose wording is no
// matter of behaviour, under the names that the tests use.
func behaviour(t *testing.T) map[string]*File {
	t.Helper()
	files := map[string]*File{}
	for name, text := range render(t, parameters(t)) {
		f, err := Parse([]byte(text))
		if err != nil {
			t.Fatal(err)
		}
		for g := range f.Groups {
			for r := range f.Groups[g].Rules {
				f.Groups[g].Rules[r].Annotations = nil
			}
		}
		files[strings.Replace(name, ".rules.yml", ".yml", 1)] = f
	}
	return files
}

// Every alert fires, is silent and clears as its test says, with the recording
// rules that it is made of.
func TestAlertsBehave(t *testing.T) {
	dir, files, tests := t.TempDir(), behaviour(t), testFiles(t)
	var names, paths []string
	for _, f := range files {
		for _, g := range f.Groups {
			for _, r := range g.Rules {
				if r.Alert != "" {
					names = append(names, r.Alert)
					paths = append(paths, lay(t, dir, r.Alert, of(t, tests, r.Alert), r, needs(t, r, files)))
				}
			}
		}
	}
	for i, said := range promtool(t, dir, paths) {
		if !strings.Contains(said, "SUCCESS") {
			t.Errorf("%s: %s", names[i], said)
		}
	}
}

// Each alert has a test in which it fires, does not one step before, clears
// again, and stays silent for something that almost deserves it.
func TestEveryAlertIsProven(t *testing.T) {
	type proof struct{ fires, notBefore, clears, near bool }
	proven := map[string]*proof{}
	for file, f := range testFiles(t) {
		step := duration(t, f.Interval)
		for i := range f.Tests {
			g := &f.Tests[i]
			p := proven[g.alert()]
			if p == nil {
				p = &proof{}
				proven[g.alert()] = p
			}
			for _, s := range g.Series {
				p.near = p.near || strings.Contains(s.Series, "near")
			}
			first, at := time.Duration(-1), map[time.Duration]bool{}
			for _, a := range g.Alerts {
				if a.Name != g.alert() {
					t.Errorf("%s: %s asks about %s", file, g.Name, a.Name)
				}
				for _, e := range a.Expected {
					for k, v := range e.Labels {
						if strings.Contains(v, "near") {
							t.Errorf("%s: %s fires for the near miss %s=%s", file, g.Name, k, v)
						}
					}
				}
				when := duration(t, a.EvalTime)
				at[when] = len(a.Expected) > 0
				if len(a.Expected) > 0 && (first < 0 || when < first) {
					first = when
				}
			}
			for when, fires := range at {
				p.clears = p.clears || first >= 0 && !fires && when > first && at[when-step]
			}
			fired, known := at[first-step]
			p.fires, p.notBefore = p.fires || first >= 0, p.notBefore || known && !fired
		}
	}
	for _, r := range all(t) {
		if r.Alert == "" {
			continue
		}
		if p := proven[r.Alert]; p == nil || *p != (proof{true, true, true, true}) {
			t.Errorf("%s: %+v: write what is missing in tests/", r.Alert, p)
		}
		delete(proven, r.Alert)
	}
	for name := range proven {
		t.Errorf("tests of %s, which is no alert", name)
	}
}

func duration(t *testing.T, text string) time.Duration {
	t.Helper()
	d, err := time.ParseDuration(text)
	if err != nil {
		t.Fatal(err)
	}
	return d
}
