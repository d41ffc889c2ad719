// SPDX-License-Identifier: Apache-2.0

package main

import (
	"encoding/json"
	"io"
	"math"

	"github.com/modeltap/modeltap/observer/event"
)

// The JSON that replay prints. Times are seconds, null where nothing was
// measured.
type document struct {
	Models  []modelDocument `json:"models"`
	Other   map[string]int  `json:"other_requests"`
	Capture captureDocument `json:"capture"`
}

type modelDocument struct {
	Server      string                      `json:"server"`
	API         string                      `json:"api"`
	Model       string                      `json:"model"`
	Requests    int                         `json:"requests"`
	Outcomes    map[string]int              `json:"outcomes"`
	TTFT        quantiles                   `json:"ttft_seconds"`
	Duration    quantiles                   `json:"duration_seconds"`
	InterToken  *float64                    `json:"inter_token_mean_seconds"`
	InterTokenN uint64                      `json:"inter_token_count"`
	Tokens      map[string]map[string]int64 `json:"tokens"` // by type and evidence
}

type quantiles struct {
	Count int      `json:"count"`
	P50   *float64 `json:"p50"`
	P95   *float64 `json:"p95"`
	Max   *float64 `json:"max"`
}

type captureDocument struct {
	Packets      uint64            `json:"packets"`
	Bytes        uint64            `json:"bytes"`
	Lost         uint64            `json:"lost"`
	Gaps         uint64            `json:"gaps"`
	GapBytes     uint64            `json:"gap_bytes"`
	Resyncs      uint64            `json:"resyncs"`
	SkippedBytes uint64            `json:"skipped_bytes"`
	ParseErrors  uint64            `json:"parse_errors"`
	Unobserved   map[string]uint64 `json:"unobserved_connections"`
}

// writeJSON prints what was measured as one JSON document.
func writeJSON(w io.Writer, s *summary, snap *event.Snapshot) error {
	d := document{Models: []modelDocument{}, Other: s.others(), Capture: captureOf(snap)}
	for _, g := range s.all() {
		d.Models = append(d.Models, modelOf(&g, seriesOf(snap, g.groupKey)))
	}
	e := json.NewEncoder(w)
	e.SetIndent("", "  ")
	return e.Encode(d)
}

func modelOf(g *group, series event.Series) modelDocument {
	m := modelDocument{
		Server: g.Server, API: g.API, Model: g.Model, Requests: g.total(),
		Outcomes: map[string]int{}, Tokens: map[string]map[string]int64{},
		TTFT: quantilesOf(&g.TTFT), Duration: quantilesOf(&g.Duration),
		InterToken: known(mean(&series.InterToken)),
	}
	for _, n := range series.InterToken.Counts {
		m.InterTokenN += n
	}
	for o, n := range g.Outcomes {
		if n > 0 {
			m.Outcomes[event.Outcome(o).String()] = n
		}
	}
	for t := range g.Tokens {
		for src, n := range g.Tokens[t] {
			if n == 0 {
				continue
			}
			name := event.TokenType(t).String()
			if m.Tokens[name] == nil {
				m.Tokens[name] = map[string]int64{}
			}
			m.Tokens[name][event.TokenSource(src).String()] = n
		}
	}
	return m
}

func quantilesOf(s *samples) quantiles {
	return quantiles{len(s.values), known(s.quantile(.5)), known(s.quantile(.95)), known(s.quantile(1))}
}

func known(v float64) *float64 {
	if math.IsNaN(v) {
		return nil
	}
	return &v
}

func captureOf(snap *event.Snapshot) captureDocument {
	t := &snap.Tally
	c := captureDocument{
		Gaps: t.Gaps, GapBytes: t.GapBytes, Resyncs: t.Resyncs, SkippedBytes: t.SkippedBytes,
		ParseErrors: parseErrors(t), Unobserved: map[string]uint64{},
	}
	for _, s := range snap.Sources {
		for d := range s.Packets {
			c.Packets += s.Packets[d]
			c.Bytes += s.Bytes[d]
			c.Lost += s.RingFull[d] + s.CopyFailed[d] + s.QueueFull[d]
		}
	}
	for r, n := range t.Unobserved {
		if n > 0 {
			c.Unobserved[event.Unobserved(r).String()] = n
		}
	}
	return c
}
