// SPDX-License-Identifier: Apache-2.0

package live

import (
	"math"
	"strconv"
	"strings"
)

// none stands where nothing was measured. It is never 0. The functions here say
// the same as exporter/web/format.js, which a test compares.
const none = "–"

// seconds writes a duration with three digits; negative stands for none.
func seconds(s float64) string {
	switch {
	case s < 0 || math.IsNaN(s):
		return none
	case s == 0:
		return "0 s"
	case s < 999.5e-6:
		return digits(s*1e6) + " µs"
	case s < 999.5e-3:
		return digits(s*1e3) + " ms"
	case s < 599.5:
		return digits(s) + " s"
	}
	return digits(s/60) + " min"
}

// digits writes v with three significant digits and no zeros that say nothing.
func digits(v float64) string {
	d := 0
	switch {
	case v < 9.995:
		d = 2
	case v < 99.95:
		d = 1
	}
	t := strconv.FormatFloat(v, 'f', d, 64)
	if d > 0 {
		t = strings.TrimRight(strings.TrimRight(t, "0"), ".")
	}
	return t
}

// number writes a count or rate.
func number(v float64) string {
	switch {
	case math.IsNaN(v):
		return none
	case v < 999.5:
		return digits(v)
	case v < 999.5e3:
		return digits(v/1e3) + " k"
	case v < 999.5e6:
		return digits(v/1e6) + " M"
	}
	return digits(v/1e9) + " G"
}

func rate(n, span float64) string {
	if span <= 0 {
		return none
	}
	return number(n / span)
}

func optional(s *float64) string {
	if s == nil {
		return none
	}
	return seconds(*s)
}

// approximately marks what is an estimate.
func approximately(source string) string {
	if source == "estimated" {
		return "≈"
	}
	return ""
}

// outcomeText says in words how a request ended.
func outcomeText(outcome string) string {
	switch outcome {
	case "http_error":
		return "HTTP error"
	case "stream_error":
		return "error in stream"
	case "client_abort":
		return "client left"
	case "server_abort":
		return "server broke off"
	case "incomplete":
		return "not seen whole"
	}
	return outcome
}

func relative(path string) string { return strings.TrimPrefix(path, "/") }
