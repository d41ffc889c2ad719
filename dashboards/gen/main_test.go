// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"os"
	"path/filepath"
	"slices"
	"testing"
)

// TestCommitted holds the committed files against what this program writes:
// all of it, and nothing beside it.
func TestCommitted(t *testing.T) {
	files, err := render()
	if err != nil {
		t.Fatal(err)
	}
	if len(files) != len(boards()) {
		t.Errorf("%d files of %d dashboards", len(files), len(boards()))
	}
	for _, place := range places {
		dir := filepath.Join("../..", place)
		for name, text := range files {
			committed, err := os.ReadFile(filepath.Join(dir, name))
			if err != nil || !bytes.Equal(committed, text) {
				t.Errorf("%s/%s is not what its source says (%v): run make dashboards and commit", place, name, err)
			}
		}
		there, err := filepath.Glob(filepath.Join(dir, "*.json"))
		if err != nil {
			t.Fatal(err)
		}
		for _, path := range there {
			if _, ok := files[filepath.Base(path)]; !ok {
				t.Errorf("%s has no source: remove it", path)
			}
		}
	}
}

// TestRenderIsStable: a second run writes the same bytes.
func TestRenderIsStable(t *testing.T) {
	first, err := render()
	if err != nil {
		t.Fatal(err)
	}
	for range 5 {
		again, err := render()
		if err != nil {
			t.Fatal(err)
		}
		for name := range first {
			if !bytes.Equal(first[name], again[name]) {
				t.Errorf("%s differs from run to run", name)
			}
		}
	}
}

// TestPlace: panels flow from left to right and from line to line.
func TestPlace(t *testing.T) {
	r := row{panels: []panel{stat("a", "s", "a"), lines("b", "s", "b").size(22, 6), lines("c", "s", "c")}}
	made, end, err := r.place(3)
	if err != nil {
		t.Fatal(err)
	}
	var got [][4]uint32
	for _, p := range made {
		got = append(got, [4]uint32{p.GridPos.X, p.GridPos.Y, p.GridPos.W, p.GridPos.H})
	}
	want := [][4]uint32{{0, 3, 3, 4}, {0, 7, 22, 6}, {0, 13, 8, 8}}
	if !slices.Equal(got, want) || end != 21 {
		t.Errorf("placed at %v up to %d, want %v up to 21", got, end, want)
	}
}

// TestMetrics: descriptions name what is read, as docs/metrics.md calls it.
func TestMetrics(t *testing.T) {
	for expr, want := range map[string]string{
		`histogram_quantile(0.95, sum by (le, a) (rate(x_seconds_bucket{$S}[$R])))`: "`x_seconds`",
		`cpu_usage_percent`: "`cpu_usage_percent`",
		`avg(b_c)`:          "`b_c`",
		`sum(rate(b_total{$J,c=~"d|e"}[5m])) / (sum(up{$J}) > 0)`: "`b_total`, `up`",
	} {
		if got := metrics([]query{q(expr, "")}); got != want {
			t.Errorf("%s: %s, want %s", expr, got, want)
		}
	}
}
