// SPDX-License-Identifier: Apache-2.0

package rules

import (
	"context"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/promql/parser"

	"github.com/modeltap/modeltap/exporter"
	"github.com/modeltap/modeltap/gpu"
	"github.com/modeltap/modeltap/observer/event"
	"github.com/modeltap/modeltap/observer/host"
)

var (
	described  = regexp.MustCompile(`fqName: "([^"]+)".*constLabels: \{([^}]*)\}, variableLabels: \{([^}]*)\}`)
	constLabel = regexp.MustCompile(`(\w+)="`)
	word       = regexp.MustCompile(`^[a-z_]+$`)
)

// exposed returns the labels of every metric that modeltap can have, as its own
// collectors describe them.
func exposed(t *testing.T) map[string][]string {
	t.Helper()
	names := map[string][]string{"up": nil}
	add := func(c prometheus.Collector) {
		ch := make(chan *prometheus.Desc)
		go func() { c.Describe(ch); close(ch) }()
		for d := range ch {
			m := described.FindStringSubmatch(d.String())
			if m == nil {
				t.Fatalf("%s", d)
			}
			l := strings.Split(m[3], ",")
			for _, c := range constLabel.FindAllStringSubmatch(m[2], -1) {
				l = append(l, c[1])
			}
			names[m[1]] = l
			for _, suffix := range []string{"_bucket", "_sum", "_count"} {
				names[m[1]+suffix] = append(slices.Clone(l), "le")
			}
		}
	}
	none := func(context.Context) (event.Snapshot, error) { return event.Snapshot{}, nil }
	add(exporter.New(exporter.Options{Registry: prometheus.NewRegistry(), Snapshot: none}))
	add(exporter.Bounded("gpu", exporter.NewGPU(func() gpu.Snapshot { return gpu.Snapshot{} }, true)))
	add(exporter.NewHost(func() host.Snapshot { return host.Snapshot{} }, true))
	// Its exporter would bring a collector's whole client with it.
	const spans = "modeltap_otlp_dropped_spans_total"
	if strings.Contains(read(t, root, "exporter/otlp/otlp.go"), `Name: "`+spans+`"`) {
		names[spans] = []string{"reason"}
	}
	return names
}

// Every metric and label that a rule names exists, and every value of a label
// that a rule asks for is in docs/metrics.md. promtool would take any name.
func TestNamesExist(t *testing.T) {
	names, docs := exposed(t), read(t, root, "docs/metrics.md")
	p := parameters(t)
	of := func(list string) []string { return strings.Split(p.Get(list), ", ") }
	rules := all(t)
	for _, r := range rules { // a record has the labels that its name tells
		if level, _, ok := strings.Cut(r.Record, ":"); ok {
			names[r.Record] = append(strings.Split(level, "_"), of("targetLabels")...)
		}
	}
	if len(names) < 200 {
		t.Fatalf("%d names are exposed: the test looks at too little", len(names))
	}
	used := map[string]bool{}
	for _, r := range rules {
		e := parse(t, r.Expr)
		have := map[string]bool{}
		for _, l := range of("targetLabels") {
			have[l] = true
		}
		for _, s := range selectors(e) {
			if _, ok := names[s.Name]; !ok {
				t.Errorf("%s%s: there is no metric %s", r.Record, r.Alert, s.Name)
			}
			used[s.Name] = true
			for _, l := range names[s.Name] {
				have[l] = true
			}
			for _, m := range s.LabelMatchers {
				if m.Name == labels.MetricName {
					continue
				}
				if !slices.Contains(names[s.Name], m.Name) && !slices.Contains(of("targetLabels"), m.Name) {
					t.Errorf("%s%s: %s has no label %s", r.Record, r.Alert, s.Name, m.Name)
				}
				for _, v := range strings.Split(m.Value, "|") {
					if word.MatchString(v) && v != p.Get("job") && !strings.Contains(docs, "`"+v+"`") {
						t.Errorf("%s%s: no %s is %q in docs/metrics.md", r.Record, r.Alert, m.Name, v)
					}
				}
			}
		}
		walk(e, func(e parser.Expr) {
			var named []string
			switch e := e.(type) {
			case *parser.AggregateExpr:
				named = e.Grouping
			case *parser.BinaryExpr:
				if e.VectorMatching != nil {
					named = append(slices.Clone(e.VectorMatching.MatchingLabels), e.VectorMatching.Include...)
				}
			}
			for _, l := range named {
				if !have[l] {
					t.Errorf("%s%s: no metric in it has the label %s", r.Record, r.Alert, l)
				}
			}
		})
	}
	for _, r := range rules {
		if r.Record != "" && !used[r.Record] && !strings.HasPrefix(r.Record, "job") && !strings.Contains(r.Record, "p95_5m") && !strings.HasPrefix(r.Record, "instance_server:gpu_energy") {
			t.Errorf("%s is used by no alert and is no sum over the fleet", r.Record)
		}
	}
}

// The bound that parts early from late first tokens is one of the histogram's.
func TestObjectiveIsABucket(t *testing.T) {
	bound := parameters(t).Get("ttftObjective")
	if !strings.Contains(read(t, root, "exporter/testdata/metrics.prom"), `model_time_to_first_token_seconds_bucket{api="openai_chat",model="llama",server="vllm:8000",le="`+bound+`"}`) {
		t.Errorf("ttftObjective %s is no bound of model_time_to_first_token_seconds", bound)
	}
}

// Fast burn is only possible while factor and budget stay below 1.
func TestBudgetsCanBurn(t *testing.T) {
	p := parameters(t)
	for _, budget := range []string{"errorBudget", "ttftBudget", "sloBudget"} {
		if b, f := number(parse(t, p.Get(budget))).Val, number(parse(t, p.Get("burnFast"))).Val; b*f >= 1 {
			t.Errorf("%s %v and burnFast %v: no ratio is above %v", budget, b, f, b*f)
		}
	}
}
