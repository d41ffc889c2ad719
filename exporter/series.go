// SPDX-License-Identifier: Apache-2.0

package exporter

import (
	"strconv"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/modeltap/modeltap/observer/event"
)

// seriesDescs are the model metrics that live in the observer and are read at
// each scrape.
type seriesDescs struct {
	interToken, interChunk                  *prometheus.Desc
	inFlight, rate, stalled, ratio, servers family
}

func newSeriesDescs() *seriesDescs {
	return &seriesDescs{
		interToken: prometheus.NewDesc("model_inter_token_latency_seconds",
			"Gap between content events of a choice divided by the tokens of the later one, once per token.", identityLabels(), nil),
		interChunk: prometheus.NewDesc("model_inter_chunk_latency_seconds",
			"Gap between content events of a choice, once per event.", identityLabels(), nil),
		inFlight: gauge("model_requests_in_flight",
			"Open model requests: request not complete (receiving), complete with no token yet (waiting), tokens seen (streaming).",
			identityLabels("state")...),
		rate: gauge("model_tokens_per_second",
			"Output tokens of the last 10 s divided by 10 s, running streams included.", identityLabels()...),
		stalled: gauge("model_streams_stalled",
			"Open streams without a token for longer than --stall-after.", identityLabels()...),
		ratio: gauge("modeltap_token_calibration_ratio",
			"Stated output tokens divided by estimated ones, where servers have stated enough of them.", "server", "model"),
		servers: gauge("model_server_info",
			"Constant 1 for each model server that is being observed.",
			"server", "pid", "comm", "port", "container", "pod", "namespace", "unit"),
	}
}

func (d *seriesDescs) describe(ch chan<- *prometheus.Desc) {
	ch <- d.interToken
	ch <- d.interChunk
	for _, f := range []family{d.inFlight, d.rate, d.stalled, d.ratio, d.servers} {
		ch <- f.desc
	}
}

func (d *seriesDescs) collect(ch chan<- prometheus.Metric, s *event.Snapshot, native bool, now time.Time) {
	type serverModel struct{ server, model string }
	ratios := make(map[serverModel]bool)
	for k, r := range merged(s.Series) {
		id := []string{k.server, k.model, k.api}
		ch <- constHistogram(d.interToken, &r.InterToken, native, now, id...)
		ch <- constHistogram(d.interChunk, &r.InterChunk, native, now, id...)
		d.inFlight.emit(ch, float64(r.Receiving), k.server, k.model, k.api, "receiving")
		d.inFlight.emit(ch, float64(r.Waiting), k.server, k.model, k.api, "waiting")
		d.inFlight.emit(ch, float64(r.Streaming), k.server, k.model, k.api, "streaming")
		d.rate.emit(ch, r.TokensPerSecond, id...)
		d.stalled.emit(ch, float64(r.Stalled), id...)
		if sm := (serverModel{k.server, k.model}); r.Calibration != 0 && !ratios[sm] {
			ratios[sm] = true
			d.ratio.emit(ch, r.Calibration, k.server, k.model)
		}
	}
	d.info(ch, s.Servers)
}

func (d *seriesDescs) info(ch chan<- prometheus.Metric, servers []event.Server) {
	seen := make(map[[8]string]bool, len(servers))
	for i := range servers {
		r := &servers[i]
		if r.Target && !r.Listening {
			continue
		}
		l := [8]string{
			event.Label(r.Name), number(r.PID), event.Label(r.Comm), number(int(r.Port)),
			event.Label(r.Container), event.Label(r.Pod), event.Label(r.Namespace), event.Label(r.Unit),
		}
		if !seen[l] {
			seen[l] = true
			d.servers.emit(ch, 1, l[:]...)
		}
	}
}

// merged adds up series of the same labels: beyond --max-servers several
// servers share the name "other".
func merged(series []event.Series) map[key]*event.Series {
	out := make(map[key]*event.Series, len(series))
	for i := range series {
		r := &series[i]
		k := keyOf(r.Server, r.Model, r.API)
		to := out[k]
		if to == nil {
			first := *r
			out[k] = &first
			continue
		}
		addHistogram(&to.InterToken, &r.InterToken)
		addHistogram(&to.InterChunk, &r.InterChunk)
		to.TokensPerSecond += r.TokensPerSecond
		to.Receiving += r.Receiving
		to.Waiting += r.Waiting
		to.Streaming += r.Streaming
		to.Stalled += r.Stalled
		if to.Calibration != r.Calibration {
			to.Calibration = 0 // two servers' ratios have no common value
		}
	}
	return out
}

// number renders a label value; 0 stands for unknown.
func number(n int) string {
	if n == 0 {
		return ""
	}
	return strconv.Itoa(n)
}
