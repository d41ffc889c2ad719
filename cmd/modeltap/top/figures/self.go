// SPDX-License-Identifier: Apache-2.0

package figures

import (
	"cmp"
	"math"
	"slices"
	"strings"
)

// Host is the machine that modeltap runs on; NaN is unknown.
type Host struct {
	CPU         float64 // share of all processors that worked, 0 to 1
	CPUs, Load1 float64
	Total, Free float64 // memory in bytes; free is what is available
}

// Memory returns the share of memory in use.
func (h *Host) Memory() float64 { return (h.Total - h.Free) / h.Total }

func host(p pair) Host {
	h := Host{
		CPU: math.NaN(), CPUs: p.to.value("host_cpus", nil), Load1: p.to.value("host_load1", nil),
		Total: p.to.value("host_memory_total_bytes", nil), Free: p.to.value("host_memory_available_bytes", nil),
	}
	sum, all, idle := sums{}, math.NaN(), 0.0
	for _, c := range p.changes("host_cpu_seconds_total") {
		sum.add(&all, c.delta)
		if m := c.Labels["mode"]; m == "idle" || m == "iowait" {
			idle += c.delta
		}
	}
	if all > 0 {
		h.CPU = 1 - idle/all
	}
	return h
}

// Self is modeltap itself.
type Self struct {
	Version  string
	Sources  []string // what captures and where
	Started  float64  // Unix time; NaN is unknown
	Resident float64  // bytes
	CPU      float64  // processors in use
	Packets  float64  // captured a second
	Bytes    float64
	Lost     Count // packets seen and not handed over
	Gaps     Count // holes in streams
	Counters []Count
	Tracked  float64 // connections
	Buffered float64 // bytes
	Features []Feature
	Reloaded float64 // whether the last reload was taken: 1, 0
	Routines float64
}

// Feature is something that the host offers or not.
type Feature struct {
	Name string
	Has  bool
}

// counters are what modeltap could not see or understand, beside losses and
// gaps: the family, what to call it, and the labels that tell its parts apart.
var counters = []struct {
	family, title string
	by            []string
}{
	{"modeltap_stream_gap_bytes_total", "bytes missing in streams", nil},
	{"modeltap_stream_resyncs_total", "streams picked up again", nil},
	{"modeltap_parse_errors_total", "parse errors", []string{"protocol", "reason"}},
	{"modeltap_unobserved_connections_total", "connections not understood", []string{"reason"}},
	{"modeltap_evictions_total", "connections given up", []string{"reason"}},
	{"modeltap_panics_total", "panics", nil},
	{"modeltap_skipped_bytes_total", "bytes of large requests left out", nil},
	{"modeltap_backpressure_events_total", "events held up by slow clients", nil},
	{"modeltap_other_requests_total", "other HTTP requests", nil},
	{"modeltap_unpaired_requests_total", "unpaired Gradio requests", []string{"reason"}},
	{"modeltap_untokenized_answers_total", "answers counted by lesser evidence", []string{"reason"}},
	{"modeltap_otlp_dropped_spans_total", "spans that a collector did not get", []string{"reason"}},
	{"modeltap_snapshot_failures_total", "scrapes without a state", nil},
}

func self(p pair) Self {
	sum := sums{}
	s := Self{
		Started:  p.to.value("process_start_time_seconds", nil),
		Resident: p.to.value("process_resident_memory_bytes", nil), CPU: math.NaN(),
		Packets: math.NaN(), Bytes: math.NaN(),
		Lost: Count{Name: "packets lost"}, Gaps: Count{Name: "gaps in streams"},
		Tracked: p.to.value("modeltap_tracked_connections", nil), Buffered: p.to.value("modeltap_buffer_bytes", nil),
		Reloaded: p.to.value("modeltap_config_last_reload_successful", nil), Routines: p.to.value("go_goroutines", nil),
	}
	for _, c := range p.changes("modeltap_build_info") {
		s.Version = c.Labels["version"]
	}
	for _, c := range p.changes("modeltap_source_info") {
		s.Sources = append(s.Sources, described(c.Labels))
	}
	slices.Sort(s.Sources)
	for _, c := range p.changes("modeltap_feature_supported") {
		s.Features = append(s.Features, Feature{c.Labels["feature"], c.now > 0})
	}
	slices.SortFunc(s.Features, func(a, b Feature) int { return cmp.Compare(a.Name, b.Name) })
	for _, c := range p.changes("process_cpu_seconds_total") {
		sum.add(&s.CPU, p.rate(c.delta))
	}
	for _, c := range p.changes("modeltap_capture_packets_total") {
		sum.add(&s.Packets, p.rate(c.delta))
	}
	for _, c := range p.changes("modeltap_capture_bytes_total") {
		sum.add(&s.Bytes, p.rate(c.delta))
	}
	var lost, gaps []Count
	for _, c := range p.changes("modeltap_capture_lost_total") {
		p.count(&lost, s.Lost.Name, c)
	}
	for _, c := range p.changes("modeltap_stream_gaps_total") {
		p.count(&gaps, s.Gaps.Name, c)
	}
	for _, x := range append(lost, gaps...) {
		if x.Name == s.Lost.Name {
			s.Lost = x
		} else {
			s.Gaps = x
		}
	}
	for _, f := range counters {
		var of []Count
		for _, c := range p.changes(f.family) {
			name := f.title
			for _, label := range f.by {
				name += " " + c.Labels[label]
			}
			p.count(&of, name, c)
		}
		slices.SortFunc(of, func(a, b Count) int { return cmp.Compare(a.Name, b.Name) })
		s.Counters = append(s.Counters, of...)
	}
	return s
}

// described writes labels with a value as NAME=VALUE, the source's own first.
func described(l Labels) string {
	var parts []string
	for k, v := range l {
		if k != "source" && v != "" {
			parts = append(parts, k+"="+v)
		}
	}
	slices.Sort(parts)
	return strings.TrimSpace(l["source"] + " " + strings.Join(parts, " "))
}
