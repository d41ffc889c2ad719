// SPDX-License-Identifier: Apache-2.0

package check

import (
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/prometheus/prometheus/promql/parser"
)

// bounds are those of a histogram's buckets in the exporter's golden exposition.
func bounds(t reporter, histogram string) []string {
	t.Helper()
	text, err := os.ReadFile("../../exporter/testdata/metrics.prom")
	if err != nil {
		t.Fatal(err)
	}
	var all []string
	for _, m := range regexp.MustCompile(`(?m)^`+histogram+`_bucket\{.*le="([^"]*)"`).FindAllStringSubmatch(string(text), -1) {
		if !slices.Contains(all, m[1]) {
			all = append(all, m[1])
		}
	}
	return all
}

// spellings are those that Prometheus may keep of a bound: as the text format
// has it, and as OpenMetrics and Prometheus 3 do.
func spellings(bound string) []string {
	if strings.ContainsAny(bound, ".e+") {
		return []string{bound}
	}
	return []string{bound, bound + ".0"}
}

// choices are the values that a variable of fixed choices may have.
func choices(v *variable) []string {
	var all []string
	for c := range strings.SplitSeq(v.Query, ", ") {
		_, value, _ := strings.Cut(c, " : ")
		all = append(all, value)
	}
	return all
}

// checkObjectiveIsABound: each choice of $ttft_slo selects one bucket in either
// spelling, and the one that the menu names.
func checkObjectiveIsABound(t reporter, ds []dashboard) {
	all := bounds(t, "model_time_to_first_token_seconds")
	if len(all) < 10 {
		t.Fatalf("bounds %v", all)
	}
	n := 0
	for _, d := range ds {
		v := d.variable("ttft_slo")
		if v == nil {
			continue
		}
		n++
		standing := false
		for c := range strings.SplitSeq(v.Query, ", ") {
			shown, value, _ := strings.Cut(c, " : ")
			standing = standing || value == v.value()
			if strings.Contains(value, `\`) {
				t.Errorf("%s: %q has a backslash, which Grafana doubles", d.UID, value)
			}
			re := regexp.MustCompile("^(?:" + value + ")$") // as Prometheus anchors it
			var hit []string
			for _, bound := range all {
				for _, s := range spellings(bound) {
					if re.MatchString(s) {
						hit = append(hit, s)
					}
				}
			}
			if len(hit) == 0 || !slices.Equal(hit, spellings(hit[0])) {
				t.Errorf("%s: %q selects the buckets %v", d.UID, value, hit)
				continue
			}
			number, unit, _ := strings.Cut(shown, " ")
			told, err := strconv.ParseFloat(number, 64)
			if unit == "ms" {
				told /= 1000
			}
			if is, err2 := strconv.ParseFloat(hit[0], 64); err != nil || err2 != nil || is != told {
				t.Errorf("%s: the menu says %s and selects %s s", d.UID, shown, hit[0])
			}
		}
		if !standing {
			t.Errorf("%s: %q is none of the choices", d.UID, v.value())
		}
	}
	if n != 2 {
		t.Errorf("%d dashboards have $ttft_slo, want 2", n)
	}
}

// checkFixedBounds: bounds that stand in queries are bounds, and are matched in
// either spelling.
func checkFixedBounds(t reporter, ds []dashboard) {
	n := 0
	for _, e := range expressions(t, ds) {
		e.selectors(func(s *parser.VectorSelector, _ []parser.Node) {
			for _, m := range s.LabelMatchers {
				if m.Name != "le" {
					continue
				}
				n++
				hits := 0
				for _, bound := range bounds(t, strings.TrimSuffix(s.Name, "_bucket")) {
					for _, spelling := range spellings(bound) {
						if m.Matches(spelling) {
							hits++
						} else if m.Matches(bound) {
							t.Errorf("%s: le %s does not match %s", e.where, m.Value, spelling)
						}
					}
				}
				if hits == 0 || hits > 2 {
					t.Errorf("%s: le %s selects %d bounds", e.where, m.Value, hits)
				}
			}
		})
	}
	if n < 3 {
		t.Errorf("%d selections by le", n)
	}
}

// checkComparisonsAreTimes: what the user may compare with can be an offset.
func checkComparisonsAreTimes(t reporter, ds []dashboard) {
	for _, d := range ds {
		v := d.variable("compare")
		if v == nil {
			continue
		}
		for _, c := range choices(v) {
			if _, err := parser.NewParser(parser.Options{}).ParseExpr("up offset " + c); err != nil {
				t.Errorf("%s: %v", d.UID, err)
			}
		}
		if !slices.Contains(choices(v), v.value()) {
			t.Errorf("%s: %q is none of the choices", d.UID, v.value())
		}
		return
	}
	t.Error("no dashboard compares")
}
