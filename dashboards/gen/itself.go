// SPDX-License-Identifier: Apache-2.0

package main

import (
	"github.com/grafana/grafana-foundation-sdk/go/cog"
	"github.com/grafana/grafana-foundation-sdk/go/dashboard"
)

const lossShare = `rate(modeltap_capture_lost_total{$J}[$R])) / (sum by (instance) (rate(modeltap_capture_packets_total{$J}[$R])) + sum by (instance) (rate(modeltap_capture_lost_total{$J}[$R])) > 0)`

// itself answers: can the other dashboards be believed?
func itself() board {
	return board{
		uid: uidSelf, title: "modeltap itself",
		about:     "Whether anything is lost or not understood, and what observing costs. When figures elsewhere look odd, look here first.",
		variables: []cog.Builder[dashboard.VariableModel]{datasource(), job(), instance()},
		events:    events(),
		rows: []row{
			{panels: selfNow()},
			{title: "Is anything lost?", panels: selfLoss()},
			{title: "Is anything not understood?", panels: selfUnderstood()},
			{title: "What it costs", panels: selfCost()},
			{title: "What runs where", panels: selfWhat()},
		},
	}
}

func selfNow() []panel {
	return []panel{
		stat("Hosts observed", "short", "Hosts whose modeltap answers.", q(`sum(up{$J})`, "hosts")),
		stat("Hosts down", "short", "Hosts whose modeltap does not answer: their servers are not observed.", q(`count(up{$J} == 0) or vector(0)`, "down")).over(1, 1),
		stat("Lost, worst host", "percentunit", "Share of packets that the capture could not hand over, on the worst host. Above 0.1 % figures have holes: raise --capture.ring-size, or observe less with --target.",
			q(`max(sum by (instance) (`+lossShare+`)`, "lost")).over(0.0001, 0.001),
		stat("Not seen whole", "percentunit", "Share of requests that modeltap did not see whole; they are in no histogram. Streams that were open before it started count here too.",
			q(`(sum(rate(model_requests_total{$J,outcome="incomplete"}[$R])) or vector(0)) / (sum(rate(model_requests_total{$J}[$R])) > 0)`, "incomplete")).over(0.01, 0.05),
		stat("Not readable", "short", "Connections per second that speak TLS, HTTP/2 or something unknown. Let modeltap observe the plain side of the proxy that ends TLS.",
			q(`sum(rate(modeltap_unobserved_connections_total{$J}[$R]))`, "connections")),
		stat("Errors of its own", "short", "Connections dropped because of an error in modeltap itself, since it started. Please report any.",
			q(`sum(increase(modeltap_panics_total{$J}[$__range]))`, "panics")).over(1, 1),
		stat("Configuration refused", "short", "Hosts whose last reload was refused; the earlier configuration is still in force. The log says why.",
			q(`count(modeltap_config_last_reload_successful{$J} == 0) or vector(0)`, "hosts")).over(1, 1),
		stat("Collectors failing", "short", "Parts of the exposition (gpu, host, processes) that were too slow or failed in the last scrape.",
			q(`count(modeltap_collector_success{$J} == 0) or vector(0)`, "collectors")).over(1, 1),
	}
}

func selfLoss() []panel {
	return []panel{
		lines("Packets", "pps", "Packets handed over. 0 while servers are busy: the capture is attached in the wrong place, see modeltap check.",
			q(`sum by (instance, source, direction) (rate(modeltap_capture_packets_total{$J}[$R]))`, "{{instance}} {{source}} {{direction}}")),
		lines("Bytes", "Bps", "Payload handed over. Much of it without many tokens is large requests (images), or a port that is no model server's.",
			q(`sum by (instance, direction) (rate(modeltap_capture_bytes_total{$J}[$R]))`, "{{instance}} {{direction}}")),
		lines("Lost packets", "percentunit", "Share of packets that were seen and not handed over. ring_full: raise --capture.ring-size; queue_full: the processor is too busy.",
			q(`sum by (instance, reason) (`+short.Replace(`rate(modeltap_capture_lost_total{$J}[$R])) / ignoring (reason) group_left () (sum by (instance) (rate(modeltap_capture_packets_total{$J}[$R])) + sum by (instance) (rate(modeltap_capture_lost_total{$J}[$R])) > 0)`), "{{instance}} {{reason}}")).over(0.0001, 0.001),
		lines("Holes in streams", "short", "Holes that were never filled, and streams picked up again behind one, per second.",
			q(`sum by (instance) (rate(modeltap_stream_gaps_total{$J}[$R]))`, "{{instance}} holes"), q(`sum by (instance) (rate(modeltap_stream_resyncs_total{$J}[$R]))`, "{{instance}} picked up again")),
		lines("Missing and skipped bytes", "Bps", "Bytes in holes, and bytes of large requests that were left out on purpose (--capture.max-request-bytes), which is no loss.",
			q(`sum by (instance) (rate(modeltap_stream_gap_bytes_total{$J}[$R]))`, "{{instance}} missing"), q(`sum by (instance) (rate(modeltap_skipped_bytes_total{$J}[$R]))`, "{{instance}} skipped")),
		lines("Requests not seen whole", "percentunit", "Share by host. More than a few percent without losses are streams that began before modeltap, or heads beyond the limit.",
			q(`(sum by (instance) (rate(model_requests_total{$J,outcome="incomplete"}[$R])) or 0 * sum by (instance) (rate(model_requests_total{$J}[$R]))) / (sum by (instance) (rate(model_requests_total{$J}[$R])) > 0)`, "{{instance}}")).over(0.01, 0.05),
	}
}

