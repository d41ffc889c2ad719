// SPDX-License-Identifier: Apache-2.0

package check

import (
	"regexp"
	"slices"
	"strings"

	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/promql/parser"
)

var variables = regexp.MustCompile(`\$\{?[a-zA-Z_][a-zA-Z0-9_]*\}?`)

// expression is one of a dashboard, where it stands, parsed.
type expression struct {
	d      dashboard
	p      panel // or none, of an annotation
	target target
	where  string
	root   parser.Expr
}

// expressions parses everything that is asked of Prometheus, annotations too.
func expressions(t reporter, ds []dashboard) []expression {
	t.Helper()
	var all []expression
	for _, d := range ds {
		add := func(p panel, target target, where string) {
			root, err := parser.NewParser(parser.Options{}).ParseExpr(d.substitute(target.Expr, nil))
			if err != nil {
				t.Errorf("%s: %v\n%s", where, err, target.Expr)
				return
			}
			all = append(all, expression{d, p, target, where, root})
		}
		for _, p := range d.all() {
			for _, target := range p.Targets {
				add(p, target, d.UID+": "+p.Title+" "+target.RefID)
			}
		}
		for _, a := range d.Annotations.List {
			if a.Expr != a.Target.Expr {
				t.Errorf("%s: annotation %s asks two things", d.UID, a.Name)
			}
			add(panel{}, a.Target, d.UID+": annotation "+a.Name)
		}
	}
	return all
}

// visit calls f with every node and the nodes around it, the nearest first.
func (e expression) visit(f func(n parser.Node, around []parser.Node)) {
	parser.Inspect(e.root, func(n parser.Node, path []parser.Node) error {
		if n != nil {
			around := slices.Clone(path)
			slices.Reverse(around)
			f(n, around)
		}
		return nil
	})
}

// selectors calls f with every selection of series and what is around it.
func (e expression) selectors(f func(s *parser.VectorSelector, around []parser.Node)) {
	e.visit(func(n parser.Node, around []parser.Node) {
		if s, ok := n.(*parser.VectorSelector); ok {
			f(s, around)
		}
	})
}

func call(n parser.Node) string {
	if c, ok := n.(*parser.Call); ok {
		return c.Func.Name
	}
	return ""
}

// rated says whether a selection is taken as a change over time.
func rated(around []parser.Node) string {
	for _, n := range around {
		switch name := call(n); name {
		case "rate", "increase":
			return name
		case "":
		default:
			return ""
		}
	}
	return ""
}

func checkCountersAreRated(t reporter, ds []dashboard) {
	known := exposed(t)
	for _, e := range expressions(t, ds) {
		e.selectors(func(s *parser.VectorSelector, around []parser.Node) {
			f, ok := known[s.Name]
			if !ok {
				return // checkNames says so
			}
			switch r := rated(around); {
			case f.monotone && r == "":
				t.Errorf("%s: %s is a counter and stands without rate or increase", e.where, s.Name)
			case !f.monotone && r != "":
				t.Errorf("%s: %s of %s, which is no counter", e.where, r, s.Name)
			}
		})
	}
}

func checkQuantilesKeepBuckets(t reporter, ds []dashboard) {
	found := 0
	for _, e := range expressions(t, ds) {
		e.visit(func(n parser.Node, _ []parser.Node) {
			if call(n) != "histogram_quantile" {
				return
			}
			found++
			of := n.(*parser.Call).Args[1]
			if sum, ok := of.(*parser.AggregateExpr); ok {
				if sum.Op != parser.SUM || sum.Without || !slices.Contains(sum.Grouping, "le") {
					t.Errorf("%s: %s does not keep le", e.where, sum)
				}
				of = sum.Expr
			} else if !e.d.seed() {
				t.Errorf("%s: a quantile of single series", e.where)
			}
			if call(of) != "rate" || !strings.Contains(of.String(), "_bucket") {
				t.Errorf("%s: a quantile of %s, not of a rate of buckets", e.where, of)
			}
		})
	}
	if found < 20 {
		t.Errorf("only %d quantiles found", found)
	}
}

