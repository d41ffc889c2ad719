// SPDX-License-Identifier: Apache-2.0

package check

import (
	"bufio"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"github.com/prometheus/prometheus/promql/parser"
)

// family is what is known of a name that can be asked for.
type family struct {
	monotone bool // it only goes up
	labels   []string
}

// recorded lists what a real daemon exposed; TestLive holds it against one.
const recorded = "testdata/exposition.txt"

// scrapes are what Prometheus adds to a scrape itself, and to alerts.
var scrapes = map[string]family{
	"up": {}, "scrape_duration_seconds": {}, "scrape_samples_post_metric_relabeling": {},
	"ALERTS": {labels: []string{"alertname", "alertstate", "severity"}},
}

var sample = regexp.MustCompile(`^([a-z][a-z0-9_]*)(?:\{(.*)\})? `)
var labelName = regexp.MustCompile(`([a-z_]+)="(?:[^"\\]|\\.)*",?`)

// families reads an exposition in the text format: the names of samples, with
// the labels that some series has.
func families(text string) map[string]family {
	found := map[string]family{}
	kinds := map[string]string{}
	lines := bufio.NewScanner(strings.NewReader(text))
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		line := lines.Text()
		if name, kind, ok := strings.Cut(strings.TrimPrefix(line, "# TYPE "), " "); ok && strings.HasPrefix(line, "# TYPE ") {
			kinds[name] = kind
			continue
		}
		m := sample.FindStringSubmatch(line)
		if m == nil {
			continue
		}
		f := found[m[1]]
		f.monotone = kinds[m[1]] == "counter" || kinds[m[1]] == "" // parts of a histogram have no type of their own
		for _, l := range labelName.FindAllStringSubmatch(m[2], -1) {
			if !slices.Contains(f.labels, l[1]) {
				f.labels = append(f.labels, l[1])
			}
		}
		slices.Sort(f.labels)
		found[m[1]] = f
	}
	return found
}

// exposed is every name that modeltap exposes: what its own tests hold against
// the code, and what a real daemon showed.
func exposed(t reporter) map[string]family {
	t.Helper()
	all := map[string]family{}
	add := func(name string, f family) {
		was := all[name]
		for _, l := range f.labels {
			if !slices.Contains(was.labels, l) {
				was.labels = append(was.labels, l)
			}
		}
		was.monotone = f.monotone
		all[name] = was
	}
	golden, err := filepath.Glob("../../exporter/testdata/*.prom")
	if err != nil || len(golden) < 3 {
		t.Fatalf("%v: the exporter's golden expositions are missing, %v", golden, err)
	}
	for _, path := range golden {
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		for name, f := range families(string(text)) {
			add(name, f)
		}
	}
	for name, f := range readRecorded(t) {
		add(name, f)
	}
	for name, f := range scrapes {
		add(name, f)
	}
	return all
}

// readRecorded reads lines of: name, counter or gauge, labels.
func readRecorded(t reporter) map[string]family {
	t.Helper()
	text, err := os.ReadFile(recorded)
	if err != nil {
		t.Fatal(err)
	}
	all := map[string]family{}
	for line := range strings.Lines(string(text)) {
		words := strings.Fields(line)
		if len(words) >= 2 {
			all[words[0]] = family{words[1] == "counter", words[2:]}
		}
	}
	return all
}

// ofTarget are the labels that a scrape configuration adds.
var ofTarget = []string{"job", "instance"}

// checkNames: every metric and every label that is asked for, or grouped by, is
// one that modeltap exposes.
func checkNames(t reporter, ds []dashboard) {
	known := exposed(t)
	for _, e := range expressions(t, ds) {
		var labels []string
		e.selectors(func(s *parser.VectorSelector, _ []parser.Node) {
			f, ok := known[s.Name]
			if !ok {
				t.Errorf("%s: there is no metric %s", e.where, s.Name)
				return
			}
			labels = append(labels, f.labels...)
			for _, m := range s.LabelMatchers {
				if m.Name != "__name__" && !slices.Contains(f.labels, m.Name) && !slices.Contains(ofTarget, m.Name) {
					t.Errorf("%s: %s has no label %s", e.where, s.Name, m.Name)
				}
			}
		})
		labels = append(labels, ofTarget...)
		e.visit(func(n parser.Node, _ []parser.Node) {
			var used []string
			switch n := n.(type) {
			case *parser.AggregateExpr:
				used = n.Grouping
			case *parser.BinaryExpr:
				if n.VectorMatching != nil {
					used = append(slices.Clone(n.VectorMatching.MatchingLabels), n.VectorMatching.Include...)
				}
			}
			for _, l := range used {
				if !slices.Contains(labels, l) {
					t.Errorf("%s: no series has the label %s", e.where, l)
				}
			}
		})
	}
}

// checkValues: values that queries select exist in the documentation, whose
// every word a test of the exporter holds.
func checkValues(t reporter, ds []dashboard) {
	doc, err := os.ReadFile("../../docs/metrics.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range expressions(t, ds) {
		e.selectors(func(s *parser.VectorSelector, _ []parser.Node) {
			for _, m := range s.LabelMatchers {
				switch m.Name {
				case "__name__", "job", "instance", "server", "model", "gpu", "le", "alertname", "device":
					continue
				case "alertstate":
					continue // Prometheus's own
				}
				for value := range strings.SplitSeq(m.Value, "|") {
					if !strings.Contains(string(doc), value) {
						t.Errorf("%s: %s=%q is not in docs/metrics.md", e.where, m.Name, value)
					}
				}
			}
		})
	}
}
