// SPDX-License-Identifier: Apache-2.0

package exporter

import (
	"bytes"
	"flag"
	"maps"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"
	"github.com/prometheus/client_golang/prometheus/testutil/promlint"
	dto "github.com/prometheus/client_model/go"
	"github.com/prometheus/common/expfmt"

	"github.com/modeltap/modeltap/observer/event"
)

var update = flag.Bool("update", false, "rewrite the golden files")

const golden = "testdata/metrics.prom"

// scripted is a small life of a daemon that touches every metric.
func scripted(t *testing.T) *rig {
	r := newRig(t)
	r.SetObjectives([]Objective{{Server: "vllm:8000", TTFT: time.Second}})
	x := streamed()
	r.Exchange(&x)
	x.Tokens[event.Output].Source = event.Chunks
	x.Tokens[event.Cached] = event.Count{N: 64, Source: event.Usage, Known: true}
	x.Tokens[event.Reasoning] = event.Count{N: 4, Source: event.Usage, Known: true}
	x.Finish = [event.Finishes]uint8{event.FinishLength: 2}
	r.Exchange(&x)
	x.Stream = false
	r.Exchange(&x)
	x.Outcome = event.ClientAbort
	r.Exchange(&x)
	x = event.Exchange{Server: "uvicorn:8001", API: "generic", Model: "unknown", Outcome: event.HTTPError, Status: 500,
		Start: 1, End: 1 + 40*ms, RequestBytes: 10, ResponseBytes: 20, SocketWait: -1}
	r.Exchange(&x)
	x = event.Exchange{Server: "uvicorn:8001", API: "generic", Model: "unknown", Outcome: event.Incomplete, SocketWait: -1}
	r.Exchange(&x)
	r.OtherRequest("uvicorn:8001", 200)
	r.OtherRequest("uvicorn:8001", 0)
	r.state = event.Snapshot{
		Tally: event.Tally{Gaps: 1, GapBytes: 1448, Resyncs: 1},
		Series: []event.Series{{
			Server: "vllm:8000", API: "openai_chat", Model: "llama",
			InterToken:      histogramOf(map[int]uint64{11: 20}, 1),
			InterChunk:      histogramOf(map[int]uint64{11: 20}, 1),
			TokensPerSecond: 2.2, Waiting: 1, Streaming: 2, Calibration: 1.1,
		}},
		Servers: []event.Server{
			{Name: "vllm:8000", PID: 42, Comm: "vllm", Address: "::", Port: 8000, Listening: true},
			{Name: "uvicorn:8001", Port: 8001, Target: true, Listening: true},
		},
		Sources:     []event.SourceStats{{Source: "cgroup", Attached: "/", Packets: [2]uint64{12, 34}, Bytes: [2]uint64{1200, 3400}, Kernel: &event.KernelStats{}}},
		Programs:    []event.Program{{Name: "tap_egress", Runs: 46, RunSeconds: .001}},
		Features:    map[string]bool{"socket_wait": true},
		Connections: 3, BufferBytes: 100, MissedBinds: 7, LateEvents: 8,
	}
	return r
}

func TestGolden(t *testing.T) {
	r := scripted(t)
	names := slices.Sorted(maps.Keys(r.scrape()))
	names = slices.DeleteFunc(names, func(s string) bool { return s == "modeltap_build_info" }) // names the Go release
	holdGolden(t, r.registry, golden, names)
}

