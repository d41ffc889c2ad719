// SPDX-License-Identifier: Apache-2.0

package paint

import (
	"math"
	"strings"
)

// Bar draws a share from 0 to 1 as [|||   ], width cells in all.
func (g Glyphs) Bar(share float64, width int) string {
	inside := max(width-2, 0)
	n := 0
	if share > 0 { // false for NaN
		n = min(int(math.Round(share*float64(inside))), inside)
		n = max(n, min(1, inside))
	}
	return "[" + strings.Repeat(g.Full, n) + strings.Repeat(g.Empty, inside-n) + "]"
}

// Sparkline draws the last width values from 0 to the largest of them; NaN is
// a hole.
func (g Glyphs) Sparkline(values []float64, width int) string {
	width = max(width, 0)
	values = values[max(len(values)-width, 0):]
	top := largest(values)
	var b strings.Builder
	b.WriteString(strings.Repeat(" ", width-len(values)))
	for _, v := range values {
		b.WriteString(g.Spark[level(v, top, len(g.Spark))])
	}
	return b.String()
}

func largest(values []float64) float64 {
	top := 0.0
	for _, v := range values {
		if v > top {
			top = v
		}
	}
	return top
}

// level returns which of n marks shows v of top: the first for nothing and for
// NaN, any other for the least something.
func level(v, top float64, n int) int {
	if !(v > 0) || top <= 0 {
		return 0
	}
	return min(max(int(math.Ceil(v/top*float64(n-1))), 1), n-1)
}

// Heat draws a row of a heat map: each value on a scale of square roots up to
// top, so that single observations beside many are seen.
func (g Glyphs) Heat(values []float64, top float64) string {
	var b strings.Builder
	for _, v := range values {
		b.WriteString(g.Shade[level(math.Sqrt(v), math.Sqrt(top), len(g.Shade))])
	}
	return b.String()
}

// Parts are the stretches of a request in seconds; NaN is unknown and taken for
// none.
type Parts struct {
	Wait    float64 // in the socket
	Prefill float64 // from there to the first token
	Decode  float64 // from there to the end
	Whole   float64 // where the answer is not streamed, all after the socket
}

// Total returns the sum of the stretches.
func (p Parts) Total() float64 {
	sum := 0.0
	for _, v := range []float64{p.Wait, p.Prefill, p.Decode, p.Whole} {
		if v > 0 {
			sum += v
		}
	}
	return sum
}

// Stretch is a run of one mark.
type Stretch struct {
	Mark string
	N    int
}

// Waterfall divides width cells among the stretches of a request on a scale of
// scale seconds; each that is not empty has a cell at least.
func (g Glyphs) Waterfall(p Parts, scale float64, width int) []Stretch {
	out := []Stretch{{g.Wait, 0}, {g.Prefill, 0}, {g.Whole, 0}, {g.Decode, 0}}
	if !(scale > 0) || width <= 0 {
		return out
	}
	left, passed, drawn := width, 0.0, 0
	for i, v := range []float64{p.Wait, p.Prefill, p.Whole, p.Decode} {
		if !(v > 0) {
			continue
		}
		passed += v
		n := int(math.Round(min(passed/scale, 1)*float64(width))) - drawn
		n = min(max(n, 1), left)
		out[i].N = n
		left -= n
		drawn += n
	}
	return out
}
