// SPDX-License-Identifier: Apache-2.0

package main

import (
	"slices"
	"strconv"
	"strings"

	"github.com/grafana/grafana-foundation-sdk/go/cog"
	"github.com/grafana/grafana-foundation-sdk/go/common"
	"github.com/grafana/grafana-foundation-sdk/go/dashboard"
	"github.com/grafana/grafana-foundation-sdk/go/heatmap"
	stats "github.com/grafana/grafana-foundation-sdk/go/stat"
	"github.com/grafana/grafana-foundation-sdk/go/table"
	"github.com/grafana/grafana-foundation-sdk/go/timeseries"
)

// nothing is what a panel says where there is no value, which is not 0.
func (p panel) nothing() string {
	for _, q := range p.queries {
		if strings.Contains(q.expr, "model_request") || strings.Contains(q.expr, "model_time") || strings.Contains(q.expr, "model_inter") || strings.Contains(q.expr, "model_tokens") {
			return "no traffic"
		}
	}
	return "no data"
}

// draw makes everything of a panel but its place and its queries.
func (p panel) draw() (dashboard.Panel, error) {
	switch p.kind {
	case kindStat:
		return p.drawStat()
	case kindHeat:
		return p.drawHeat()
	case kindTable:
		return p.drawTable()
	default:
		return p.drawLines()
	}
}

func (p panel) drawStat() (dashboard.Panel, error) {
	b := stats.NewPanelBuilder().Unit(p.unit).Min(0).NoValue(p.nothing()).
		Mappings([]dashboard.ValueMapping{notANumber(p.nothing())}).
		GraphMode(common.BigValueGraphModeNone).
		ReduceOptions(common.NewReduceDataOptionsBuilder().Calcs([]string{"lastNotNull"})).
		ColorScheme(dashboard.NewFieldColorBuilder().Mode(dashboard.FieldColorModeIdThresholds)).
		Thresholds(p.thresholds("text"))
	if len(p.limits) == 0 {
		b = b.ColorMode(common.BigValueColorModeNone)
	}
	if p.explainedBy != "" {
		b = b.DataLinks(p.links())
	}
	return b.Build()
}

func (p panel) drawLines() (dashboard.Panel, error) {
	b := timeseries.NewPanelBuilder().Unit(p.unit).Min(0).NoValue(p.nothing()).
		ColorScheme(dashboard.NewFieldColorBuilder().Mode(dashboard.FieldColorModeIdPaletteClassicByName)).
		Thresholds(p.thresholds("green")).
		Legend(common.NewVizLegendOptionsBuilder().DisplayMode(common.LegendDisplayModeTable).Placement(common.LegendPlacementBottom).
			ShowLegend(true).Calcs([]string{"lastNotNull", "max"})).
		Tooltip(common.NewVizTooltipOptionsBuilder().Mode(common.TooltipDisplayModeMulti).Sort(common.SortOrderDescending)).
		LineWidth(1).FillOpacity(0).ShowPoints(common.VisibilityModeAuto)
	switch p.kind {
	case kindStack:
		b = b.FillOpacity(40).Stacking(common.NewStackingConfigBuilder().Mode(common.StackingModeNormal).Group("A"))
	case kindBars:
		b = b.DrawStyle(common.GraphDrawStyleBars).FillOpacity(80)
	}
	if p.top > 0 {
		b = b.Max(p.top)
	}
	if p.log {
		b = b.ScaleDistribution(common.NewScaleDistributionConfigBuilder().Type(common.ScaleDistributionLog).Log(10))
	}
	if len(p.limits) > 0 {
		b = b.ThresholdsStyle(common.NewGraphThresholdsStyleConfigBuilder().Mode(common.GraphThresholdsStyleModeDashed))
	}
	if p.dashed != "" {
		b = b.OverrideByName(p.dashed, []dashboard.DynamicConfigValue{{Id: "custom.lineStyle", Value: map[string]any{"fill": "dash", "dash": []int{10, 10}}}})
	}
	for _, name := range sorted(p.colors) {
		b = b.OverrideByName(name, []dashboard.DynamicConfigValue{{Id: "color", Value: map[string]string{"mode": "fixed", "fixedColor": p.colors[name]}}})
	}
	if p.explainedBy != "" {
		b = b.DataLinks(p.links())
	}
	return b.Build()
}

