// SPDX-License-Identifier: Apache-2.0

package main

import (
	"strings"
	"testing"
)

// TestReport pairs each variant with the unobserved run of its own round: a
// slow round for all changes nothing, and a missed bar and lost records count.
func TestReport(t *testing.T) {
	results := map[string][]sample{
		"none":                {{rate: 100, server: 1000}, {rate: 50, server: 2000}, {rate: 200, server: 500}},
		"modeltap":            {{rate: 90, server: 1500, counted: 1, records: 2}, {rate: 45, server: 2500, counted: 1, records: 2}, {rate: 180, server: 1000, counted: 1}},
		"modeltap-own-cgroup": {{rate: 80, observer: 1}, {rate: 40, observer: 1, lost: 3}, {rate: 160, observer: 1}},
	}
	var out strings.Builder
	missed := report(&out, workload{name: "w", unit: "chunks", bar: 0.88, ownBar: 0.86}, results)
	if missed != 2 {
		t.Errorf("%d missed, want the bar of the own cgroup and its lost records", missed)
	}
	for _, row := range []string{
		"### w: 100 chunks/s unobserved, 1.00 µs of processor each, 3 rounds",
		"| modeltap | 0.900 | 0.88 | +0.50 | +0.50 | +0.00 | +0.00 | 2.00 | 1.0000 | 0 |",
		"| modeltap-own-cgroup | 0.800 | 0.86 missed |",
		"| 3 |",
	} {
		if !strings.Contains(out.String(), row) {
			t.Errorf("no %q in\n%s", row, out.String())
		}
	}
}
