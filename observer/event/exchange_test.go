// SPDX-License-Identifier: Apache-2.0

package event

import "testing"

func TestSteps(t *testing.T) {
	for _, c := range []struct {
		choices int
		out     Count
		want    float64
	}{
		{1, Count{N: 11, Known: true}, 10},
		{0, Count{N: 11, Known: true}, 10},
		{2, Count{N: 22, Known: true}, 10},
		{3, Count{N: 34, Known: true}, 34.0/3 - 1},
		{1, Count{N: 1, Known: true}, 0},
		{4, Count{N: 2, Known: true}, 0},
		{1, Count{N: 11}, 0},
	} {
		x := Exchange{Choices: c.choices}
		x.Tokens[Output] = c.out
		if got := x.Steps(); got != c.want {
			t.Errorf("%+v: %v", c, got)
		}
	}
}