// checkWindows: ranges follow Grafana's idea of the scrape interval, so that no
// zoom empties a panel.
func checkWindows(t reporter, ds []dashboard) {
	fixed := map[string]string{
		"modeltap-gpu: Memory errors, uncorrected A":      "[1h]",
		"modeltap-service: annotation modeltap restarted": "[2m]",
		"modeltap-latency: annotation modeltap restarted": "[2m]",
		"modeltap-gpu: annotation modeltap restarted":     "[2m]",
		"modeltap-self: annotation modeltap restarted":    "[2m]",
		"modeltap-seed: Requests per second A":            "[5m]",
		"modeltap-seed: P95 request duration A":           "[5m]",
	}
	ranges := regexp.MustCompile(`\[[^\]]*\]`)
	for _, e := range expressions(t, ds) {
		outsideStrings := regexp.MustCompile(`"[^"]*"`).ReplaceAllString(e.target.Expr, `""`)
		for _, r := range ranges.FindAllString(outsideStrings, -1) {
			if r != "[$__rate_interval]" && r != "[$__range]" && r != fixed[e.where] {
				t.Errorf("%s: the range %s is not $__rate_interval", e.where, r)
			}
			if r == "[$__range]" && !e.target.Instant {
				t.Errorf("%s: a line of [$__range]", e.where)
			}
		}
	}
}

// checkDenominators: what may be 0 is taken out before something is divided by
// it, so that silence is a gap and not NaN or infinity.
func checkDenominators(t reporter, ds []dashboard) {
	for _, e := range expressions(t, ds) {
		e.visit(func(n parser.Node, _ []parser.Node) {
			b, ok := n.(*parser.BinaryExpr)
			if !ok || b.Op != parser.DIV || !strings.Contains(b.RHS.String(), "rate(") && !strings.Contains(b.RHS.String(), "increase(") {
				return
			}
			by := b.RHS.String()
			if strings.HasPrefix(by, "histogram_quantile") || strings.Contains(by, "host_cpu_seconds_total") {
				return // NaN without traffic, which is drawn as a gap; never 0
			}
			if p, ok := b.RHS.(*parser.ParenExpr); ok {
				if c, ok := p.Expr.(*parser.BinaryExpr); ok && c.Op == parser.GTR {
					return
				}
			}
			t.Errorf("%s: divided by %s, which may be 0", e.where, by)
		})
	}
}

// checkSelection: whatever can be chosen at the top counts in every query whose
// series have that label, and only as a regular expression.
func checkSelection(t reporter, ds []dashboard) {
	known := exposed(t)
	for _, e := range expressions(t, ds) {
		if e.d.seed() || strings.Contains(e.where, "annotation") {
			continue
		}
		e.selectors(func(s *parser.VectorSelector, _ []parser.Node) {
			for _, name := range []string{"job", "instance"} {
				if !has(s, name) {
					t.Errorf("%s: %s is not restricted to the chosen %s", e.where, s.Name, name)
				}
			}
			if e.d.UID == "modeltap-gpu" || e.d.UID == "modeltap-self" {
				return // of hosts, not of servers
			}
			for _, name := range []string{"server", "model"} {
				if f, ok := known[s.Name]; ok && slices.Contains(f.labels, name) && !has(s, name) {
					t.Errorf("%s: %s is not restricted to the chosen %s", e.where, s.Name, name)
				}
			}
		})
	}
	equal := regexp.MustCompile(`(?:[^~!]|^)=~?"\$(\w+)"|!~?="\$`)
	for _, e := range expressions(t, ds) {
		for _, m := range equal.FindAllString(e.target.Expr, -1) {
			if !strings.Contains(m, "=~") {
				t.Errorf("%s: %s cannot take several values", e.where, m)
			}
		}
	}
}

func has(s *parser.VectorSelector, label string) bool {
	return slices.ContainsFunc(s.LabelMatchers, func(m *labels.Matcher) bool { return m.Name == label })
}
