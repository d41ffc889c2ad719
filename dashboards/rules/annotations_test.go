// SPDX-License-Identifier: Apache-2.0

package rules

import (
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/prometheus/prometheus/promql/parser"
)

var labelUsed = regexp.MustCompile(`\$labels\.(\w+)`)

// Every alert says what it found, what to look at first and second, and where
// to read on; whoever is woken by it has no time to search.
func TestAlertsSayWhatToDo(t *testing.T) {
	p := parameters(t)
	runbooks := sections(read(t, root, "docs/runbooks.md"))
	fired := map[string]map[string]string{} // labels with which an alert fired in its test
	for _, f := range testFiles(t) {
		for i := range f.Tests {
			for _, a := range f.Tests[i].Alerts {
				for _, e := range a.Expected {
					fired[a.Name] = e.Labels
				}
			}
		}
	}
	seen := map[string]bool{}
	for _, r := range all(t) {
		if r.Alert == "" {
			continue
		}
		if seen[r.Alert] {
			t.Errorf("%s is there twice", r.Alert)
		}
		seen[r.Alert] = true
		if !slices.Contains([]string{"critical", "warning", "info"}, r.Labels["severity"]) || !slices.Contains([]string{"model", "gpu", "host", "modeltap"}, r.Labels["component"]) {
			t.Errorf("%s: labels %v", r.Alert, r.Labels)
		}
		summary, description := r.Annotations["summary"], r.Annotations["description"]
		if !strings.Contains(summary, "$value") || strings.Contains(summary, "\n") || len(summary) > 160 {
			t.Errorf("%s: one line with the number, please: %q", r.Alert, summary)
		}
		if !strings.Contains(description, "irst ") || !strings.Contains(description, "Second") {
			t.Errorf("%s: what it means, a first and a second thing to do: %q", r.Alert, description)
		}
		for _, m := range labelUsed.FindAllStringSubmatch(strings.Join([]string{summary, description, r.Annotations["dashboard"]}, " "), -1) {
			if _, ok := fired[r.Alert][m[1]]; !ok {
				t.Errorf("%s names the label %s, which it did not have when it fired: %v", r.Alert, m[1], fired[r.Alert])
			}
		}
		if want := p.Get("runbookURL") + "#" + strings.ToLower(r.Alert); r.Annotations["runbook_url"] != want {
			t.Errorf("%s: runbook_url is %q, want %q", r.Alert, r.Annotations["runbook_url"], want)
		}
		body, ok := runbooks[r.Alert]
		if !ok {
			t.Errorf("%s has no section in docs/runbooks.md", r.Alert)
		}
		delete(runbooks, r.Alert)
		for _, want := range []string{"**First**", "**Usual causes**", "**Tune**"} {
			if ok && !strings.Contains(body, want) {
				t.Errorf("docs/runbooks.md: %s: no %s", r.Alert, want)
			}
		}
		dashboard, ok := strings.CutPrefix(r.Annotations["dashboard"], p.Get("grafanaURL")+"/d/")
		uid, _, _ := strings.Cut(dashboard, "?")
		if file := filepath.Join("..", uid+".json"); !ok || !strings.Contains(read(t, file), `"uid": "`+uid+`"`) {
			t.Errorf("%s: no dashboard %s", r.Alert, r.Annotations["dashboard"])
		}
	}
	for name := range runbooks {
		t.Errorf("docs/runbooks.md tells of %s, which is no alert", name)
	}
}

// sections returns what stands below each heading of the third level.
func sections(text string) map[string]string {
	all := map[string]string{}
	for _, s := range strings.Split(text, "\n### ")[1:] {
		head, body, _ := strings.Cut(s, "\n")
		all[strings.TrimSpace(head)] = body
	}
	return all
}

// The page gives the parameters that a runbook tells to change by their names.
func TestRunbooksNameRealParameters(t *testing.T) {
	p := parameters(t)
	for name, body := range sections(read(t, root, "docs/runbooks.md")) {
		_, tune, _ := strings.Cut(body, "**Tune**")
		for _, m := range regexp.MustCompile("`([a-z]+[A-Z]\\w+)`").FindAllStringSubmatch(tune, -1) {
			if p.Get(m[1]) == "" {
				t.Errorf("docs/runbooks.md: %s: there is no parameter %s", name, m[1])
			}
		}
	}
}

var level = regexp.MustCompile(`^(instance(_server)?(_model|_objective)?|job(_model)?(_outcome|_type|_state|_le)?):[a-z0-9_]+:[a-z0-9_]+$`)

// A record's name tells its labels: sums over the fleet have no label of a
// single host, so that their number is that of the models.
func TestRecordsAreNamedByTheirLabels(t *testing.T) {
	p := parameters(t)
	for _, r := range all(t) {
		if r.Record == "" {
			continue
		}
		if !level.MatchString(r.Record) {
			t.Errorf("%s: level:metric:operation, please", r.Record)
		}
		prefix, _, _ := strings.Cut(r.Record, ":")
		want := map[string]bool{}
		for i, part := range strings.Split(prefix, "_") {
			labels := []string{part}
			if i == 0 {
				labels = strings.Split(p.Get(map[string]string{"instance": "targetLabels", "job": "fleetLabels"}[part]), ", ")
			}
			for _, l := range labels {
				want[l] = true
			}
		}
		walk(parse(t, r.Expr), func(e parser.Expr) {
			a, ok := e.(*parser.AggregateExpr)
			if !ok {
				return
			}
			got := slices.DeleteFunc(slices.Clone(a.Grouping), func(l string) bool { return l == "le" && !want["le"] || l == "uuid" })
			if a.Without || (len(got) != len(want) || slices.ContainsFunc(got, func(l string) bool { return !want[l] })) && !(prefix == "job" && a.Op == parser.COUNT) && !strings.Contains(r.Record, "per_output_token") {
				t.Errorf("%s is by %v in %s", r.Record, a.Grouping, a)
			}
		})
	}
}