// holdGolden compares the families called names with a committed exposition.
func holdGolden(t *testing.T, from prometheus.Gatherer, path string, names []string) {
	t.Helper()
	if *update {
		all, err := from.Gather()
		if err != nil {
			t.Fatal(err)
		}
		var b bytes.Buffer
		for _, f := range all {
			if !slices.Contains(names, f.GetName()) {
				continue
			}
			if _, err := expfmt.MetricFamilyToText(&b, f); err != nil {
				t.Fatal(err)
			}
		}
		if err := os.WriteFile(path, b.Bytes(), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer want.Close()
	if err := testutil.GatherAndCompare(from, want, names...); err != nil {
		t.Error(err)
	}
}

func TestPromlintIsClean(t *testing.T) {
	for _, f := range scripted(t).scrape() {
		problems, err := promlint.NewWithMetricFamilies([]*dto.MetricFamily{f}).Lint()
		if err != nil {
			t.Fatal(err)
		}
		for _, p := range problems {
			t.Errorf("%s: %s", p.Metric, p.Text)
		}
	}
}

// The promise to users: name, type, labels.
func TestNamesTypesLabels(t *testing.T) {
	const id = " api model server"
	want := map[string]string{
		"model_requests_total":                 "COUNTER code outcome stream" + id,
		"model_requests_in_flight":             "GAUGE state" + id,
		mDuration:                              "HISTOGRAM stream" + id,
		mTTFT:                                  "HISTOGRAM" + id,
		mTTFC:                                  "HISTOGRAM" + id,
		"model_inter_token_latency_seconds":    "HISTOGRAM" + id,
		"model_inter_chunk_latency_seconds":    "HISTOGRAM" + id,
		mTPOT:                                  "HISTOGRAM" + id,
		mWait:                                  "HISTOGRAM" + id,
		"model_tokens_total":                   "COUNTER source type" + id,
		mInput:                                 "HISTOGRAM" + id,
		mOutput:                                "HISTOGRAM" + id,
		"model_tokens_per_second":              "GAUGE" + id,
		mRate:                                  "HISTOGRAM" + id,
		mReqBytes:                              "HISTOGRAM" + id,
		mRespBytes:                             "HISTOGRAM" + id,
		"model_finish_total":                   "COUNTER reason" + id,
		"model_slo_requests_total":             "COUNTER met objective" + id,
		"model_streams_stalled":                "GAUGE" + id,
		"model_server_info":                    "GAUGE comm container namespace pid pod port server unit",
		"modeltap_capture_packets_total":       "COUNTER direction source",
		"modeltap_capture_bytes_total":         "COUNTER direction source",
		"modeltap_capture_lost_total":          "COUNTER direction reason source",
		"modeltap_capture_lost_bytes_total":    "COUNTER direction source",
		"modeltap_capture_skipped_bytes_total": "COUNTER direction source",
		"modeltap_capture_stateless_packets_total":              "COUNTER direction source",
		"modeltap_capture_lost_events_total":                    "COUNTER event source",
		"modeltap_stream_gaps_total":                            "COUNTER",
		"modeltap_stream_gap_bytes_total":                       "COUNTER",
		"modeltap_stream_resyncs_total":                         "COUNTER",
		"modeltap_parse_errors_total":                           "COUNTER protocol reason",
		"modeltap_unobserved_connections_total":                 "COUNTER reason",
		"modeltap_other_requests_total":                         "COUNTER code server",
		"modeltap_tracked_connections":                          "GAUGE",
		"modeltap_buffer_bytes":                                 "GAUGE",
		"modeltap_evictions_total":                              "COUNTER reason",
		"modeltap_untokenized_answers_total":                    "COUNTER reason",
		"modeltap_unpaired_requests_total":                      "COUNTER reason",
		"modeltap_panics_total":                                 "COUNTER",
		"modeltap_skipped_bytes_total":                          "COUNTER",
		"modeltap_backpressure_events_total":                    "COUNTER",
		"modeltap_discovery_missed_binds_total":                 "COUNTER",
		"modeltap_discovery_dropped_events_total":               "COUNTER",
		"modeltap_token_calibration_ratio":                      "GAUGE model server",
		"modeltap_config_last_reload_successful":                "GAUGE",
		"modeltap_config_last_reload_success_timestamp_seconds": "GAUGE",
		"modeltap_build_info":                                   "GAUGE goarch goos goversion revision version",
		"modeltap_source_info":                                  "GAUGE attached source",
		"modeltap_feature_supported":                            "GAUGE feature",
		"modeltap_bpf_runs_total":                               "COUNTER program",
		"modeltap_bpf_run_seconds_total":                        "COUNTER program",
		"modeltap_snapshot_failures_total":                      "COUNTER",
	}
	got := scripted(t).scrape()
	for name, w := range want {
		f := got[name]
		if f == nil {
			t.Errorf("%s: absent", name)
			continue
		}
		labels := slices.Collect(maps.Keys(labelsOf(f.Metric[0])))
		words := strings.Fields(w)
		slices.Sort(labels)
		slices.Sort(words[1:])
		if f.GetType().String() != words[0] || !slices.Equal(labels, words[1:]) {
			t.Errorf("%s: %v %v, want %v", name, f.GetType(), labels, words)
		}
	}
	for name := range got {
		if want[name] == "" {
			t.Errorf("%s: not promised", name)
		}
	}
}
