// SPDX-License-Identifier: Apache-2.0

package main

import (
	"fmt"
	"io"
	"slices"
)

// report prints the table of one workload and returns how many bars were
// missed.
func report(out io.Writer, w workload, results map[string][]sample) (missed int) {
	none := results["none"]
	if len(none) == 0 {
		return 0
	}
	fmt.Fprintf(out, "\n### %s: %.0f %s/s unobserved, %.2f µs of processor each, %d rounds\n\n", w.name,
		median(none, func(s sample) float64 { return s.rate }), w.unit,
		median(none, sample.total)/1e3, len(none))
	fmt.Fprintf(out, "| variant | share of throughput kept | bar | processor added, µs | of it server | client | observer | records each | requests counted | lost |\n")
	fmt.Fprintf(out, "|---|--:|--:|--:|--:|--:|--:|--:|--:|--:|\n")
	for _, v := range variants() {
		got := results[v.name]
		if v.name == "none" || len(got) == 0 {
			continue
		}
		added := func(f func(sample) float64) float64 {
			return paired(got, none, func(x, n sample) float64 { return f(x) - f(n) }) / 1e3
		}
		kept := paired(got, none, func(x, n sample) float64 { return x.rate / n.rate })
		lost := 0.0
		for _, s := range got {
			lost += s.lost
		}
		bar, text := w.bar, ""
		if v.ownGroup && w.ownBar > 0 {
			bar = w.ownBar
		}
		if v.observe && len(v.args) == 0 {
			text = fmt.Sprintf("%.2f", bar)
			if kept < bar {
				text, missed = text+" missed", missed+1
			}
			if lost > 0 {
				missed++
			}
		}
		fmt.Fprintf(out, "| %s | %.3f | %s | %+.2f | %+.2f | %+.2f | %+.2f | %s | %.0f |\n", v.name, kept, text, added(sample.total),
			added(func(s sample) float64 { return s.server }), added(func(s sample) float64 { return s.client }),
			added(func(s sample) float64 { return s.observer }), counted(v, got), lost)
	}
	return missed
}

// counted is the two columns that show that all was really observed.
func counted(v variant, got []sample) string {
	if !v.observe {
		return " | "
	}
	return fmt.Sprintf("%.2f | %.4f", median(got, func(s sample) float64 { return s.records }),
		median(got, func(s sample) float64 { return s.counted }))
}

// paired is the median over the rounds of f(x, the unobserved of that round).
func paired(x, none []sample, f func(x, n sample) float64) float64 {
	var d []float64
	for i := range min(len(x), len(none)) {
		d = append(d, f(x[i], none[i]))
	}
	return middle(d)
}

func median(x []sample, f func(sample) float64) float64 {
	var d []float64
	for _, s := range x {
		d = append(d, f(s))
	}
	return middle(d)
}

func middle(d []float64) float64 {
	slices.Sort(d)
	if n := len(d); n%2 == 0 {
		return (d[n/2-1] + d[n/2]) / 2
	}
	return d[len(d)/2]
}