func selfUnderstood() []panel {
	return []panel{
		lines("Not readable connections", "short", "By reason: tls and http2 need the plain side of a proxy, websocket an HTTP route of the same API, unknown_protocol is a wrong port, compressed answers have durations and no token times.",
			q(`sum by (instance, reason) (rate(modeltap_unobserved_connections_total{$J}[$R]))`, "{{instance}} {{reason}}")),
		lines("Bytes against their protocol", "short", "What could not be parsed, per second. A steady rate on one protocol is a new dialect: please report with modeltap record.",
			q(`sum by (instance, protocol, reason) (rate(modeltap_parse_errors_total{$J}[$R]))`, "{{instance}} {{protocol}} {{reason}}")),
		lines("Queued requests without an answer", "short", "Gradio: requests to a queue that no stream told the output of, and the other way round.",
			q(`sum by (instance, reason) (rate(modeltap_unpaired_requests_total{$J}[$R]))`, "{{instance}} {{reason}}")),
		lines("Stated ÷ estimated tokens", "short", "How far the estimate of tokens is off where servers state the truth; estimates are corrected by it. Far from 1, or moving: give modeltap the tokenizer.",
			q(`modeltap_token_calibration_ratio{$J}`, "{{server}} {{model}}")),
		lines("Answers not tokenized", "short", "Answers of a model with a tokenizer that had to be counted by lesser evidence.",
			q(`sum by (instance, reason) (rate(modeltap_untokenized_answers_total{$J}[$R]))`, "{{instance}} {{reason}}")),
		lines("Connections and requests given up", "short", "idle is by time alone and normal. All others are to stay within a limit: connections, half_open and refused within --max-connections, buffer and exchanges within --max-buffer or the requests of one connection.",
			q(`sum by (instance, reason) (rate(modeltap_evictions_total{$J}[$R]))`, "{{instance}} {{reason}}")),
	}
}

func selfCost() []panel {
	return []panel{
		lines("Processor", "percentunit", "Share of one core that the daemon uses. It follows the packets; without traffic it is near 0.",
			q(`rate(process_cpu_seconds_total{$J}[$R])`, "{{instance}}")),
		lines("Memory", "bytes", "Resident memory, the ring included. Growth without growing connections is to be reported.",
			q(`process_resident_memory_bytes{$J}`, "{{instance}}")),
		lines("Connections followed", "short", "Open connections that are followed; limit --max-connections.",
			q(`modeltap_tracked_connections{$J}`, "{{instance}}")),
		lines("Bytes held", "bytes", "Bytes held because they came out of order; limit --max-buffer.",
			q(`modeltap_buffer_bytes{$J}`, "{{instance}}")),
		lines("Kernel programs, share of a core", "percentunit", "Time in each BPF program, while sysctl kernel.bpf_stats_enabled is 1. Absent otherwise: counting costs a little.",
			q(`sum by (instance, program) (rate(modeltap_bpf_run_seconds_total{$J}[$R]))`, "{{instance}} {{program}}")),
		lines("Kernel programs, time of a run", "s", "Time of one run, while sysctl kernel.bpf_stats_enabled is 1.",
			q(`sum by (instance, program) (rate(modeltap_bpf_run_seconds_total{$J}[$R])) / (sum by (instance, program) (rate(modeltap_bpf_runs_total{$J}[$R])) > 0)`, "{{instance}} {{program}}")),
		lines("Scrape", "s", "How long a scrape takes, and its parts. Beyond 1 s scrape less often, or lower --max-servers and --max-models.",
			q(`scrape_duration_seconds{$J}`, "{{instance}} scrape"), q(`modeltap_collector_duration_seconds{$J}`, "{{instance}} {{collector}}")),
		lines("Series", "short", "Series of each host: what the storage has to keep. It grows with servers and models.",
			q(`scrape_samples_post_metric_relabeling{$J}`, "{{instance}}")),
		lines("Goroutines", "short", "Steady growth is a leak to be reported.",
			q(`go_goroutines{$J}`, "{{instance}}")),
	}
}

func selfWhat() []panel {
	hidden := []column{{from: "Value", hide: true}, {from: "__name__", hide: true}, {from: "job", hide: true}}
	return []panel{
		{kind: kindTable, title: "Versions", unit: "short", w: 8, h: 8, about: "Which version runs where. Several at once for long are an update that stopped.",
			queries: []query{q(`modeltap_build_info{$J}`, "")},
			columns: append([]column{{from: "instance", title: "Host"}, {from: "version", title: "Version"}, {from: "revision", title: "Revision"}, {from: "goversion", title: "Go"}}, hidden...)},
		{kind: kindTable, title: "Attached", unit: "short", w: 8, h: 8, about: "Where each host's capture is attached: at the cgroups of servers where they are known, else at the root.",
			queries: []query{q(`modeltap_source_info{$J}`, "")},
			columns: append([]column{{from: "instance", title: "Host"}, {from: "source", title: "Source"}, {from: "attached", title: "Attached at"}}, hidden...)},
		{kind: kindTable, title: "Features of the host", unit: "short", w: 8, h: 8, about: "Features, and whether the host offers them (1) or not (0). modeltap check on the host says how to get what is missing.",
			queries: []query{q(`sort(modeltap_feature_supported{$J})`, "")},
			columns: []column{{from: "instance", title: "Host"}, {from: "feature", title: "Feature"}, {from: "Value", title: "Offered", unit: "short"}, {from: "__name__", hide: true}, {from: "job", hide: true}}},
	}
}
