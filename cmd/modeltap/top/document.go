// SPDX-License-Identifier: Apache-2.0

package top

import (
	"encoding/json"
	"io"
	"math"
	"time"

	"github.com/modeltap/modeltap/cmd/modeltap/top/client"
	"github.com/modeltap/modeltap/cmd/modeltap/top/figures"
)

// The JSON of --json. Times are seconds, sizes bytes, shares from 0 to 1; null
// is unknown.
type document struct {
	Time     time.Time        `json:"time"`
	Seconds  float64          `json:"seconds"` // between the two scrapes
	Servers  []serverDocument `json:"servers"`
	GPUs     []gpuDocument    `json:"gpus"`
	Host     hostDocument     `json:"host"`
	Self     selfDocument     `json:"modeltap"`
	Requests []client.Request `json:"requests"`
	Cut      bool             `json:"cut"` // there was more
}

type number struct{ v float64 }

// MarshalJSON writes null for what is no number.
func (n number) MarshalJSON() ([]byte, error) {
	if math.IsNaN(n.v) || math.IsInf(n.v, 0) {
		return []byte("null"), nil
	}
	return json.Marshal(n.v)
}

type serverDocument struct {
	Instance   string             `json:"instance,omitempty"`
	Server     string             `json:"server"`
	Model      string             `json:"model"`
	APIs       []string           `json:"apis"`
	Requests   number             `json:"requests_per_second"`
	Errors     number             `json:"errors_per_second"`
	Tokens     number             `json:"output_tokens_per_second"`
	InFlight   map[string]float64 `json:"in_flight"`
	Stalled    float64            `json:"streams_stalled"`
	SocketWait latencyDocument    `json:"socket_wait_seconds"`
	TTFT       latencyDocument    `json:"time_to_first_token_seconds"`
	ITL        latencyDocument    `json:"inter_token_latency_seconds"`
	TPOT       latencyDocument    `json:"time_per_output_token_seconds"`
	Duration   latencyDocument    `json:"request_duration_seconds"`
	Outcomes   []countDocument    `json:"outcomes"`
	Evidence   []countDocument    `json:"tokens"`
}

type latencyDocument struct {
	Count float64 `json:"count"`
	Mean  number  `json:"mean"`
	P50   number  `json:"p50"`
	P90   number  `json:"p90"`
	P95   number  `json:"p95"`
	P99   number  `json:"p99"`
}

type countDocument struct {
	Name  string  `json:"name"`
	Total float64 `json:"total"`
	Rate  number  `json:"per_second"`
}

type gpuDocument struct {
	Instance    string   `json:"instance,omitempty"`
	GPU         string   `json:"gpu"`
	UUID        string   `json:"uuid"`
	Name        string   `json:"name"`
	Up          bool     `json:"up"`
	Utilization number   `json:"utilization_ratio"`
	Used        number   `json:"memory_used_bytes"`
	Total       number   `json:"memory_total_bytes"`
	Power       number   `json:"power_watts"`
	Celsius     number   `json:"temperature_celsius"`
	XIDs        number   `json:"xid_errors"`
	Throttled   []string `json:"throttled"`
}

type hostDocument struct {
	CPU   number `json:"cpu_ratio"`
	Total number `json:"memory_total_bytes"`
	Free  number `json:"memory_available_bytes"`
}

type selfDocument struct {
	Version string          `json:"version"`
	Packets number          `json:"packets_per_second"`
	Lost    countDocument   `json:"lost"`
	Gaps    countDocument   `json:"gaps"`
	Unseen  []countDocument `json:"not_understood"`
}

func writeJSON(w io.Writer, f *figures.Figures, requests []client.Request) error {
	d := document{
		Time: f.At.UTC(), Seconds: f.Over.Seconds(), Servers: []serverDocument{}, GPUs: []gpuDocument{}, Cut: f.Cut,
		Host:     hostDocument{number{f.Host.CPU}, number{f.Host.Total}, number{f.Host.Free}},
		Requests: append([]client.Request{}, requests...),
		Self: selfDocument{
			Version: f.Self.Version, Packets: number{f.Self.Packets}, Lost: countOf(f.Self.Lost), Gaps: countOf(f.Self.Gaps), Unseen: countsOf(f.Self.Counters),
		},
	}
	for i := range f.Rows {
		r := &f.Rows[i]
		d.Servers = append(d.Servers, serverDocument{
			Instance: r.Instance, Server: r.Server, Model: r.Model, APIs: append([]string{}, r.APIs...),
			Requests: number{r.Requests}, Errors: number{r.Errors}, Tokens: number{r.TokensPerSecond},
			InFlight: map[string]float64{"receiving": r.Receiving, "waiting": r.Waiting, "streaming": r.Streaming}, Stalled: r.Stalled,
			SocketWait: latencyOf(r.SocketWait), TTFT: latencyOf(r.TTFT), ITL: latencyOf(r.ITL), TPOT: latencyOf(r.TPOT), Duration: latencyOf(r.Duration),
			Outcomes: countsOf(r.Outcomes), Evidence: countsOf(r.Tokens),
		})
	}
	for i := range f.GPUs {
		g := &f.GPUs[i]
		d.GPUs = append(d.GPUs, gpuDocument{
			g.Instance, g.Index, g.UUID, g.Name, g.Up, number{g.Utilization}, number{g.Used}, number{g.Total},
			number{g.Power}, number{g.Celsius}, number{g.XIDs}, append([]string{}, g.Throttled...),
		})
	}
	e := json.NewEncoder(w)
	e.SetIndent("", "  ")
	return e.Encode(d)
}

func latencyOf(h figures.Histogram) latencyDocument {
	return latencyDocument{h.Count(), number{h.Mean()}, number{h.Quantile(.5)}, number{h.Quantile(.9)}, number{h.Quantile(.95)}, number{h.Quantile(.99)}}
}

func countOf(c figures.Count) countDocument { return countDocument{c.Name, c.Total, number{c.Rate}} }

func countsOf(all []figures.Count) []countDocument {
	out := make([]countDocument, len(all))
	for i, c := range all {
		out[i] = countOf(c)
	}
	return out
}
