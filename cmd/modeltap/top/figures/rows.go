// SPDX-License-Identifier: Apache-2.0

package figures

import (
	"math"
	"slices"
)

// failed are the outcomes that the server answers for; a client that goes away
// and a request that was not seen whole are not among them.
var failed = map[string]bool{"http_error": true, "stream_error": true, "server_abort": true}

func (rs *rowSet) requests() {
	for _, c := range rs.changes("model_requests_total") {
		r := rs.row(c.Labels)
		rs.add(&r.Requests, rs.rate(c.delta))
		if failed[c.Labels["outcome"]] {
			rs.add(&r.Errors, rs.rate(c.delta))
		} else {
			rs.add(&r.Errors, rs.rate(0))
		}
		rs.count(&r.Outcomes, c.Labels["outcome"]+" "+c.Labels["code"], c)
		r.api(c.Labels["api"])
	}
	for _, c := range rs.changes("model_tokens_total") {
		rs.count(&rs.row(c.Labels).Tokens, c.Labels["type"]+" "+c.Labels["source"], c)
	}
	for _, c := range rs.changes("model_finish_total") {
		rs.count(&rs.row(c.Labels).Finish, c.Labels["reason"], c)
	}
	for _, r := range rs.rows {
		sortCounts(r.Outcomes)
		sortCounts(r.Tokens)
		sortCounts(r.Finish)
	}
}

func (r *Row) api(name string) {
	if i, found := slices.BinarySearch(r.APIs, name); !found && name != "" {
		r.APIs = slices.Insert(r.APIs, i, name)
	}
}

func (rs *rowSet) histograms() {
	for _, h := range []struct {
		name string
		of   func(*Row) *Histogram
	}{
		{"model_time_to_first_token_seconds", func(r *Row) *Histogram { return &r.TTFT }},
		{"model_inter_token_latency_seconds", func(r *Row) *Histogram { return &r.ITL }},
		{"model_request_socket_wait_seconds", func(r *Row) *Histogram { return &r.SocketWait }},
		{"model_request_duration_seconds", func(r *Row) *Histogram { return &r.Duration }},
		{"model_time_per_output_token_seconds", func(r *Row) *Histogram { return &r.TPOT }},
	} {
		for _, c := range rs.changes(h.name) {
			if c.known {
				at := h.of(rs.row(c.Labels))
				*at = at.Plus(c.hist)
			}
		}
	}
}

func (rs *rowSet) gauges() {
	for _, c := range rs.changes("model_requests_in_flight") {
		r := rs.row(c.Labels)
		r.api(c.Labels["api"])
		switch c.Labels["state"] {
		case "receiving":
			r.Receiving += c.now
		case "waiting":
			r.Waiting += c.now
		case "streaming":
			r.Streaming += c.now
		}
	}
	for _, c := range rs.changes("model_streams_stalled") {
		rs.row(c.Labels).Stalled += c.now
	}
	for _, c := range rs.changes("model_tokens_per_second") {
		rs.add(&rs.row(c.Labels).TokensPerSecond, c.now)
	}
}

// servers adds the servers without a request, and what is known of the
// processes of all.
func (rs *rowSet) servers() {
	type of struct{ instance, server string }
	known := map[of]*Process{}
	at := func(l Labels) *Process {
		k := of{l["instance"], l["server"]}
		if known[k] == nil {
			nan := math.NaN()
			known[k] = &Process{nil, nan, nan, nan, nan}
		}
		return known[k]
	}
	for _, c := range rs.changes("model_server_info") {
		at(c.Labels).Info = c.Labels
	}
	for _, c := range rs.changes("model_server_processes") {
		at(c.Labels).Processes = c.now
	}
	for _, c := range rs.changes("model_server_resident_memory_bytes") {
		at(c.Labels).Resident = c.now
	}
	for _, c := range rs.changes("model_server_cpu_seconds_total") {
		at(c.Labels).CPU = rs.rate(c.delta)
	}
	for _, c := range rs.changes("model_server_gpu_memory_bytes") {
		rs.add(&at(c.Labels).VRAM, c.now)
	}
	for _, r := range rs.rows {
		k := of{r.Instance, r.Server}
		if p := known[k]; p != nil {
			r.Process = *p
		}
	}
	seen := map[of]bool{}
	for k := range rs.rows {
		seen[of{k.Instance, k.Server}] = true
	}
	for k, p := range known {
		if !seen[k] && p.Info != nil {
			rs.row(Labels{"instance": k.instance, "server": k.server}).Process = *p
		}
	}
}