func (p panel) drawHeat() (dashboard.Panel, error) {
	return heatmap.NewPanelBuilder().Interval("1m").MaxDataPoints(60).
		Calculate(false).CellGap(1).ShowLegend().
		Color(heatmap.NewHeatmapColorOptionsBuilder().Mode(heatmap.HeatmapColorModeScheme).Scheme("Turbo").Fill("dark-orange").Scale(heatmap.HeatmapColorScaleExponential).Exponent(0.5).Steps(64)).
		YAxis(heatmap.NewYAxisConfigBuilder().Unit(p.unit).AxisPlacement(common.AxisPlacementLeft)).
		Tooltip(heatmap.NewHeatmapTooltipBuilder().Mode(common.TooltipDisplayModeSingle).YHistogram(true)).
		Unit("short").Min(0).Build()
}

// column is one of a table: the label or the query it comes from.
type column struct {
	from, title string // a label, or "Value #A"
	unit        string
	limits      []limit
	hide        bool
}

func (p panel) drawTable() (dashboard.Panel, error) {
	b := table.NewPanelBuilder().NoValue("–").Filterable(true).ShowHeader(true).CellHeight(common.TableCellHeightSm).
		Footer(common.NewTableFooterOptionsBuilder().Show(false).Reducer([]string{})).Min(0).Unit(p.unit).
		Thresholds(p.thresholds("text"))
	if len(p.queries) > 1 {
		b = b.WithTransformation(dashboard.DataTransformerConfig{Id: "merge", Options: map[string]any{}})
	}
	exclude, index, rename := map[string]bool{"Time": true}, map[string]int{}, map[string]string{}
	for i, c := range p.columns {
		if c.hide {
			exclude[c.from] = true
			continue
		}
		index[c.from] = i
		rename[c.from] = c.title
		if c.unit == "" {
			continue
		}
		set := []dashboard.DynamicConfigValue{{Id: "unit", Value: c.unit}}
		if len(c.limits) > 0 {
			limited, err := panel{limits: c.limits}.thresholds("text").Build()
			if err != nil {
				return dashboard.Panel{}, err
			}
			set = append(set, dashboard.DynamicConfigValue{Id: "thresholds", Value: limited},
				dashboard.DynamicConfigValue{Id: "custom.cellOptions", Value: map[string]string{"type": "color-text"}})
		}
		b = b.OverrideByName(c.title, set)
	}
	b = b.WithTransformation(dashboard.DataTransformerConfig{Id: "organize", Options: map[string]any{
		"excludeByName": exclude, "indexByName": index, "renameByName": rename}})
	return b.Build()
}

// thresholds returns the panel's, or one colour where it has none.
func (p panel) thresholds(base string) cog.Builder[dashboard.ThresholdsConfig] {
	steps := []dashboard.Threshold{{Color: base}}
	for i, l := range p.limits {
		if i == 0 {
			steps[0].Color = l.color // the first has no lower end
			continue
		}
		steps = append(steps, dashboard.Threshold{Value: ptr(l.at), Color: l.color})
	}
	return dashboard.NewThresholdsConfigBuilder().Mode(dashboard.ThresholdsModeAbsolute).Steps(steps)
}

func notANumber(text string) dashboard.ValueMapping {
	return dashboard.ValueMapping{SpecialValueMap: &dashboard.SpecialValueMap{
		Type: dashboard.MappingTypeSpecialValue,
		Options: dashboard.DashboardSpecialValueMapOptions{
			Match:  dashboard.SpecialValueMatchNullAndNan,
			Result: dashboard.ValueMappingResult{Text: &text, Color: ptr("text"), Index: ptr(int32(0))},
		},
	}}
}

// links lead from a series to the dashboard that explains it, for the labels
// that the series has and what is chosen of the others.
func (p panel) links() []cog.Builder[dashboard.DashboardLink] {
	to := "/d/" + p.explainedBy + "?${datasource:queryparam}&${__url_time_range}"
	for _, name := range []string{"job", "instance", "server", "model"} {
		if strings.Contains(p.queries[0].legend, "{{"+name+"}}") {
			to += "&var-" + name + "=${__field.labels." + name + "}"
		} else {
			to += "&${" + name + ":queryparam}"
		}
	}
	return []cog.Builder[dashboard.DashboardLink]{dashboard.NewDashboardLinkBuilder("Explain").Url(to)}
}

func sorted(m map[string]string) []string {
	var all []string
	for k := range m {
		all = append(all, k)
	}
	slices.Sort(all)
	return all
}

// letter names the value of the n-th query in a table.
func letter(n int) string { return "Value #" + strconv.QuoteRune(rune('A' + n))[1:2] }
