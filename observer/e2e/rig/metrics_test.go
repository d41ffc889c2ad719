// SPDX-License-Identifier: Apache-2.0

package rig

import (
	"strings"
	"testing"
)

func TestMetrics(t *testing.T) {
	m, err := ParseMetrics(strings.NewReader(`# TYPE a_total counter
a_total{server="x",code="200"} 3
a_total{server="x",code="500"} 2
a_total{server="y",code="200"} 7
# TYPE h histogram
h_bucket{server="x",le="1"} 1
h_bucket{server="x",le="+Inf"} 2
h_sum{server="x"} 4.5
h_count{server="x"} 2
# TYPE g gauge
g 0
`))
	if err != nil {
		t.Fatal(err)
	}
	if v := m.Value("a_total", "server", "x"); v != 5 {
		t.Errorf("a_total of x = %v, want 5", v)
	}
	if v := m.Value("a_total", "code", "200", "server", "y"); v != 7 {
		t.Errorf("a_total of y with 200 = %v, want 7", v)
	}
	if v := m.Value("absent"); v != 0 {
		t.Errorf("absent = %v", v)
	}
	if n, s := m.Histogram("h"); n != 2 || s != 4.5 {
		t.Errorf("h = %v, %v", n, s)
	}
	if !m.Has("g") || m.Has("a_total", "server", "z") {
		t.Error("Has is wrong")
	}
}
