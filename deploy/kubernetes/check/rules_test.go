// SPDX-License-Identifier: Apache-2.0

package check

import (
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"sigs.k8s.io/yaml"
)

type group struct {
	Name     string           `json:"name"`
	Interval string           `json:"interval"`
	Rules    []map[string]any `json:"rules"`
}

// ruleGroups renders the chart and returns the groups of its PrometheusRules.
func ruleGroups(t *testing.T, set map[string]any) map[string]group {
	t.Helper()
	set["enabled"] = true
	text, err := render(t, map[string]any{"prometheusRule": set})
	if err != nil {
		t.Fatal(err)
	}
	decode(t, text)
	all := map[string]group{}
	for _, doc := range strings.Split("\n"+text, "\n---") {
		var r struct {
			Kind     string `json:"kind"`
			Metadata struct {
				Name   string            `json:"name"`
				Labels map[string]string `json:"labels"`
			} `json:"metadata"`
			Spec struct {
				Groups []group `json:"groups"`
			} `json:"spec"`
		}
		if err := yaml.Unmarshal([]byte(doc), &r); err != nil {
			t.Fatalf("%v\n%s", err, doc)
		}
		if r.Kind != "PrometheusRule" {
			continue
		}
		if r.Metadata.Labels["release"] != "prometheus" || !strings.HasPrefix(r.Metadata.Name, "tap-modeltap-") {
			t.Errorf("%+v", r.Metadata)
		}
		for _, g := range r.Spec.Groups {
			all[g.Name] = g
		}
	}
	return all
}

func chosen(more map[string]any) map[string]any {
	set := map[string]any{"labels": map[string]any{"release": "prometheus"}}
	for k, v := range more {
		set[k] = v
	}
	return set
}

// The chart makes the rules that Prometheus gets elsewhere, to the letter.
func TestChartRules(t *testing.T) {
	got := ruleGroups(t, chosen(nil))
	paths, err := filepath.Glob("../../../dashboards/rules/*.rules.yml")
	if err != nil || len(paths) < 4 {
		t.Fatalf("%v %v", paths, err)
	}
	rules := 0
	for _, path := range paths {
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		var f struct {
			Groups []group `json:"groups"`
		}
		if err := yaml.UnmarshalStrict(text, &f); err != nil {
			t.Fatal(err)
		}
		for _, want := range f.Groups {
			if !reflect.DeepEqual(got[want.Name], want) {
				t.Errorf("%s differs from %s:\n%v\n%v", want.Name, path, got[want.Name], want)
			}
			rules += len(want.Rules)
			delete(got, want.Name)
		}
	}
	if len(got) > 0 || rules < 80 {
		t.Errorf("%d rules, and more in the chart: %v", rules, got)
	}
}

// Parameters and changes to single alerts arrive.
func TestChartRulesChange(t *testing.T) {
	find := func(groups map[string]group, alert string) map[string]any {
		for _, g := range groups {
			for _, r := range g.Rules {
				if r["alert"] == alert {
					return r
				}
			}
		}
		return nil
	}
	got := ruleGroups(t, chosen(map[string]any{
		"parameters": map[string]any{"gpuMemoryRatio": 0.97, "ttftObjective": "5"},
		"alerts": map[string]any{
			"ModelOutputTruncated": map[string]any{"enabled": false},
			"GPUTooHot":            map[string]any{"for": "20m", "severity": "critical"},
		},
	}))
	if r := find(got, "ModelOutputTruncated"); r != nil {
		t.Errorf("it is there: %v", r)
	}
	if r := find(got, "GPUTooHot"); r["for"] != "20m" || !reflect.DeepEqual(r["labels"], map[string]any{"severity": "critical", "component": "gpu"}) {
		t.Errorf("not changed: %v", r)
	}
	if r := find(got, "GPUMemoryAlmostFull"); r["for"] != "5m" || strings.Count(r["expr"].(string), "> 0.97") != 2 {
		t.Errorf("not changed: %v", r)
	}
	if r := find(got, "ModelTTFTBudgetBurnFast"); !strings.Contains(r["annotations"].(map[string]any)["summary"].(string), "after 5 s") {
		t.Errorf("not changed: %v", r)
	}
}
