// SPDX-License-Identifier: Apache-2.0

package main

import (
	"fmt"
	"math"
	"strings"

	"github.com/modeltap/modeltap/observer/tokens"
)

// counts are the tokens that each vocabulary makes of the answers of each
// kind, in their order.
type counts map[string]map[string]struct{ Taught, Measured []int64 }

// result is one line of the table: errors relative to the true count.
type result struct {
	kind                  string
	raw, rawMost          float64 // of the estimate alone: mean and greatest
	calibrated, most      float64 // calibrated by other answers of this kind
	mixed, bytes4, chars4 float64 // calibrated by all kinds; rules of thumb
}

// judge estimates each measured answer and compares it with each vocabulary.
func judge(all []sample, c counts) ([]result, error) {
	if len(c) == 0 {
		return nil, fmt.Errorf("no counts: run errortable -fetch")
	}
	mixed := map[string]*tokens.Calibration{}
	for name, kinds := range c {
		mixed[name] = new(tokens.Calibration)
		for i := range answersOfOne {
			for _, s := range all {
				if len(kinds[s.kind].Taught) != len(s.taught) || len(kinds[s.kind].Measured) != len(s.measured) {
					return nil, fmt.Errorf("%s has not counted the %s answers: run errortable -fetch", name, s.kind)
				}
				mixed[name].Observe(kinds[s.kind].Taught[i], estimate(s.taught[i]))
			}
		}
	}
	var results []result
	for _, s := range all {
		r := result{kind: s.kind}
		n := 0.0
		for name, kinds := range c {
			var own tokens.Calibration
			for i, text := range s.taught {
				own.Observe(kinds[s.kind].Taught[i], estimate(text))
			}
			ratio, ok := own.Ratio()
			if !ok {
				return nil, fmt.Errorf("%s, %s: %d answers do not calibrate", name, s.kind, len(s.taught))
			}
			all, _ := mixed[name].Ratio()
			for i, text := range s.measured {
				off := func(guess float64) float64 {
					return math.Abs(guess/float64(kinds[s.kind].Measured[i]) - 1)
				}
				e := estimate(text)
				n++
				r.raw += off(e)
				r.rawMost = max(r.rawMost, off(e))
				r.calibrated += off(e * ratio)
				r.most = max(r.most, off(e*ratio))
				r.mixed += off(e * all)
				r.bytes4 += off(float64(len(text)) / 4)
				r.chars4 += off(float64(len([]rune(text))) / 4)
			}
		}
		for _, mean := range []*float64{&r.raw, &r.calibrated, &r.mixed, &r.bytes4, &r.chars4} {
			*mean /= n
		}
		results = append(results, r)
	}
	return append(results, meanOf(results)), nil
}

func meanOf(results []result) result {
	m := result{kind: "**mean**"}
	n := float64(len(results))
	for _, r := range results {
		m.raw += r.raw / n
		m.calibrated += r.calibrated / n
		m.mixed += r.mixed / n
		m.bytes4 += r.bytes4 / n
		m.chars4 += r.chars4 / n
		m.rawMost, m.most = max(m.rawMost, r.rawMost), max(m.most, r.most)
	}
	return m
}

func estimate(text string) float64 {
	var m tokens.Meter
	m.Write([]byte(text))
	return m.Estimate()
}

// table writes results in Markdown, errors in percent.
func table(results []result) string {
	var b strings.Builder
	b.WriteString("| text | estimate: mean | worst | calibrated by the same kind: mean | worst | calibrated by all kinds: mean | bytes ÷ 4 | characters ÷ 4 |\n|---|---|---|---|---|---|---|---|\n")
	for _, r := range results {
		fmt.Fprintf(&b, "| %s | %.1f | %.1f | %.1f | %.1f | %.1f | %.1f | %.1f |\n", r.kind,
			100*r.raw, 100*r.rawMost, 100*r.calibrated, 100*r.most, 100*r.mixed, 100*r.bytes4, 100*r.chars4)
	}
	return b.String()
}
