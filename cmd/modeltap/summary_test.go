// SPDX-License-Identifier: Apache-2.0

package main

import (
	"encoding/json"
	"math"
	"strings"
	"testing"

	"github.com/modeltap/modeltap/observer/event"
)

func exchange(outcome event.Outcome, ttft, duration int64) *event.Exchange {
	x := &event.Exchange{
		Server: "s", API: "openai_chat", Model: "m", Start: 1000, Outcome: outcome,
		Stream: true, End: 1000 + duration,
	}
	if ttft > 0 {
		x.FirstToken = 1000 + ttft
	}
	x.Tokens[event.Output] = event.Count{N: 7, Source: event.Usage, Known: true}
	return x
}

func TestSummaryKeepsWhatTheOutcomeAllows(t *testing.T) {
	s := newSummary(0)
	s.Exchange(exchange(event.OK, 1e6, 5e6))
	s.Exchange(exchange(event.ClientAbort, 3e6, 4e6))
	s.Exchange(exchange(event.HTTPError, 0, 2e6))
	s.Exchange(exchange(event.Incomplete, 9e6, 9e6))
	s.OtherRequest("s", 200)
	g := s.all()[0]
	if g.total() != 4 || g.Outcomes[event.OK] != 1 || g.Outcomes[event.Incomplete] != 1 {
		t.Errorf("outcomes %v", g.Outcomes)
	}
	if got := g.TTFT.values; len(got) != 2 || got[0] != .001 || got[1] != .003 {
		t.Errorf("TTFT %v, want those of the ok and the aborted request", got)
	}
	if got := g.Duration.values; len(got) != 2 || got[0] != .005 || got[1] != .002 {
		t.Errorf("durations %v, want those of the ok and the failed request", got)
	}
	if n := g.Tokens[event.Output][event.Usage]; n != 28 {
		t.Errorf("%d output tokens, want 28: they count whatever the outcome", n)
	}
	if s.others()["s"] != 1 {
		t.Errorf("other requests %v", s.others())
	}
}

func TestSummaryKeepsTheLatest(t *testing.T) {
	s := newSummary(3)
	for i := range int64(5) {
		s.Exchange(exchange(event.OK, (i+1)*1e9, (i+1)*1e9))
	}
	g := s.all()[0]
	if lo, hi := g.TTFT.quantile(0), g.TTFT.quantile(1); lo != 3 || hi != 5 {
		t.Errorf("kept from %v to %v, want 3 to 5", lo, hi)
	}
}

func TestQuantile(t *testing.T) {
	s := samples{values: []float64{4, 1, 3, 2}}
	for q, want := range map[float64]float64{0: 1, .25: 1, .5: 2, .75: 3, .95: 4, 1: 4} {
		if got := s.quantile(q); got != want {
			t.Errorf("quantile %v is %v, want %v", q, got, want)
		}
	}
	if got := new(samples).quantile(.5); !math.IsNaN(got) {
		t.Errorf("quantile of nothing is %v, want NaN", got)
	}
}

func TestHistogramFigures(t *testing.T) {
	var h event.Histogram
	if !math.IsNaN(mean(&h)) || !math.IsNaN(atMost(&h, .5)) {
		t.Error("an empty histogram has figures")
	}
	h.Counts[1], h.Counts[6], h.Sum = 9, 1, .03 // at most 2 ms and 15 ms
	if got := mean(&h); math.Abs(got-.003) > 1e-12 {
		t.Errorf("mean %v, want 3 ms", got)
	}
	if got := atMost(&h, .9); got != .002 {
		t.Errorf("p90 at most %v, want 2 ms", got)
	}
	if got := atMost(&h, .95); got != .015 {
		t.Errorf("p95 at most %v, want 15 ms", got)
	}
	h.Counts[len(event.GapBuckets)] = 100
	if got := atMost(&h, .95); !math.IsInf(got, 1) {
		t.Errorf("p95 at most %v, want beyond the last bound", got)
	}
}

func TestTableAndJSON(t *testing.T) {
	s := newSummary(0)
	s.Exchange(exchange(event.OK, 12e6, 345e6))
	snap := &event.Snapshot{Sources: []event.SourceStats{{Packets: [2]uint64{3, 4}, RingFull: [2]uint64{0, 2}}}}
	snap.Tally.Gaps, snap.Tally.Unobserved[event.UnobservedTLS] = 5, 6
	var table strings.Builder
	if err := writeTable(&table, s, snap); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"openai_chat", "1 ok", "12.0ms", "345.0ms", "7 usage", "7 packets, 2 packets lost", "5 gaps", "6 connections not observed (tls)"} {
		if !strings.Contains(table.String(), want) {
			t.Errorf("table lacks %q:\n%s", want, &table)
		}
	}
	var doc strings.Builder
	if err := writeJSON(&doc, s, snap); err != nil {
		t.Fatal(err)
	}
	var got document
	if err := json.Unmarshal([]byte(doc.String()), &got); err != nil {
		t.Fatal(err)
	}
	m := got.Models[0]
	if m.Requests != 1 || m.Outcomes["ok"] != 1 || *m.TTFT.P50 != .012 || *m.Duration.Max != .345 ||
		m.Tokens["output"]["usage"] != 7 || m.InterToken != nil || got.Capture.Lost != 2 || got.Capture.Gaps != 5 {
		t.Errorf("document %s", &doc)
	}
}

func TestEmptyTable(t *testing.T) {
	var table strings.Builder
	if err := writeTable(&table, newSummary(0), &event.Snapshot{}); err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(table.String(), "no model request seen") || !strings.Contains(table.String(), "nothing lost") {
		t.Errorf("table of nothing:\n%s", &table)
	}
}
