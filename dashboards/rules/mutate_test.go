// SPDX-License-Identifier: Apache-2.0

package rules

import (
	"fmt"
	"maps"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/prometheus/prometheus/promql/parser"
)

// Every way of breaking an alert is noticed by its test: thresholds moved by
// half, comparisons turned, a side of "and", "or" and "unless" left out. With
// MODELTAP_ALL_MUTANTS set also matchers left out, "for" a step longer or shorter,
// and the recording rules that it is made of broken in the same ways.
func TestBrokenRulesAreNoticed(t *testing.T) {
	files, tests := behaviour(t), testFiles(t)
	var work []func()
	var mu sync.Mutex
	killed := map[string]bool{} // by mutant; a record is tried with each alert that uses it
	for _, f := range files {
		for _, g := range f.Groups {
			for _, r := range g.Rules {
				if r.Alert == "" {
					continue
				}
				work = append(work, func() {
					for m, ok := range try(t, of(t, tests, r.Alert), r, needs(t, r, files)) {
						mu.Lock()
						killed[m] = killed[m] || ok
						mu.Unlock()
					}
				})
			}
		}
	}
	queue := make(chan func())
	var wg sync.WaitGroup
	for range runtime.NumCPU() {
		wg.Go(func() {
			for w := range queue {
				w()
			}
		})
	}
	for _, w := range work {
		queue <- w
	}
	close(queue)
	wg.Wait()
	if len(killed) < 200 {
		t.Errorf("%d broken rules were tried: the test looks at too little", len(killed))
	}
	for _, m := range slices.Sorted(maps.Keys(killed)) {
		if !killed[m] {
			t.Errorf("no test notices %s", m)
		}
	}
	t.Logf("%d broken rules", len(killed))
}

func (f *File) record(name string) (Rule, bool) {
	for _, g := range f.Groups {
		for _, r := range g.Rules {
			if r.Record == name {
				return r, true
			}
		}
	}
	return Rule{}, false
}

// of returns the tests of one alert.
func of(t *testing.T, files map[string]*testFile, alert string) *testFile {
	t.Helper()
	mine := &testFile{}
	for _, f := range files {
		for _, g := range f.Tests {
			if g.alert() == alert {
				mine.Interval, mine.Tests = f.Interval, append(mine.Tests, g)
			}
		}
	}
	if mine.Interval == "" {
		t.Errorf("no test of %s", alert)
		mine.Interval = "1m"
	}
	return mine
}

// needs returns the recording rules that r is made of, those of those included,
// the innermost first.
func needs(t *testing.T, r Rule, files map[string]*File) (list []Rule) {
	for _, s := range selectors(parse(t, r.Expr)) {
		record, ok := files["recording.yml"].record(s.Name)
		if !ok {
			continue
		}
		for _, inner := range append(needs(t, record, files), record) {
			if !slices.ContainsFunc(list, func(r Rule) bool { return r.Record == inner.Record }) {
				list = append(list, inner)
			}
		}
	}
	return list
}

// try runs the tests of an alert on every broken form of it and of the records
// it needs, all in one promtool, and says of each whether it was noticed.
func try(t *testing.T, tests *testFile, alert Rule, records []Rule) map[string]bool {
	t.Helper()
	dir, step := t.TempDir(), duration(t, tests.Interval)
	var names, paths []string
	add := func(name string, alert Rule, records []Rule) {
		names = append(names, name)
		paths = append(paths, lay(t, dir, fmt.Sprint(len(paths)), tests, alert, records))
	}
	for what, broken := range mutants(t, alert, step) {
		add(alert.Alert+": "+what, broken, records)
	}
	for i, r := range records {
		if !everything {
			break
		}
		for what, broken := range mutants(t, r, step) {
			others := slices.Clone(records)
			others[i] = broken
			add(r.Record+": "+what, alert, others)
		}
	}
	killed := map[string]bool{}
	for i, said := range promtool(t, dir, paths) {
		killed[names[i]] = strings.Contains(said, "FAILED")
		if strings.Contains(said, "parse error") {
			t.Errorf("%s cannot be read: %s", names[i], said)
		}
	}
	return killed
}

// lay writes an alert, what it needs and its tests to a folder of their own, and
// returns the path of the tests.
func lay(t *testing.T, dir, sub string, tests *testFile, alert Rule, records []Rule) string {
	t.Helper()
	mine := *tests
	mine.RuleFiles, mine.Order = []string{"rules.yml"}, []string{"records", "alerts"}
	write(t, toYAML(t, File{[]Group{{"records", "1m", records}, {"alerts", "1m", []Rule{alert}}}}), dir, sub, "rules.yml")
	write(t, toYAML(t, mine), dir, sub, "test.yml")
	return filepath.Join(sub, "test.yml")
}

// promtool runs test files and returns what is said of each.
func promtool(t *testing.T, dir string, paths []string) []string {
	t.Helper()
	cmd := exec.Command(program(t, "promtool"), append([]string{"test", "rules"}, paths...)...)
	cmd.Dir = dir
	out, _ := cmd.CombinedOutput()
	said := strings.Split(string(out), "Unit Testing:")[1:]
	if len(said) != len(paths) {
		t.Fatalf("promtool says something of %d files, not of %d\n%.2000s", len(said), len(paths), out)
	}
	return said
}

func parse(t *testing.T, expr string) parser.Expr {
	t.Helper()
	e, err := parser.NewParser(parser.Options{}).ParseExpr(expr)
	if err != nil {
		t.Fatalf("%v\n%s", err, expr)
	}
	return e
}

// walk calls see for e and all below it.
func walk(e parser.Expr, see func(parser.Expr)) {
	parser.Inspect(e, func(n parser.Node, _ []parser.Node) error {
		if x, ok := n.(parser.Expr); ok {
			see(x)
		}
		return nil
	})
}

func selectors(e parser.Expr) (all []*parser.VectorSelector) {
	walk(e, func(e parser.Expr) {
		if s, ok := e.(*parser.VectorSelector); ok {
			all = append(all, s)
		}
	})
	return all
}
