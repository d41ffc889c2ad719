// SPDX-License-Identifier: Apache-2.0

package exporter

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// histogram names one per-request histogram; each has the identity labels only.
type histogram uint8

const (
	timeToFirstToken histogram = iota
	timeToFirstChunk
	timePerOutputToken
	socketWait
	inputTokens
	outputTokens
	outputRate
	requestSize
	responseSize
	histograms
)

// requestVecs are the metrics that ended exchanges feed.
type requestVecs struct {
	requests, tokens, finish, other, met *prometheus.CounterVec
	duration                             *prometheus.HistogramVec
	plain                                [histograms]*prometheus.HistogramVec
}

func newRequestVecs(native bool) *requestVecs {
	hist := func(name, help string, buckets []float64, extra ...string) *prometheus.HistogramVec {
		o := prometheus.HistogramOpts{Name: name, Help: help, Buckets: buckets}
		if native {
			o.NativeHistogramBucketFactor = 1.1
			o.NativeHistogramMaxBucketNumber = 160
			o.NativeHistogramMinResetDuration = time.Hour
		}
		return prometheus.NewHistogramVec(o, identityLabels(extra...))
	}
	count := func(name, help string, labels []string) *prometheus.CounterVec {
		return prometheus.NewCounterVec(prometheus.CounterOpts{Name: name, Help: help}, labels)
	}
	return &requestVecs{
		requests: count("model_requests_total",
			"Ended model requests, each counted once.", identityLabels("code", "stream", "outcome")),
		tokens: count("model_tokens_total",
			"Tokens seen, by type and by the evidence for their number. Input includes cached, output includes reasoning.",
			identityLabels("type", "source")),
		finish: count("model_finish_total",
			"Finish reasons stated, one for each choice.", identityLabels("reason")),
		met: count("model_slo_requests_total",
			"Ended requests with a configured objective (slo), by whether they met it. What the server failed met none.",
			identityLabels("objective", "met")),
		other: count("modeltap_other_requests_total",
			"HTTP requests on watched ports that are not model requests.", []string{"server", "code"}),
		duration: hist("model_request_duration_seconds",
			"First byte of the request head to last byte of the response.", durationBuckets(), "stream"),
		plain: [histograms]*prometheus.HistogramVec{
			timeToFirstToken: hist("model_time_to_first_token_seconds",
				"First byte of the request head to the first event with text, reasoning or a tool call. Streamed answers only.",
				firstBuckets()),
			timeToFirstChunk: hist("model_time_to_first_chunk_seconds",
				"First byte of the request head to the first event of any content. Streamed answers only.", firstBuckets()),
			timePerOutputToken: hist("model_time_per_output_token_seconds",
				"Per streamed request, time from first to last token divided by output tokens less one.", perTokenBuckets()),
			socketWait: hist("model_request_socket_wait_seconds",
				"Last byte of the request to its being read from the socket by the application.", firstBuckets()),
			inputTokens: hist("model_request_input_tokens",
				"Input tokens of a request, cached ones included.", countBuckets()),
			outputTokens: hist("model_request_output_tokens",
				"Output tokens of a request, reasoning included.", countBuckets()),
			outputRate: hist("model_request_output_tokens_per_second",
				"Per streamed request, output tokens less one divided by the time from first to last token.", rateBuckets()),
			requestSize: hist("model_request_size_bytes",
				"Request body on the wire, without chunk framing.", sizeBuckets()),
			responseSize: hist("model_response_size_bytes",
				"Response body on the wire, without chunk framing, before decompression.", sizeBuckets()),
		},
	}
}

// identityLabels returns the labels that every model metric has, and extra.
func identityLabels(extra ...string) []string {
	return append([]string{"server", "model", "api"}, extra...)
}

func (v *requestVecs) each(f func(prometheus.Collector)) {
	for _, c := range []prometheus.Collector{v.requests, v.tokens, v.finish, v.met, v.other, v.duration} {
		f(c)
	}
	for _, h := range v.plain {
		f(h)
	}
}

func (v *requestVecs) describe(ch chan<- *prometheus.Desc) {
	v.each(func(c prometheus.Collector) { c.Describe(ch) })
}

func (v *requestVecs) collect(ch chan<- prometheus.Metric) {
	v.each(func(c prometheus.Collector) { c.Collect(ch) })
}

// remove deletes every series of one identity.
func (v *requestVecs) remove(k key) {
	l := prometheus.Labels{"server": k.server, "model": k.model, "api": k.api}
	v.requests.DeletePartialMatch(l)
	v.tokens.DeletePartialMatch(l)
	v.finish.DeletePartialMatch(l)
	v.met.DeletePartialMatch(l)
	v.duration.DeletePartialMatch(l)
	for _, h := range v.plain {
		h.DeletePartialMatch(l)
	}
}
