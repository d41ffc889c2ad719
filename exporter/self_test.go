// SPDX-License-Identifier: Apache-2.0

package exporter

import (
	"testing"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/modeltap/modeltap/observer/event"
)

// Alerts on losses need a series before the first loss.
func TestLossCountersExistAtZeroFromTheStart(t *testing.T) {
	r := newRig(t)
	r.state.Sources = []event.SourceStats{{Source: "cgroup", Attached: "/"}}
	got := r.scrape()
	for name, series := range map[string]int{
		"modeltap_capture_packets_total":          2,
		"modeltap_capture_bytes_total":            2,
		"modeltap_capture_lost_total":             6,
		"modeltap_stream_gaps_total":              1,
		"modeltap_stream_gap_bytes_total":         1,
		"modeltap_stream_resyncs_total":           1,
		"modeltap_parse_errors_total":             int(event.Protocols) * int(event.ParseReasons),
		"modeltap_unobserved_connections_total":   int(event.UnobservedReasons),
		"modeltap_evictions_total":                int(event.Evictions),
		"modeltap_untokenized_answers_total":      int(event.UntokenizedReasons),
		"modeltap_unpaired_requests_total":        int(event.UnpairedReasons),
		"modeltap_panics_total":                   1,
		"modeltap_skipped_bytes_total":            1,
		"modeltap_backpressure_events_total":      1,
		"modeltap_discovery_missed_binds_total":   1,
		"modeltap_discovery_dropped_events_total": 1,
		"modeltap_snapshot_failures_total":        1,
		"modeltap_tracked_connections":            1,
		"modeltap_buffer_bytes":                   1,
	} {
		if got[name] == nil || len(got[name].Metric) != series {
			t.Errorf("%s: %d series, want %d", name, len(got[name].GetMetric()), series)
			continue
		}
		for _, m := range got[name].Metric {
			if v := m.GetCounter().GetValue() + m.GetGauge().GetValue(); v != 0 {
				t.Errorf("%s%v: %v", name, labelsOf(m), v)
			}
		}
	}
	if got["modeltap_bpf_runs_total"] != nil {
		t.Error("runs are shown while kernel statistics are off")
	}
}

// Each field of the Snapshot has a value of its own, so that a mix-up shows.
func TestSnapshotFieldsReachTheirMetrics(t *testing.T) {
	r := newRig(t)
	r.state = event.Snapshot{
		Tally: event.Tally{Gaps: 1, GapBytes: 2, Resyncs: 3, SkippedBytes: 4, Backpressure: 5, Panics: 6},
		Sources: []event.SourceStats{
			{
				Source: "cgroup", Attached: "/a", Packets: [2]uint64{100, 101}, Bytes: [2]uint64{110, 111},
				RingFull: [2]uint64{120, 121}, CopyFailed: [2]uint64{130, 131}, QueueFull: [2]uint64{140, 141},
				Kernel: &event.KernelStats{LostBytes: [2]uint64{150, 151}, SkippedBytes: [2]uint64{160, 161},
					Stateless: [2]uint64{170, 171}, LostEvents: 180, LostCloses: 181},
			},
			{Source: "cgroup", Attached: "/b", Packets: [2]uint64{1000, 0}, QueueFull: [2]uint64{0, 1000},
				Kernel: &event.KernelStats{Stateless: [2]uint64{0, 1000}, LostCloses: 1000}},
		},
		Programs: []event.Program{
			{Name: "tap_egress", Runs: 10, RunSeconds: .5}, {Name: "tap_egress", Runs: 5, RunSeconds: .25},
		},
		Features:    map[string]bool{"socket_wait": false, "cgroup_skb": true},
		Connections: 8, BufferBytes: 9, MissedBinds: 10, LateEvents: 11,
	}
	r.state.Tally.ParseErrors[event.ProtoSSE][event.ReasonTooLarge] = 20
	r.state.Tally.Unobserved[event.UnobservedHTTP2] = 21
	r.state.Tally.Evictions[event.EvictIdle] = 22
	r.state.Tally.Untokenized[event.UntokenizedTooLong] = 23
	r.state.Tally.Unpaired[event.UnpairedMany] = 29
	got := r.scrape()
	type l = prometheus.Labels
	for _, c := range []struct {
		name   string
		labels l
		want   float64
	}{
		{"modeltap_stream_gaps_total", nil, 1},
		{"modeltap_stream_gap_bytes_total", nil, 2},
		{"modeltap_stream_resyncs_total", nil, 3},
		{"modeltap_skipped_bytes_total", nil, 4},
		{"modeltap_backpressure_events_total", nil, 5},
		{"modeltap_panics_total", nil, 6},
		{"modeltap_tracked_connections", nil, 8},
		{"modeltap_buffer_bytes", nil, 9},
		{"modeltap_discovery_missed_binds_total", nil, 10},
		{"modeltap_discovery_dropped_events_total", nil, 11},
		{"modeltap_parse_errors_total", l{"protocol": "sse", "reason": "too_large"}, 20},
		{"modeltap_unobserved_connections_total", l{"reason": "http2"}, 21},
		{"modeltap_evictions_total", l{"reason": "idle"}, 22},
		{"modeltap_untokenized_answers_total", l{"reason": "too_long"}, 23},
		{"modeltap_unpaired_requests_total", l{"reason": "too_many"}, 29},
		{"modeltap_capture_packets_total", l{"source": "cgroup", "direction": "ingress"}, 1100},
		{"modeltap_capture_packets_total", l{"source": "cgroup", "direction": "egress"}, 101},
		{"modeltap_capture_bytes_total", l{"source": "cgroup", "direction": "ingress"}, 110},
		{"modeltap_capture_lost_total", l{"direction": "ingress", "reason": "ring_full"}, 120},
		{"modeltap_capture_lost_total", l{"direction": "egress", "reason": "copy_failed"}, 131},
		{"modeltap_capture_lost_total", l{"direction": "egress", "reason": "queue_full"}, 1141},
		{"modeltap_capture_lost_bytes_total", l{"direction": "ingress"}, 150},
		{"modeltap_capture_lost_bytes_total", l{"direction": "egress"}, 151},
		{"modeltap_capture_skipped_bytes_total", l{"direction": "ingress"}, 160},
		{"modeltap_capture_skipped_bytes_total", l{"direction": "egress"}, 161},
		{"modeltap_capture_stateless_packets_total", l{"direction": "ingress"}, 170},
		{"modeltap_capture_stateless_packets_total", l{"direction": "egress"}, 1171},
		{"modeltap_capture_lost_events_total", l{"event": "connection"}, 180},
		{"modeltap_capture_lost_events_total", l{"event": "listener"}, 1181},
		{"modeltap_source_info", l{"source": "cgroup", "attached": "/a"}, 1},
		{"modeltap_source_info", l{"source": "cgroup", "attached": "/b"}, 1},
		{"modeltap_feature_supported", l{"feature": "socket_wait"}, 0},
		{"modeltap_feature_supported", l{"feature": "cgroup_skb"}, 1},
		{"modeltap_bpf_runs_total", l{"program": "tap_egress"}, 15},
		{"modeltap_bpf_run_seconds_total", l{"program": "tap_egress"}, .75},
		{"modeltap_build_info", l{"version": "1.2.3", "revision": "abc"}, 1},
	} {
		if v := got.value(t, c.name, c.labels); v != c.want {
			t.Errorf("%s%v: %v, want %v", c.name, c.labels, v, c.want)
		}
	}
}
