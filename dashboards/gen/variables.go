// SPDX-License-Identifier: Apache-2.0

package main

import (
	"strings"

	"github.com/grafana/grafana-foundation-sdk/go/cog"
	"github.com/grafana/grafana-foundation-sdk/go/dashboard"
)

func text(s string) dashboard.StringOrMap { return dashboard.StringOrMap{String: &s} }

func option(text, value string) dashboard.VariableOption {
	return dashboard.VariableOption{Selected: ptr(true),
		Text: dashboard.StringOrArrayOfString{String: &text}, Value: dashboard.StringOrArrayOfString{String: &value}}
}

func all() dashboard.VariableOption {
	return dashboard.VariableOption{Selected: ptr(true),
		Text: dashboard.StringOrArrayOfString{ArrayOfString: []string{"All"}}, Value: dashboard.StringOrArrayOfString{ArrayOfString: []string{"$__all"}}}
}

func datasource() cog.Builder[dashboard.VariableModel] {
	return dashboard.NewDatasourceVariableBuilder("datasource").Label("Data source").Type("prometheus")
}

// label is a choice among the values of a label, several or all.
func label(name, title, query string) cog.Builder[dashboard.VariableModel] {
	query = short.Replace(query)
	return dashboard.NewQueryVariableBuilder(name).Label(title).Query(text(query)).Definition(query).Datasource(source).
		Multi(true).IncludeAll(true).AllValue(".+").Refresh(dashboard.VariableRefreshOnTimeRangeChanged).
		Sort(dashboard.VariableSortAlphabeticalAsc).Current(all())
}

func job() cog.Builder[dashboard.VariableModel] {
	return label("job", "Job", "label_values(modeltap_build_info, job)")
}

func instance() cog.Builder[dashboard.VariableModel] {
	return label("instance", "Host", `label_values(modeltap_build_info{job=~"$job"}, instance)`)
}

func server() cog.Builder[dashboard.VariableModel] {
	return label("server", "Server", "label_values(model_server_info{$J}, server)")
}

func modelName() cog.Builder[dashboard.VariableModel] {
	return label("model", "Model", "label_values(model_requests_total{$V}, model)")
}

func gpu() cog.Builder[dashboard.VariableModel] {
	return label("gpu", "GPU", "label_values(gpu_up{$J}, gpu)")
}

// objective is the time to first token that is still good: bounds of the
// histogram's buckets, as regular expressions that match 1 and 1.0, without a
// backslash, which Grafana would double.
func objective() cog.Builder[dashboard.VariableModel] {
	const standing = "2.5 s : 2[.]5"
	values := []string{"100 ms : 0[.]1", "250 ms : 0[.]25", "500 ms : 0[.]5", "1 s : 1([.]0)?", standing, "5 s : 5([.]0)?", "10 s : 10([.]0)?"}
	shown, value, _ := strings.Cut(standing, " : ")
	return dashboard.NewCustomVariableBuilder("ttft_slo").Label("First token within").
		Description("The time to first token that is still good. Only bounds of the histogram can be counted exactly.").
		Values(text(strings.Join(values, ", "))).Current(option(shown, value)).AllowCustomValue(false)
}

// compare is how far back the dashed lines are.
func compare() cog.Builder[dashboard.VariableModel] {
	return dashboard.NewCustomVariableBuilder("compare").Label("Compare with").
		Description("How long ago the dashed lines are.").
		Values(text("an hour ago : 1h, a day ago : 1d, a week ago : 1w")).Current(option("a day ago", "1d")).AllowCustomValue(false)
}

// amount is a number that the user types.
func amount(name, title, about, standing string) cog.Builder[dashboard.VariableModel] {
	return dashboard.NewTextBoxVariableBuilder(name).Label(title).Description(about).DefaultValue(text(standing)).Current(option(standing, standing))
}
