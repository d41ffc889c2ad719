// SPDX-License-Identifier: Apache-2.0

package main

import (
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/modeltap/modeltap/observer/e2e/rig"
)

// tolerance of a median, in ms.
const tolerance = 1.0

// clock compares one time of all requests of a case, in ms.
type clock struct {
	client, modeltap []float64
	socket           []float64 // modeltap less the kernel's stamp at the client's socket
	user             []float64 // modeltap less the client's own clock around its system calls
}

// add takes seconds, which modeltap measured from the request's first byte to
// the byte that the client had at end. That first byte reached the server
// between Sending and Sent: what lies between is not known better and counts
// as no difference.
func (c *clock) add(seconds *float64, a *rig.Answer, end rig.Stamp) {
	if seconds == nil {
		return
	}
	got := *seconds * 1e3
	ms := func(ns int64) float64 { return float64(ns) / 1e6 }
	low, high := ms(end.Kernel-a.Sent), ms(end.Kernel-a.Sending)
	c.client = append(c.client, ms(end.User-a.Sending))
	c.modeltap = append(c.modeltap, got)
	c.socket = append(c.socket, min(got-low, 0)+max(got-high, 0))
	c.user = append(c.user, got-ms(end.User-a.Sending))
}

func median(v []float64) float64 {
	if len(v) == 0 {
		return math.NaN()
	}
	s := slices.Sorted(slices.Values(v))
	if n := len(s); n%2 == 0 {
		return (s[n/2-1] + s[n/2]) / 2
	}
	return s[len(s)/2]
}

// worst is the largest absolute value.
func worst(v []float64) (w float64) {
	for _, x := range v {
		w = max(w, math.Abs(x))
	}
	return w
}

// clocks returns the times to first token and the durations that both sides
// have; modeltap gives no duration of an aborted request.
func (r row) clocks() (first, duration clock) {
	for _, p := range r.pairs {
		if len(p.answer.Tokens) > 0 {
			first.add(p.seen.TTFT, p.answer, p.answer.Tokens[0])
		}
		if p.seen.Outcome == "ok" {
			duration.add(p.seen.Duration, p.answer, p.answer.End)
		}
	}
	return first, duration
}

// tokens adds up one kind of count and names where it comes from.
type tokens struct {
	n       int64
	sources []string
}

func (t *tokens) add(n int64, source string) {
	t.n += n
	if !slices.Contains(t.sources, source) {
		t.sources = append(t.sources, source)
	}
}

func (t tokens) String() string { return fmt.Sprintf("%d (%s)", t.n, strings.Join(t.sources, ", ")) }

// counts returns the output tokens: stated on the wire, or the content events
// where the answer never came to that, and by modeltap.
func (r row) counts() (client, modeltap tokens) {
	for _, p := range r.pairs {
		if p.stated.known {
			client.add(p.stated.output, p.stated.by)
		} else {
			client.add(int64(len(p.answer.Tokens)), "events")
		}
		if p.seen.OutputTokens != nil && p.seen.TokenSource != nil {
			modeltap.add(int64(*p.seen.OutputTokens), *p.seen.TokenSource)
		}
	}
	return client, modeltap
}

// inputs returns the input tokens of the answers that state them, and how many
// do.
func (r row) inputs() (answers int, client, modeltap int64) {
	for _, p := range r.pairs {
		if p.stated.known {
			answers++
			client += p.stated.input
			modeltap += int64(number(p.seen.InputTokens))
		}
	}
	return answers, client, modeltap
}

func number(p *float64) float64 {
	if p == nil {
		return -1
	}
	return *p
}
