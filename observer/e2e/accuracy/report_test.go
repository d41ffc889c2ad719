// SPDX-License-Identifier: Apache-2.0

package main

import (
	"fmt"
	"strings"
	"testing"
)

func TestReport(t *testing.T) {
	aborted := agreeing(2)
	aborted.name = "a"
	abort(&aborted, 3)
	whole := agreeing(3)
	// The request left between 10 and 11 ms: a TTFT of 100 to 101 ms is right.
	*whole.pairs[0].seen.TTFT = 0.0995
	*whole.pairs[2].seen.TTFT = 0.1014
	whole.pairs[1].stated.promptMS = 80
	var l library
	for _, p := range whole.pairs {
		l.add(used{Start: 10 * ms, First: 113 * ms, End: 314 * ms, Tokens: 7}, p.seen)
	}
	var out strings.Builder
	whole.own.answers, whole.own.first, whole.own.duration = 3, 0.3, 0.9
	if list := report(&out, []row{whole, aborted}); len(list) != 0 {
		t.Errorf("disagreements %q", list)
	}
	c := crossed{n: 9, unanswered: 4, aborted: 1, other: 3}
	if list := c.disagreements(); len(list) != 1 || !strings.Contains(list[0], "1 requests that crossed") {
		t.Errorf("disagreements %q, want that of the crossed request", list)
	}
	fmt.Fprintln(&out, c, l)
	for _, want := range []string{
		"| c | 3 | 102.00 | 100.50 | +0.000 | 0.500 | -1.500 | 2.500 | 303.00 | 300.80 | +0.000 | 0.000 | -2.200 | 2.200 |\n",
		"| a | 2 | 102.00 | 100.50 | +0.000 | 0.000 | -1.500 | 1.500 | – | – | – | – | – | – |\n",
		"| c | ok | 3 | 21 (usage) | 21 (usage) | 21 | 60 | 60 |\n",
		"| a | client_abort | 2 | 2 (events) | 6 (chunks) | 14 | – | – |\n",
		"| c | 80.0 | 100.00 | 100.47 | 300.00 | 300.80 | \n",
		"| a | – | – | 100.50 | – | – | \n",
		"9 sent, 4 not answered and sent again; modeltap counted 1 of them as server_abort, 3 as no model request.",
		"3 requests, median TTFT 103.00 ms by the library, 100.50 by modeltap; duration 304.00, 300.80; output tokens 21, 21.",
	} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("no %q in\n%s", want, out.String())
		}
	}
}

func TestLibraryDisagrees(t *testing.T) {
	seen := agreeing(1).pairs[0].seen
	for want, u := range map[string]used{
		"is not below the library's":                      {Start: 10 * ms, First: 110 * ms, End: 400 * ms, Tokens: 7},
		"7 output tokens, the library was told 8":         {Start: 10 * ms, First: 120 * ms, End: 400 * ms, Tokens: 8},
		"openai library, request 1: outcome \"http_error": {},
	} {
		x := seen
		if u.Start == 0 {
			x.Outcome = "http_error"
		}
		var l library
		if l.add(u, x); len(l.wrong) != 1 || !strings.Contains(l.wrong[0], want) {
			t.Errorf("%q, want %q", l.wrong, want)
		}
	}
}

func TestMedian(t *testing.T) {
	for want, v := range map[float64][]float64{2: {9, 1, 2}, 1.5: {1, 2, 0, 3}, -1: {-1}} {
		if got := median(v); got != want {
			t.Errorf("median of %v is %v, want %v", v, got, want)
		}
	}
}

func TestCounters(t *testing.T) {
	const page = "# TYPE llamacpp:prompt_tokens_total counter\nllamacpp:prompt_tokens_total 44\nllamacpp:prompt_tokens_cached_total 56\nllamacpp:tokens_predicted_total 16\nllamacpp:tokens_predicted_seconds_total 1.3\n"
	got, err := parseLlama([]byte(page))
	if want := (own{prompt: 44, predicted: 16}); err != nil || got != want {
		t.Errorf("%+v, %v; want %+v", got, err, want)
	}
	if _, err := parseLlama([]byte("# empty\n")); err == nil {
		t.Error("a page without the counters is accepted")
	}
}
