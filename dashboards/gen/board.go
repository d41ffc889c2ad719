// SPDX-License-Identifier: Apache-2.0

package main

import (
	"github.com/grafana/grafana-foundation-sdk/go/cog"
	"github.com/grafana/grafana-foundation-sdk/go/dashboard"
	"github.com/grafana/grafana-foundation-sdk/go/prometheus"
)

const (
	uidService = "modeltap-service"
	uidLatency = "modeltap-latency"
	uidGPU     = "modeltap-gpu"
	uidSelf    = "modeltap-self"
	uidSeed    = "modeltap-seed"

	tag     = "modeltap"
	columns = 24
)

// board is a dashboard.
type board struct {
	uid, title, about string
	variables         []cog.Builder[dashboard.VariableModel]
	events            []cog.Builder[dashboard.AnnotationQuery]
	rows              []row
}

// row is panels below a heading, or without one at the top.
type row struct {
	title     string
	collapsed bool
	panels    []panel
}

func (b board) build() (dashboard.Dashboard, error) {
	d, err := dashboard.NewDashboardBuilder(b.title).Uid(b.uid).Description(b.about).Tags([]string{tag}).
		Readonly().Refresh("30s").Time("now-1h", "now").Timezone("browser").Tooltip(dashboard.DashboardCursorSyncCrosshair).
		Variables(b.variables).Annotations(b.events).
		Link(dashboard.NewDashboardLinkBuilder("modeltap").Type(dashboard.DashboardLinkTypeDashboards).Tags([]string{tag}).
			IncludeVars(true).KeepTime(true)).
		Build()
	if err != nil {
		return d, err
	}
	// The SDK puts links and annotations into a menu, where nobody sees them.
	for i := range d.Links {
		d.Links[i].Placement = nil
	}
	for i := range d.Annotations.List {
		d.Annotations.List[i].Placement = nil
	}
	y := uint32(0)
	for _, r := range b.rows {
		var inside []dashboard.Panel
		top := y
		if r.title != "" {
			y++
		}
		inside, y, err = r.place(y)
		if err != nil {
			return d, err
		}
		if r.title != "" {
			heading := &dashboard.RowPanel{Type: "row", Title: ptr(r.title), Collapsed: r.collapsed, Panels: []dashboard.Panel{},
				Id: id("row " + r.title), GridPos: &dashboard.GridPos{H: 1, W: columns, Y: top}}
			d.Panels = append(d.Panels, dashboard.PanelOrRowPanel{RowPanel: heading})
			if r.collapsed {
				heading.Panels = inside
				y = top + 1
				continue
			}
		}
		for i := range inside {
			d.Panels = append(d.Panels, dashboard.PanelOrRowPanel{Panel: &inside[i]})
		}
	}
	return d, nil
}

// place puts the panels side by side from y on, and returns where they end.
func (r row) place(y uint32) ([]dashboard.Panel, uint32, error) {
	var all []dashboard.Panel
	x, high := uint32(0), uint32(0)
	for _, p := range r.panels {
		if x+p.w > columns {
			x, y, high = 0, y+high, 0
		}
		made, err := p.build(dashboard.GridPos{X: x, Y: y, W: p.w, H: p.h})
		if err != nil {
			return nil, 0, err
		}
		all = append(all, made)
		x, high = x+p.w, max(high, p.h)
	}
	return all, y + high, nil
}

// events mark on every panel what may explain a change.
func events() []cog.Builder[dashboard.AnnotationQuery] {
	return []cog.Builder[dashboard.AnnotationQuery]{
		event("Alerts", "red", "{{alertname}} {{severity}}", `ALERTS{alertstate="firing",alertname=~"(Model|GPU|Host).*"}`),
		event("Server came or restarted", "blue", "{{server}} pid {{pid}}", short.Replace(`model_server_info{$J} unless model_server_info{$J} offset 2m`)),
		event("modeltap restarted", "purple", "{{instance}}", short.Replace(`changes(process_start_time_seconds{$J}[2m]) > 0`)),
	}
}

func event(name, color, text, expr string) cog.Builder[dashboard.AnnotationQuery] {
	target := prometheus.NewDataqueryBuilder().Expr(expr).RefId("Anno").Range().Datasource(source)
	return dashboard.NewAnnotationQueryBuilder().Name(name).Datasource(source).Enable(true).IconColor(color).
		Expr(expr).TitleFormat(text).Step("60s").Target(target)
}
