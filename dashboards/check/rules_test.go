// SPDX-License-Identifier: Apache-2.0

package check

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
)

// reporter is what a check says what is wrong to.
type reporter interface {
	Helper()
	Error(args ...any)
	Errorf(format string, args ...any)
	Fatal(args ...any)
	Fatalf(format string, args ...any)
}

// checks are the rules that dashboards keep.
var checks = map[string]func(reporter, []dashboard){
	"schema": checkSchema, "dashboards": checkDashboards, "variables": checkVariables, "panels": checkPanels,
	"descriptions": checkDescriptions, "targets": checkTargets, "legends": checkLegends, "overrides": checkOverrides,
	"grid": checkGrid, "exemplars": checkExemplars, "seed": checkSeed, "counters are rated": checkCountersAreRated,
	"quantiles keep buckets": checkQuantilesKeepBuckets, "windows": checkWindows, "denominators": checkDenominators,
	"selection": checkSelection, "names": checkNames, "values": checkValues, "objective is a bound": checkObjectiveIsABound,
	"fixed bounds": checkFixedBounds, "comparisons are times": checkComparisonsAreTimes,
}

func TestRules(t *testing.T) {
	for name, check := range checks {
		t.Run(name, func(t *testing.T) { check(t, dashboards(t)) })
	}
}

// noted is a reporter that keeps what it is told.
type noted struct{ all []string }

var errStop = errors.New("stop")

func (n *noted) Helper()                   {}
func (n *noted) Error(args ...any)         { n.all = append(n.all, fmt.Sprint(args...)) }
func (n *noted) Errorf(f string, a ...any) { n.all = append(n.all, fmt.Sprintf(f, a...)) }
func (n *noted) Fatal(args ...any)         { n.Error(args...); panic(errStop) }
func (n *noted) Fatalf(f string, a ...any) { n.Errorf(f, a...); panic(errStop) }

func findings(check func(reporter, []dashboard), ds []dashboard) []string {
	n := &noted{}
	func() {
		defer func() {
			if r := recover(); r != nil && r != errStop {
				panic(r)
			}
		}()
		check(n, ds)
	}()
	return n.all
}

