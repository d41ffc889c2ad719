// SPDX-License-Identifier: Apache-2.0

package exporter

import (
	"runtime"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/modeltap/modeltap/observer/event"
)

// selfDescs are what modeltap says of itself.
type selfDescs struct {
	packets, bytes, lost                     family
	lostBytes, leftOut, stateless            family
	lostEvents                               family
	gaps, gapBytes, resyncs                  family
	parseErrors, unobserved                  family
	evictions, panics, untokenized, unpaired family
	skipped, backpressure, missedBinds       family
	lateEvents                               family
	connections, buffer                      family
	source, feature, runs, runTime           family
	version                                  family
}

func newSelfDescs() *selfDescs {
	return &selfDescs{
		packets: counter("modeltap_capture_packets_total",
			"Packets with payload or a connection event that the capture handed over.", "source", "direction"),
		bytes: counter("modeltap_capture_bytes_total",
			"Payload bytes of captured packets.", "source", "direction"),
		lost: counter("modeltap_capture_lost_total",
			"Packets that the capture saw and could not hand over.", "source", "direction", "reason"),
		lostBytes: counter("modeltap_capture_lost_bytes_total",
			"Payload bytes of packets that were lost because the ring was full.", "source", "direction"),
		leftOut: counter("modeltap_capture_skipped_bytes_total",
			"Payload bytes of large requests that the kernel left out on purpose (--capture.max-request-bytes), those of unfollowed connections and those sent again included.", "source", "direction"),
		stateless: counter("modeltap_capture_stateless_packets_total",
			"Packets of sockets that the kernel gave no storage (net.core.optmem_max): followed without their close, socket wait and limit of uploads.", "source", "direction"),
		lostEvents: counter("modeltap_capture_lost_events_total",
			"Events without a packet that met a full ring: closes and reads of connections, which modeltap_capture_lost_total counts as ingress too, and closes of listeners, after which discovery looks at all of them.", "source", "event"),
		gaps: counter("modeltap_stream_gaps_total",
			"Holes in TCP streams that were never filled."),
		gapBytes: counter("modeltap_stream_gap_bytes_total",
			"Bytes missing in such holes."),
		resyncs: counter("modeltap_stream_resyncs_total",
			"Times a stream was picked up again at a message boundary after a loss."),
		parseErrors: counter("modeltap_parse_errors_total",
			"Bytes that did not follow their protocol.", "protocol", "reason"),
		unobserved: counter("modeltap_unobserved_connections_total",
			"Connections, and compressed answers, whose content could not be understood.", "reason"),
		evictions: counter("modeltap_evictions_total",
			"Connections and requests that were given up or refused: idle by time alone, all others to stay within a limit.", "reason"),
		panics: counter("modeltap_panics_total",
			"Errors of modeltap itself, each of which cost a connection, a part of a scrape or a tick of the live page; please report."),
		unpaired: counter("modeltap_unpaired_requests_total",
			"Requests to a queue (Gradio) that no stream told the output of, and outputs of requests that were not seen.", "reason"),
		untokenized: counter("modeltap_untokenized_answers_total",
			"Answers of a model with a tokenizer (--tokenizer) whose tokens were counted by lesser evidence.", "reason"),
		skipped: counter("modeltap_skipped_bytes_total",
			"Bytes of large requests left out on purpose (--capture.max-request-bytes)."),
		backpressure: counter("modeltap_backpressure_events_total",
			"Content events held up by a slow client or path and left out of the per-token histograms."),
		lateEvents: counter("modeltap_discovery_dropped_events_total",
			"Binds, closes and answers that discovery was told of while too many others waited. It looks at all listeners again."),
		missedBinds: counter("modeltap_discovery_missed_binds_total",
			"Sockets given a port of which discovery was not told: over 200 in a second, or a full ring. What listens there is found by a look or by its first answer."),
		connections: gauge("modeltap_tracked_connections", "Connections being followed."),
		buffer:      gauge("modeltap_buffer_bytes", "Bytes held because they arrived out of order."),
		source: gauge("modeltap_source_info",
			"Constant 1 for each place where a capture is attached.", "source", "attached"),
		feature: gauge("modeltap_feature_supported",
			"Whether this host lets modeltap use a feature.", "feature"),
		runs: counter("modeltap_bpf_runs_total",
			"Runs of a BPF program, while kernel statistics (kernel.bpf_stats_enabled) are on.", "program"),
		runTime: counter("modeltap_bpf_run_seconds_total",
			"Time spent in a BPF program, while kernel statistics are on.", "program"),
		version: gauge("modeltap_build_info",
			"Constant 1 with the version of this program.", "version", "revision", "goversion", "goos", "goarch"),
	}
}

func (d *selfDescs) describe(ch chan<- *prometheus.Desc) {
	for _, f := range []family{
		d.packets, d.bytes, d.lost, d.lostBytes, d.leftOut, d.stateless, d.lostEvents, d.gaps, d.gapBytes, d.resyncs, d.parseErrors, d.unobserved,
		d.evictions, d.panics, d.untokenized, d.unpaired, d.skipped, d.backpressure, d.missedBinds, d.lateEvents, d.connections, d.buffer, d.source,
		d.feature, d.runs, d.runTime, d.version,
	} {
		ch <- f.desc
	}
}

