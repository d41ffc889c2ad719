// SPDX-License-Identifier: Apache-2.0

package check

import (
	"regexp"
	"slices"
	"strings"
)

// units are those of Grafana that the dashboards use, and count:, its way to
// make one.
var units = []string{"short", "s", "reqps", "percentunit", "percent", "bytes", "mbytes", "Bps", "pps", "watt", "watth", "kwatth", "celsius", "h", "currencyUSD", "count:tok/s"}

func checkDashboards(t reporter, ds []dashboard) {
	for _, d := range ds {
		if d.UID+".json" != d.file || !strings.HasPrefix(d.UID, "modeltap-") {
			t.Errorf("%s has the uid %s: links to it would break", d.file, d.UID)
		}
		if d.Title == "" || len(d.Description) < 40 || !slices.Equal(d.Tags, []string{"modeltap"}) {
			t.Errorf("%s: title %q, description %q, tags %v", d.UID, d.Title, d.Description, d.Tags)
		}
		if d.ID != nil || d.Editable || d.Refresh != "30s" || d.Time.From != "now-1h" || d.Time.To != "now" || d.GraphTooltip != 1 {
			t.Errorf("%s: id %v, editable %v, refresh %s, %s to %s, crosshair %d", d.UID, d.ID, d.Editable, d.Refresh, d.Time.From, d.Time.To, d.GraphTooltip)
		}
		// Grafana 10 to 13 read it; 13 turns it into its second schema itself.
		if d.SchemaVersion < 36 || d.SchemaVersion > 42 {
			t.Errorf("%s: schema version %d", d.UID, d.SchemaVersion)
		}
		for _, no := range []string{`"__inputs"`, `"__requires"`, "http://", "https://", "<<<<<<<", ">>>>>>>", "inControlsMenu"} {
			if strings.Contains(string(d.raw), no) {
				t.Errorf("%s holds %s", d.UID, no)
			}
		}
		if len(d.Links) != 1 || d.Links[0].Type != "dashboards" || !slices.Equal(d.Links[0].Tags, d.Tags) || !d.Links[0].IncludeVars || !d.Links[0].KeepTime {
			t.Errorf("%s: links %+v do not lead to the others with time and variables", d.UID, d.Links)
		}
	}
}

func checkVariables(t reporter, ds []dashboard) {
	for _, d := range ds {
		vars := d.Templating.List
		if len(vars) == 0 || vars[0].Name != "datasource" || vars[0].Type != "datasource" || vars[0].Query != "prometheus" {
			t.Fatalf("%s: the first variable is not the data source: %+v", d.UID, vars)
		}
		if d.seed() && len(vars) > 1 {
			t.Errorf("%s: its queries have no variables", d.UID)
		}
		// The annotations and the queries of other variables count too.
		text := string(d.raw[:strings.Index(string(d.raw), `"templating"`)]) + string(d.raw[strings.Index(string(d.raw), `"annotations"`):])
		for _, v := range vars {
			text += v.Query
		}
		for _, v := range vars {
			if !strings.Contains(text, "$"+v.Name) && !strings.Contains(text, "${"+v.Name) {
				t.Errorf("%s: nothing uses $%s", d.UID, v.Name)
			}
			if v.Type == "custom" && v.AllowCustomValue {
				t.Errorf("%s: $%s may be what no bucket has", d.UID, v.Name)
			}
			if v.Multi != v.IncludeAll || v.Multi && v.AllValue != ".+" || v.Type == "query" && !v.Multi {
				t.Errorf("%s: $%s cannot be all or several: %+v", d.UID, v.Name, v)
			}
		}
		for _, found := range variables.FindAllString(string(d.raw), -1) {
			name := strings.Trim(found, "${}")
			if d.variable(name) == nil && !strings.HasPrefix(name, "__") {
				t.Errorf("%s: %s is no variable", d.UID, found)
			}
		}
	}
}

var ofSeries = regexp.MustCompile(`__field\.labels\.(\w+)`)

