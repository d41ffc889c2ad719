// SPDX-License-Identifier: Apache-2.0

package main

import (
	"hash/fnv"

	"github.com/grafana/grafana-foundation-sdk/go/common"
	"github.com/grafana/grafana-foundation-sdk/go/dashboard"
	"github.com/grafana/grafana-foundation-sdk/go/prometheus"
)

// kind is how a panel draws.
type kind int

const (
	kindStat  kind = iota // the value now
	kindLines             // over time
	kindStack             // over time, adding up
	kindBars              // events over time
	kindHeat              // a distribution over time
	kindTable             // values now, by label
)

// panel says what a panel shows.
type panel struct {
	kind        kind
	title, unit string
	about       string // what it means, then what to do
	queries     []query
	w, h        uint32 // of 24 columns, of rows of 30 pixels
	limits      []limit
	top         float64 // of the axis; 0: as the values are
	log         bool    // a logarithmic axis
	explainedBy string  // uid of the dashboard that a click on a series leads to
	columns     []column
	colors      map[string]string // by legend
	dashed      string            // legend of the series that is for comparison
}

// limit is a threshold: from at on, the color.
type limit struct {
	at    float64
	color string
}

func stat(title, unit, about string, qs ...query) panel {
	return panel{kind: kindStat, title: title, unit: unit, about: about, queries: qs, w: 3, h: 4}
}

func lines(title, unit, about string, qs ...query) panel {
	return panel{kind: kindLines, title: title, unit: unit, about: about, queries: qs, w: 8, h: 8}
}

func stack(title, unit, about string, qs ...query) panel {
	return panel{kind: kindStack, title: title, unit: unit, about: about, queries: qs, w: 8, h: 8}
}

func bars(title, unit, about string, qs ...query) panel {
	return panel{kind: kindBars, title: title, unit: unit, about: about, queries: qs, w: 8, h: 8}
}

// heat shows a histogram as it is kept, bucket by bucket.
func heat(title, unit, histogram, about string) panel {
	buckets := q("sum by (le) (increase("+histogram+"_bucket{$S}[$R]))", "{{le}}")
	buckets.exemplars = histogram == firstToken || histogram == duration
	return panel{kind: kindHeat, title: title, unit: unit, about: about, w: 8, h: 8, queries: []query{buckets}}
}

func (p panel) size(w, h uint32) panel { p.w, p.h = w, h; return p }

// over colours values from orange and from red on.
func (p panel) over(orange, red float64) panel {
	p.limits = []limit{{0, "green"}, {orange, "orange"}, {red, "red"}}
	return p
}

// under colours values below green, and below orange.
func (p panel) under(green, orange float64) panel {
	p.limits = []limit{{0, "red"}, {orange, "orange"}, {green, "green"}}
	return p
}

func (p panel) upTo(top float64) panel       { p.top = top; return p }
func (p panel) logarithmic() panel           { p.log = true; return p }
func (p panel) explained(by string) panel    { p.explainedBy = by; return p }
func (p panel) compared(legend string) panel { p.dashed = legend; return p }

func (p panel) colored(byLegend map[string]string) panel { p.colors = byLegend; return p }

// id is the same as long as the title is, so that links to a panel last.
func id(title string) uint32 {
	h := fnv.New32a()
	_, _ = h.Write([]byte(title))
	return h.Sum32()%1_000_000 + 1
}

func ptr[T any](v T) *T { return &v }

// source is the data source that the user chooses.
var source = common.DataSourceRef{Type: ptr("prometheus"), Uid: ptr("${datasource}")}

// build makes the panel Grafana's.
func (p panel) build(at dashboard.GridPos) (dashboard.Panel, error) {
	made, err := p.draw()
	if err != nil {
		return made, err
	}
	made.Id, made.Title, made.GridPos, made.Datasource = ptr(id(p.title)), ptr(p.title), &at, &source
	made.Description = ptr(p.about + "\n\n" + metrics(p.queries))
	for i := range made.FieldConfig.Defaults.Links {
		made.FieldConfig.Defaults.Links[i].Placement = nil // as in board.build
	}
	for i, q := range p.queries {
		made.Targets = append(made.Targets, p.target(q, string(rune('A'+i))))
	}
	return made, nil
}

func (p panel) target(q query, ref string) prometheus.Dataquery {
	t := prometheus.NewDataqueryBuilder().Expr(q.expr).RefId(ref).LegendFormat(q.legend).Datasource(source).
		EditorMode(prometheus.QueryEditorModeCode)
	switch p.kind {
	case kindStat:
		t = t.Instant()
	case kindTable:
		t = t.Instant().Format(prometheus.PromQueryFormatTable)
	case kindHeat:
		t = t.Range().Format(prometheus.PromQueryFormatHeatmap)
	default:
		t = t.Range()
	}
	if q.exemplars {
		t = t.Exemplar(true)
	}
	made, err := t.Build()
	if err != nil {
		panic(err) // the builder has nothing to object to
	}
	return made.(prometheus.Dataquery)
}