// TestRulesFind breaks dashboards in one way each: the rule that is there for
// it finds it. Every rule has a case.
func TestRulesFind(t *testing.T) {
	const service, latency, gpu, seed = "modeltap-service.json", "modeltap-latency.json", "modeltap-gpu.json", "modeltap-seed.json"
	tried := map[string]bool{}
	for _, c := range []struct{ rule, file, old, with string }{
		{"schema", service, `"schemaVersion":`, `"schemaVersoin":`},
		{"schema", service, `"legendFormat":`, `"legendFromat":`},
		{"schema", latency, `"displayMode":`, `"displayMood":`},
		{"dashboards", service, `"uid": "modeltap-service"`, `"uid": "modeltap-services"`},
		{"dashboards", service, `"editable": false`, `"editable": true`},
		{"dashboards", service, "Start here.", "See https://example.com"},
		{"dashboards", service, `"keepTime": true`, `"keepTime": false`},
		{"variables", service, `"name": "model"`, `"name": "models"`},
		{"variables", service, `"allowCustomValue": false`, `"allowCustomValue": true`},
		{"variables", service, `"allValue": ".+"`, `"allValue": ".*"`},
		{"variables", gpu, `* $energy_price`, `* 0.15`},
		{"variables", gpu, `* $energy_price`, `* $energy_prise`},
		{"panels", service, `"type": "stat"`, `"type": "gauge"`},
		{"panels", service, `"unit": "reqps"`, `"unit": "rqps"`},
		{"panels", service, `"min": 0`, `"min": 1`},
		{"panels", service, `"uid": "${datasource}"`, `"uid": "prometheus"`},
		{"panels", service, `/d/modeltap-latency?`, `/d/modeltap-latencies?`},
		{"panels", service, `&${server:queryparam}`, `&var-server=${__field.labels.server}`},
		{"panels", service, `"title": "Error ratio"`, `"title": "Requests"`},
		{"descriptions", service, "model_requests_total`\"", "model_requests`\""},
		{"targets", service, `"refId": "A"`, `"refId": "B"`},
		{"targets", service, `"format": "table"`, `"format": "time_series"`},
		{"targets", service, `"instant": true`, `"instant": false`},
		{"legends", service, `{{outcome}}`, `{{code}}`},
		{"legends", service, `{{server}} {{model}}`, `{{server}}`},
		{"overrides", service, `"options": "ok"`, `"options": "okay"`},
		{"overrides", service, `"Value #C": "`, `"Value #X": "`},
		{"overrides", latency, `earlier"`, `$compare ago"`},
		{"grid", service, `"w": 3`, `"w": 4`},
		{"grid", latency, `"x": 16`, `"x": 20`},
		{"exemplars", latency, `"exemplar": true`, `"exemplar": false`},
		{"seed", seed, `avg(model_tokens_per_second)`, `sum(model_tokens_per_second)`},
		{"counters are rated", service, `sum(rate(model_requests_total{job=~\"$job\",instance=~\"$instance\",server=~\"$server\",model=~\"$model\"}[$__rate_interval]))`, `sum(model_requests_total{job=~\"$job\",instance=~\"$instance\",server=~\"$server\",model=~\"$model\"})`},
		{"counters are rated", gpu, `sum(gpu_power_watts{job=~\"$job\",instance=~\"$instance\",gpu=~\"$gpu\"})`, `sum(rate(gpu_power_watts{job=~\"$job\",instance=~\"$instance\",gpu=~\"$gpu\"}[$__rate_interval]))`},
		{"quantiles keep buckets", latency, `sum by (le, server)`, `sum by (server)`},
		{"windows", service, `[$__rate_interval]`, `[5m]`},
		{"denominators", service, `[$__rate_interval])) > 0)`, `[$__rate_interval])))`},
		{"selection", service, `,model=~\"$model\"`, ``},
		{"selection", service, `server=~\"$server\"`, `server=\"$server\"`},
		{"names", service, `model_streams_stalled`, `model_stream_stalled`},
		{"names", service, `sum by (outcome)`, `sum by (result)`},
		{"values", service, `outcome=\"client_abort\"`, `outcome=\"client_aborted\"`},
		{"objective is a bound", service, `2[.]5`, `2[.]6`},
		{"objective is a bound", latency, `5([.]0)?`, `5`},
		{"fixed bounds", latency, `le=~\"1([.]0)?\"`, `le=\"1\"`},
		{"comparisons are times", latency, `a week ago : 1w`, `a week ago : week`},
	} {
		tried[c.rule] = true
		ds := dashboards(t)
		i := slices.IndexFunc(ds, func(d dashboard) bool { return d.file == c.file })
		if !strings.Contains(string(ds[i].raw), c.old) {
			t.Errorf("%s has no %s to break", c.file, c.old)
			continue
		}
		broken, err := parse(c.file, []byte(strings.ReplaceAll(string(ds[i].raw), c.old, c.with)))
		if err != nil {
			t.Errorf("%s: %v", c.with, err)
			continue
		}
		ds[i] = broken
		if len(findings(checks[c.rule], ds)) == 0 {
			t.Errorf("%s: %s for %s in %s was not found", c.rule, c.with, c.old, c.file)
		}
	}
	for rule := range checks {
		if !tried[rule] {
			t.Errorf("nothing shows that the rule about %s finds anything", rule)
		}
	}
}

// TestUnparsable: what is no PromQL is found wherever expressions are read.
func TestUnparsable(t *testing.T) {
	ds := dashboards(t)
	broken, err := parse(ds[0].file, []byte(strings.Replace(string(ds[0].raw), `"expr": "sum(`, `"expr": "sum((`, 1)))
	if err != nil {
		t.Fatal(err)
	}
	ds[0] = broken
	if len(findings(checkNames, ds)) == 0 {
		t.Error("not found")
	}
}