func checkPanels(t reporter, ds []dashboard) {
	for _, d := range ds {
		titles, ids := map[string]bool{}, map[int]bool{}
		for _, p := range append(d.all(), d.Panels...) {
			if p.Type == "row" && (p.ID == 0 || ids[p.ID] || p.Title == "") {
				t.Errorf("%s: row %q has the id %d twice, or none", d.UID, p.Title, p.ID)
			}
			if p.Type == "row" {
				ids[p.ID] = true
			}
		}
		for _, p := range d.all() {
			where := d.UID + ": " + p.Title
			if p.Title == "" || titles[p.Title] || p.ID == 0 || ids[p.ID] {
				t.Errorf("%s: title or id %d is there twice, or not at all", where, p.ID)
			}
			titles[p.Title], ids[p.ID] = true, true
			if !slices.Contains([]string{"heatmap", "stat", "table", "timeseries"}, p.Type) {
				t.Errorf("%s: checkSchema does not know panels of the type %s", where, p.Type)
			}
			if !slices.Contains(units, p.FieldConfig.Defaults.Unit) {
				t.Errorf("%s: unknown unit %q", where, p.FieldConfig.Defaults.Unit)
			}
			if m := p.FieldConfig.Defaults.Min; m == nil || *m != 0 {
				t.Errorf("%s: the axis does not begin at 0", where)
			}
			if p.Type != "heatmap" && p.FieldConfig.Defaults.NoValue == "" {
				t.Errorf("%s: does not say what no value is", where)
			}
			if len(p.Targets) == 0 {
				t.Errorf("%s: asks nothing", where)
			}
			steps := p.FieldConfig.Defaults.Thresholds.Steps
			for i, s := range steps {
				if (s.Value == nil) != (i == 0) || i > 1 && *s.Value < *steps[i-1].Value {
					t.Errorf("%s: threshold %d is out of order", where, i)
				}
			}
			if want := (source{"prometheus", "${datasource}"}); p.Datasource != want {
				t.Errorf("%s: data source %v", where, p.Datasource)
			}
			for _, l := range p.FieldConfig.Defaults.Links {
				for _, m := range ofSeries.FindAllStringSubmatch(l.URL, -1) {
					for _, q := range p.Targets {
						if !strings.Contains(q.LegendFormat, "{{"+m[1]+"}}") {
							t.Errorf("%s: the link %s takes %s from series that have none", where, l.URL, m[1])
						}
					}
				}
				uid := strings.TrimPrefix(strings.SplitN(l.URL, "?", 2)[0], "/d/")
				if !slices.ContainsFunc(ds, func(d dashboard) bool { return d.UID == uid }) ||
					!strings.Contains(l.URL, "${__url_time_range}") || !strings.Contains(l.URL, "${datasource:queryparam}") {
					t.Errorf("%s: the link %s leads nowhere, or loses time or data source", where, l.URL)
				}
			}
		}
	}
}

// checkOverrides: what is said of a series or a column by its name has one.
func checkOverrides(t reporter, ds []dashboard) {
	for _, d := range ds {
		for _, p := range d.all() {
			var names []string
			for _, q := range p.Targets {
				names = append(names, q.LegendFormat)
			}
			for _, f := range p.Transformations {
				for from, to := range f.Options.RenameByName {
					names = append(names, to)
					n, isValue := strings.CutPrefix(from, "Value #")
					if isValue && (len(p.Targets) < 2 || !slices.ContainsFunc(p.Targets, func(q target) bool { return q.RefID == n })) || from == "Value" && len(p.Targets) > 1 {
						t.Errorf("%s: %s: no query gives the column %s", d.UID, p.Title, from)
					}
				}
			}
			if (len(p.Targets) > 1 && p.Type == "table") != slices.ContainsFunc(p.Transformations, func(f struct {
				ID      string
				Options struct {
					ExcludeByName map[string]bool
					RenameByName  map[string]string
				}
			}) bool {
				return f.ID == "merge"
			}) {
				t.Errorf("%s: %s: a table of %d queries, merged or not", d.UID, p.Title, len(p.Targets))
			}
			known := func(name string) bool {
				return slices.Contains(names, name) || slices.ContainsFunc(p.Targets, func(q target) bool {
					return inLegend.ReplaceAllString(q.LegendFormat, "") == "" && strings.Contains(valuesOf[strings.Trim(q.LegendFormat, "{}")], " "+name+" ")
				})
			}
			for _, o := range p.FieldConfig.Overrides {
				// Grafana puts values for variables into legends, and not here.
				if strings.Contains(o.Matcher.Options, "$") {
					t.Errorf("%s: %s: %s never matches", d.UID, p.Title, o.Matcher.Options)
				}
				if o.Matcher.ID != "byName" || !known(o.Matcher.Options) || len(o.Properties) == 0 {
					t.Errorf("%s: %s: nothing is called %s", d.UID, p.Title, o.Matcher.Options)
				}
			}
		}
	}
}

// valuesOf are the values of labels that have colours of their own.
var valuesOf = map[string]string{
	"outcome": " ok http_error stream_error server_abort client_abort incomplete ",
	"state":   " receiving waiting streaming ",
}

func checkGrid(t reporter, ds []dashboard) {
	for _, d := range ds {
		bottom := 0
		check := func(panels []panel) {
			taken := map[[2]int]string{}
			for _, p := range panels {
				g := p.GridPos
				if g.W < 3 || g.H < 1 || g.X < 0 || g.X+g.W > 24 {
					t.Errorf("%s: %s is at %+v", d.UID, p.Title, g)
				}
				for x := g.X; x < g.X+g.W; x++ {
					for y := g.Y; y < g.Y+g.H; y++ {
						if by := taken[[2]int{x, y}]; by != "" {
							t.Fatalf("%s: %s lies on %s", d.UID, p.Title, by)
						}
						taken[[2]int{x, y}] = p.Title
					}
				}
				bottom = max(bottom, g.Y+g.H)
			}
		}
		check(d.Panels)
		for _, p := range d.Panels {
			if p.Type == "row" && p.Collapsed != (len(p.Panels) > 0) {
				t.Errorf("%s: row %s is collapsed %v and holds %d panels", d.UID, p.Title, p.Collapsed, len(p.Panels))
			}
			check(p.Panels)
		}
	}
}
