// SPDX-License-Identifier: Apache-2.0

package check

import (
	"regexp"
	"slices"
	"strings"

	"github.com/prometheus/prometheus/promql/parser"
)

// checkDescriptions: what it means, in sentences, then the metrics it reads.
func checkDescriptions(t reporter, ds []dashboard) {
	read := map[string][]string{}
	about := map[string]string{}
	for _, e := range expressions(t, ds) {
		if e.p.Title == "" {
			continue
		}
		key := e.d.UID + ": " + e.p.Title
		about[key] = e.p.Description
		e.selectors(func(s *parser.VectorSelector, _ []parser.Node) {
			name := s.Name
			for _, part := range []string{"_bucket", "_sum", "_count"} {
				name = strings.TrimSuffix(name, part)
			}
			if name = "`" + name + "`"; !slices.Contains(read[key], name) {
				read[key] = append(read[key], name)
			}
		})
	}
	for key, text := range about {
		prose, names, _ := strings.Cut(text, "\n\n")
		if len(prose) < 25 || !strings.HasSuffix(prose, ".") {
			t.Errorf("%s: %q says too little", key, prose)
		}
		stated := strings.Split(names, ", ")
		slices.Sort(stated)
		slices.Sort(read[key])
		if !slices.Equal(stated, read[key]) {
			t.Errorf("%s: the description names %v, the queries read %v", key, stated, read[key])
		}
	}
}

func checkTargets(t reporter, ds []dashboard) {
	for _, d := range ds {
		for _, p := range d.all() {
			for i, q := range p.Targets {
				where := d.UID + ": " + p.Title + " " + q.RefID
				if q.RefID != string(rune('A'+i)) {
					t.Errorf("%s: query %d has the letter %q", where, i, q.RefID)
				}
				if want := (source{"prometheus", "${datasource}"}); q.Datasource != want {
					t.Errorf("%s: data source %v", where, q.Datasource)
				}
				ok := q.Range && !q.Instant && q.Format == ""
				switch p.Type {
				case "stat":
					ok = q.Instant && !q.Range && q.Format == ""
				case "table":
					ok = q.Instant && !q.Range && q.Format == "table"
				case "heatmap":
					ok = q.Range && !q.Instant && q.Format == "heatmap" && q.LegendFormat == "{{le}}"
				}
				if !ok {
					t.Errorf("%s: a %s that asks instant %v, range %v, format %q", where, p.Type, q.Instant, q.Range, q.Format)
				}
				if (q.LegendFormat == "") != (p.Type == "table") {
					t.Errorf("%s: legend %q", where, q.LegendFormat)
				}
			}
		}
	}
}

var inLegend = regexp.MustCompile(`\{\{(\w+)\}\}`)

// checkLegends: a legend has only labels that its series have, and all that tell
// them apart.
func checkLegends(t reporter, ds []dashboard) {
	known := exposed(t)
	for _, e := range expressions(t, ds) {
		if e.p.Type == "table" {
			continue
		}
		have, exact := labelsOf(e.root, known)
		var shown []string
		for _, m := range inLegend.FindAllStringSubmatch(e.target.LegendFormat, -1) {
			shown = append(shown, m[1])
			if !slices.Contains(have, m[1]) {
				t.Errorf("%s: its series have no label %s, only %v", e.where, m[1], have)
			}
		}
		for _, l := range have {
			if exact && !slices.Contains(shown, l) {
				t.Errorf("%s: series that differ by %s look the same", e.where, l)
			}
		}
	}
}

// labelsOf returns the labels of the result, and whether those are all, which
// is known of aggregations.
func labelsOf(n parser.Node, known map[string]family) ([]string, bool) {
	switch n := n.(type) {
	case *parser.AggregateExpr:
		return n.Grouping, !n.Without
	case *parser.ParenExpr:
		return labelsOf(n.Expr, known)
	case *parser.VectorSelector:
		return append(slices.Clone(known[n.Name].labels), ofTarget...), false
	case *parser.MatrixSelector:
		return labelsOf(n.VectorSelector, known)
	case *parser.Call:
		for _, a := range n.Args {
			if l, exact := labelsOf(a, known); len(l) > 0 || exact {
				l = slices.DeleteFunc(slices.Clone(l), func(s string) bool { return s == "le" && n.Func.Name == "histogram_quantile" })
				return l, exact
			}
		}
	case *parser.BinaryExpr:
		l, exact := labelsOf(n.LHS, known)
		if len(l) == 0 && !exact { // a number
			return labelsOf(n.RHS, known)
		}
		return l, exact
	}
	return nil, false
}

// checkExemplars: lines and distributions of times that requests have lead to
// traces, and nothing else asks for exemplars.
func checkExemplars(t reporter, ds []dashboard) {
	traced := 0
	for _, e := range expressions(t, ds) {
		of := regexp.MustCompile(`model_(request_duration|time_to_first_token)_seconds_bucket`).MatchString(e.target.Expr)
		simple := !strings.Contains(e.target.Expr, " / ") && !strings.Contains(e.target.Expr, "offset") && !strings.Contains(e.target.Expr, `le=~`)
		want := of && simple && (e.p.Type == "timeseries" || e.p.Type == "heatmap") && !e.d.seed()
		if e.target.Exemplar != want {
			t.Errorf("%s: exemplars %v, want %v", e.where, e.target.Exemplar, want)
		}
		if want {
			traced++
		}
	}
	if traced < 8 {
		t.Errorf("%d queries with exemplars", traced)
	}
}

// checkSeed: these six are what other dashboards have, letter by letter.
func checkSeed(t reporter, ds []dashboard) {
	want := []string{
		`rate(model_requests_total[5m])`,
		`histogram_quantile(0.95, rate(model_request_duration_seconds_bucket[5m]))`,
		`avg(model_tokens_per_second)`,
		`gpu_memory_used_mb{device="cuda:0"}`,
		`cpu_usage_percent`,
		`memory_usage_mb`,
	}
	for _, d := range ds {
		if !d.seed() {
			continue
		}
		var got []string
		for _, p := range d.all() {
			for _, q := range p.Targets {
				got = append(got, q.Expr)
			}
		}
		if !slices.Equal(got, want) {
			t.Errorf("asks %q, want %q", got, want)
		}
		return
	}
	t.Error("there is no starter")
}