func (d *selfDescs) collect(ch chan<- prometheus.Metric, s *event.Snapshot) {
	d.capture(ch, s.Sources)
	d.tally(ch, &s.Tally)
	d.connections.emit(ch, float64(s.Connections))
	d.buffer.emit(ch, float64(s.BufferBytes))
	d.missedBinds.emit(ch, float64(s.MissedBinds))
	d.lateEvents.emit(ch, float64(s.LateEvents))
	for name, ok := range s.Features {
		v := 0.0
		if ok {
			v = 1
		}
		d.feature.emit(ch, v, event.Label(name))
	}
	programs := make(map[string]event.Program, len(s.Programs))
	for _, p := range s.Programs {
		sum := programs[p.Name]
		sum.Runs += p.Runs
		sum.RunSeconds += p.RunSeconds
		programs[p.Name] = sum
	}
	for name, p := range programs {
		d.runs.emit(ch, float64(p.Runs), event.Label(name))
		d.runTime.emit(ch, p.RunSeconds, event.Label(name))
	}
}

// capture adds up sources of the same kind, which differ by where they are
// attached.
func (d *selfDescs) capture(ch chan<- prometheus.Metric, sources []event.SourceStats) {
	sums := make(map[string]*event.SourceStats, len(sources))
	places := make(map[[2]string]bool, len(sources))
	for i := range sources {
		s := &sources[i]
		if place := [2]string{event.Label(s.Source), event.Label(s.Attached)}; !places[place] {
			places[place] = true
			d.source.emit(ch, 1, place[:]...)
		}
		sum := sums[s.Source]
		if sum == nil {
			sum = new(event.SourceStats)
			sums[s.Source] = sum
		}
		for dir := range s.Packets {
			sum.Packets[dir] += s.Packets[dir]
			sum.Bytes[dir] += s.Bytes[dir]
			sum.RingFull[dir] += s.RingFull[dir]
			sum.CopyFailed[dir] += s.CopyFailed[dir]
			sum.QueueFull[dir] += s.QueueFull[dir]
		}
		if s.Kernel != nil {
			if sum.Kernel == nil {
				sum.Kernel = new(event.KernelStats)
			}
			sum.Kernel.Add(s.Kernel)
		}
	}
	for name, s := range sums {
		source := event.Label(name)
		for i := range s.Packets {
			dir := event.Direction(i).String()
			d.packets.emit(ch, float64(s.Packets[i]), source, dir)
			d.bytes.emit(ch, float64(s.Bytes[i]), source, dir)
			d.lost.emit(ch, float64(s.RingFull[i]), source, dir, "ring_full")
			d.lost.emit(ch, float64(s.CopyFailed[i]), source, dir, "copy_failed")
			d.lost.emit(ch, float64(s.QueueFull[i]), source, dir, "queue_full")
			if k := s.Kernel; k != nil {
				d.lostBytes.emit(ch, float64(k.LostBytes[i]), source, dir)
				d.leftOut.emit(ch, float64(k.SkippedBytes[i]), source, dir)
				d.stateless.emit(ch, float64(k.Stateless[i]), source, dir)
			}
		}
		if k := s.Kernel; k != nil {
			d.lostEvents.emit(ch, float64(k.LostEvents), source, "connection")
			d.lostEvents.emit(ch, float64(k.LostCloses), source, "listener")
		}
	}
}

func (d *selfDescs) tally(ch chan<- prometheus.Metric, t *event.Tally) {
	d.gaps.emit(ch, float64(t.Gaps))
	d.gapBytes.emit(ch, float64(t.GapBytes))
	d.resyncs.emit(ch, float64(t.Resyncs))
	d.skipped.emit(ch, float64(t.SkippedBytes))
	d.backpressure.emit(ch, float64(t.Backpressure))
	d.panics.emit(ch, float64(t.Panics))
	for p := range t.ParseErrors {
		for r, n := range t.ParseErrors[p] {
			d.parseErrors.emit(ch, float64(n), event.Protocol(p).String(), event.ParseReason(r).String())
		}
	}
	for r, n := range t.Unobserved {
		d.unobserved.emit(ch, float64(n), event.Unobserved(r).String())
	}
	for r, n := range t.Evictions {
		d.evictions.emit(ch, float64(n), event.Eviction(r).String())
	}
	for r, n := range t.Untokenized {
		d.untokenized.emit(ch, float64(n), event.Untokenized(r).String())
	}
	for r, n := range t.Unpaired {
		d.unpaired.emit(ch, float64(n), event.Unpaired(r).String())
	}
}

func (d *selfDescs) build(ch chan<- prometheus.Metric, version, revision string) {
	d.version.emit(ch, 1, version, revision, runtime.Version(), runtime.GOOS, runtime.GOARCH)
}
