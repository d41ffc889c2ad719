// SPDX-License-Identifier: Apache-2.0

package main

import (
	"fmt"
	"math"
)

const (
	// roughly is how far off a sum of tokens that nobody states may be.
	roughly = 0.15
	// wildly is the same of text that is no language: random weights'.
	wildly = 0.5
)

// disagreements lists where modeltap and the others do not say the same.
func (r row) disagreements() (list []string) {
	say := func(format string, args ...any) {
		list = append(list, r.name+": "+fmt.Sprintf(format, args...))
	}
	first, duration := r.clocks()
	for _, c := range []struct {
		what     string
		clock    clock
		expected bool
	}{{"time to first token", first, r.stream}, {"duration", duration, r.outcome == "ok"}} {
		if got, want := len(c.clock.socket), len(r.pairs); c.expected && got != want {
			say("%d of %d requests have a %s to compare", got, want, c.what)
		}
		if m := median(c.clock.socket); m > tolerance || m < -tolerance {
			say("%s is off by %.3f ms at the median", c.what, m)
		}
	}
	var predicted int64
	whole := r.rough == 0
	for i, p := range r.pairs {
		if list := p.disagreements(r.usecase, r.model); len(list) > 0 {
			say("request %d: %v", i, list)
		}
		predicted += p.stated.output
		whole = whole && p.stated.known
	}
	if _, seen := r.counts(); r.rough > 0 && math.Abs(float64(seen.n-r.own.predicted)) > r.rough*float64(r.own.predicted) {
		say("modeltap has %s output tokens, the server counted %d", seen, r.own.predicted)
	}
	if whole && predicted != r.own.predicted {
		say("the server counted %d output tokens itself, its answers state %d", r.own.predicted, predicted)
	}
	return list
}

func (p pair) disagreements(c usecase, model string) (list []string) {
	check := func(what string, got, want any) {
		if got != want {
			list = append(list, fmt.Sprintf("%s is %v, want %v", what, got, want))
		}
	}
	check("outcome", p.seen.Outcome, c.outcome)
	check("api", p.seen.API, c.api)
	check("model", p.seen.Model, model)
	check("stream", p.seen.Stream, c.stream)
	check("request size", number(p.seen.RequestBytes), float64(p.answer.RequestBytes))
	if !c.stream && p.seen.TTFT != nil {
		list = append(list, "an answer that is no stream has a time to first token")
	}
	out := number(p.seen.OutputTokens)
	switch {
	case c.rough > 0:
		check("response size", number(p.seen.ResponseBytes), float64(p.answer.ResponseBytes))
	case c.outcome == "ok" && !p.stated.known:
		list = append(list, "the answer states no token count")
	case p.stated.known:
		check("output tokens", out, float64(p.stated.output))
		check("input tokens", number(p.seen.InputTokens), float64(p.stated.input))
		check("response size", number(p.seen.ResponseBytes), float64(p.answer.ResponseBytes))
		if p.seen.TokenSource == nil || *p.seen.TokenSource != "usage" {
			list = append(list, "the source of a stated count is not usage")
		}
	case out < float64(len(p.answer.Tokens)):
		// The server was further when the client left.
		list = append(list, fmt.Sprintf("%v output tokens, the client had %d events", out, len(p.answer.Tokens)))
	}
	return list
}
