// SPDX-License-Identifier: Apache-2.0

package main

import (
	"fmt"
	"io"
	"maps"
	"math"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/modeltap/modeltap/observer/event"
)

// writeTable prints what was measured: a line for each server, API and model,
// then what was lost. Latencies are exact but for the inter-token latency's
// p95, which is the upper bound of its bucket.
func writeTable(w io.Writer, s *summary, snap *event.Snapshot) error {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(t, "SERVER\tAPI\tMODEL\tREQUESTS\tTTFT p50\tp95\tITL mean\tp95\tDURATION p50\tp95\tINPUT TOKENS\tOUTPUT TOKENS\tTOKENS/s")
	groups := s.all()
	for _, g := range groups {
		series := seriesOf(snap, g.groupKey)
		fmt.Fprintf(t, "%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\t%.0f\n", g.Server, g.API, g.Model, outcomes(&g),
			seconds(g.TTFT.quantile(.5)), seconds(g.TTFT.quantile(.95)),
			seconds(mean(&series.InterToken)), upTo(atMost(&series.InterToken, .95)),
			seconds(g.Duration.quantile(.5)), seconds(g.Duration.quantile(.95)),
			tokens(g.Tokens[event.Input]), tokens(g.Tokens[event.Output]), series.TokensPerSecond)
	}
	if err := t.Flush(); err != nil {
		return err
	}
	if len(groups) == 0 {
		fmt.Fprintln(w, "no model request seen")
	}
	others := s.others()
	for _, server := range slices.Sorted(maps.Keys(others)) {
		fmt.Fprintf(w, "%s: %d other requests\n", server, others[server])
	}
	_, err := fmt.Fprintln(w, losses(snap))
	return err
}

func seriesOf(snap *event.Snapshot, k groupKey) event.Series {
	for _, s := range snap.Series {
		if (groupKey{s.Server, s.API, s.Model}) == k {
			return s
		}
	}
	return event.Series{}
}

// outcomes prints a count for each outcome that occurred.
func outcomes(g *group) string {
	var parts []string
	for o, n := range g.Outcomes {
		if n > 0 {
			parts = append(parts, fmt.Sprintf("%d %s", n, event.Outcome(o)))
		}
	}
	return strings.Join(parts, ", ")
}

// tokens prints a count for each kind of evidence.
func tokens(by [event.TokenSources]int64) string {
	var parts []string
	for s, n := range by {
		if n > 0 {
			parts = append(parts, fmt.Sprintf("%d %s", n, event.TokenSource(s)))
		}
	}
	if parts == nil {
		return "-"
	}
	return strings.Join(parts, " + ")
}

func seconds(s float64) string {
	switch {
	case math.IsNaN(s):
		return "-"
	case s < 10:
		return fmt.Sprintf("%.1fms", s*1e3)
	}
	return time.Duration(s * 1e9).Round(10 * time.Millisecond).String()
}

func upTo(s float64) string {
	switch {
	case math.IsNaN(s):
		return "-"
	case math.IsInf(s, 1):
		return fmt.Sprintf(">%gs", event.GapBuckets[len(event.GapBuckets)-1])
	}
	return "≤" + seconds(s)
}

// losses is one line on what was captured and what was not.
func losses(snap *event.Snapshot) string {
	var packets, lost uint64
	for _, s := range snap.Sources {
		for d := range s.Packets {
			packets += s.Packets[d]
			lost += s.RingFull[d] + s.CopyFailed[d] + s.QueueFull[d]
		}
	}
	line := fmt.Sprintf("%d packets", packets)
	for _, c := range []struct {
		n    uint64
		what string
	}{
		{lost, "packets lost by the capture"},
		{snap.Tally.Gaps, "gaps in streams"}, {snap.Tally.GapBytes, "bytes missing"},
		{snap.Tally.Resyncs, "resynchronisations"}, {parseErrors(&snap.Tally), "parse errors"},
		{snap.Tally.Panics, "panics"},
	} {
		if c.n > 0 {
			line += fmt.Sprintf(", %d %s", c.n, c.what)
		}
	}
	for r, n := range snap.Tally.Unobserved {
		if n > 0 {
			line += fmt.Sprintf(", %d connections not observed (%s)", n, event.Unobserved(r))
		}
	}
	for r, n := range snap.Tally.Evictions {
		if n > 0 {
			line += fmt.Sprintf(", %d given up (%s)", n, event.Eviction(r))
		}
	}
	if lost+snap.Tally.Gaps == 0 {
		line += ", nothing lost"
	}
	return line
}

func parseErrors(t *event.Tally) uint64 {
	n := uint64(0)
	for p := range t.ParseErrors {
		for _, c := range t.ParseErrors[p] {
			n += c
		}
	}
	return n
}
