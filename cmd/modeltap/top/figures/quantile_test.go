// SPDX-License-Identifier: Apache-2.0

package figures

import (
	"encoding/json"
	"math"
	"os"
	"strconv"
	"testing"
)

// What promql.BucketQuantile of Prometheus v0.316.0 (3.16) says of these
// histograms is in testdata/quantiles.json; Quantile says the same.
func TestQuantileIsThatOfPrometheus(t *testing.T) {
	text, err := os.ReadFile("testdata/quantiles.json")
	if err != nil {
		t.Fatal(err)
	}
	var cases []struct {
		Name              string
		Bounds, Counts, Q []float64
		Want              []string
	}
	if err := json.Unmarshal(text, &cases); err != nil {
		t.Fatal(err)
	}
	if len(cases) < 9 {
		t.Fatalf("%d cases: the test looks at little", len(cases))
	}
	for _, c := range cases {
		h := Histogram{Bounds: c.Bounds, Counts: c.Counts}
		for i, q := range c.Q {
			want, err := strconv.ParseFloat(c.Want[i], 64)
			if err != nil {
				t.Fatal(err)
			}
			got := h.Quantile(q)
			if math.Abs(got-want) > 1e-9*math.Abs(want) || math.IsNaN(got) != math.IsNaN(want) {
				t.Errorf("%s: quantile %v is %v, Prometheus says %v", c.Name, q, got, want)
			}
		}
	}
}

func TestQuantileBeyondTheBounds(t *testing.T) {
	h := Histogram{Bounds: []float64{1, 2}, Counts: []float64{5, 9, 10}}
	if h.Beyond(.9) || !h.Beyond(.95) {
		t.Errorf("beyond at .9 is %v, at .95 %v; want false, true", h.Beyond(.9), h.Beyond(.95))
	}
	if !h.Within(.5) || h.Within(.51) || (Histogram{}).Within(.5) {
		t.Errorf("within the lowest bucket at .5 is %v, at .51 %v; want true, false", h.Within(.5), h.Within(.51))
	}
	if (Histogram{}).Beyond(.5) || !math.IsNaN((Histogram{}).Quantile(.5)) || !math.IsNaN((Histogram{}).Mean()) {
		t.Error("the zero histogram knows something")
	}
}

func TestHistogramLess(t *testing.T) {
	old := Histogram{Bounds: []float64{1, 2}, Counts: []float64{1, 2, 3}, Sum: 4}
	d, ok := Histogram{Bounds: []float64{1, 2}, Counts: []float64{1, 4, 6}, Sum: 9}.Less(old)
	if !ok || d.Count() != 3 || d.Sum != 5 || d.Counts[1] != 2 {
		t.Errorf("the difference is %+v, %v", d, ok)
	}
	for name, h := range map[string]Histogram{
		"a counter went down": {Bounds: []float64{1, 2}, Counts: []float64{0, 4, 6}},
		"other buckets":       {Bounds: []float64{1, 3}, Counts: []float64{1, 4, 6}},
		"fewer buckets":       {Bounds: []float64{1}, Counts: []float64{1, 4}},
	} {
		if _, ok := h.Less(old); ok {
			t.Errorf("%s: a difference was made", name)
		}
	}
}

func TestHistogramPlusAndBuckets(t *testing.T) {
	h := Histogram{Bounds: []float64{1, 2}, Counts: []float64{1, 2, 3}, Sum: 4}
	s := Histogram{}.Plus(h).Plus(h)
	if s.Count() != 6 || s.Sum != 8 || h.Counts[0] != 1 {
		t.Errorf("the sum is %+v, its part %+v", s, h)
	}
	if b := s.Buckets(); b[0] != 2 || b[1] != 2 || b[2] != 2 {
		t.Errorf("buckets alone: %v", b)
	}
	if got := h.Plus(Histogram{Bounds: []float64{7}, Counts: []float64{1, 1}}); got.Count() != 3 {
		t.Errorf("different buckets were added up: %+v", got)
	}
}
