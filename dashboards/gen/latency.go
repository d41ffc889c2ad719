// SPDX-License-Identifier: Apache-2.0

package main

import (
	"github.com/grafana/grafana-foundation-sdk/go/cog"
	"github.com/grafana/grafana-foundation-sdk/go/dashboard"
)

const (
	meanWait  = `(sum(rate(model_request_socket_wait_seconds_sum{$S}[$R])) / (sum(rate(model_request_socket_wait_seconds_count{$S}[$R])) > 0) or vector(0))`
	meanFirst = `sum(rate(model_time_to_first_token_seconds_sum{$S}[$R])) / (sum(rate(model_time_to_first_token_seconds_count{$S}[$R])) > 0)`
	meanWhole = `sum(rate(model_request_duration_seconds_sum{$S,stream="true"}[$R])) / (sum(rate(model_request_duration_seconds_count{$S,stream="true"}[$R])) > 0)`
)

// latency answers: where does the time of a request go?
func latency() board {
	return board{
		uid: uidLatency, title: "Latency anatomy",
		about:     "Where the time of requests goes: in the socket before the application reads, in the queue and the prefill before the first token, between tokens. Distributions, not means, where tails matter.",
		variables: []cog.Builder[dashboard.VariableModel]{datasource(), job(), instance(), server(), modelName(), objective(), compare()},
		events:    events(),
		rows: []row{
			{title: "Distributions", panels: []panel{
				heat("First token distribution", "s", firstToken, "How long users waited for the first text. Two bands are two kinds of request (short and long prompts, cached and not); a band that rises is a queue."),
				heat("Between tokens distribution", "s", interToken, "Time from one token to the next. A second band above the first is prefill that interrupts decoding: chunked prefill helps."),
				heat("Duration distribution", "s", duration, "From the first byte of the request to the last byte of the answer."),
			}},
			{title: "Where the time goes", panels: latencyParts()},
			{title: "The long tail, by model", panels: latencyTail()},
			{title: "Tokens and chunks", panels: latencyChunks()},
			{title: "Load", panels: latencyLoad()},
		},
	}
}

func latencyParts() []panel {
	return []panel{
		stack("Mean request in three parts", "s", "The mean streamed request: waiting in the socket, then until the first token (receiving, queue, prefill), then decoding. Means add up, quantiles do not. Socket wait is that of all requests, streamed or not; it is 0 where it is not measured. Requests that were given up have no duration, so that with many of them the last part is off.",
			q(meanWait, "socket wait"),
			q(meanFirst+" - "+meanWait, "waiting for first token"),
			q(meanWhole+" - "+meanFirst, "decode")).size(24, 9).
			colored(map[string]string{"socket wait": "red", "waiting for first token": "orange", "decode": "green"}),
		lines("Socket wait", "s", "Whole requests that lie in the kernel because the application does not read: an event loop that is blocked, or too few workers. No metric inside the application can show it. Above some 10 ms find what blocks; above 0.25 s users notice.",
			q(quantile(0.5, socketWait, "$S", "server"), "{{server}} P50"), q(quantile(0.99, socketWait, "$S", "server"), "{{server}} P99")).over(0.05, 0.25),
		lines("Waiting for first token", "s", "First token by server: socket wait, queue and prefill together. With little socket wait it is the queue (see waiting below) or long prompts. Dashed: earlier, by the time chosen at the top.",
			q(quantile(0.95, firstToken, "$S", "server"), "{{server}} P95").traced(),
			q(`histogram_quantile(0.95, sum by (le) (rate(model_time_to_first_token_seconds_bucket{$S}[$R] offset $compare)))`, "P95 earlier")).compared("P95 earlier"),
		lines("Decode", "s", "Time per output token after the first, per request. It follows the size of the batch and the GPU's clock and memory bandwidth.",
			q(quantile(0.5, "model_time_per_output_token_seconds", "$S", "server"), "{{server}} P50"), q(quantile(0.95, "model_time_per_output_token_seconds", "$S", "server"), "{{server}} P95")),
		lines("Socket wait's share of first token", "percentunit", "How much of the time to the first token is spent before the application even knows of the request. Above a few percent the front end is the bottleneck, not the model.",
			q(`sum by (server) (rate(model_request_socket_wait_seconds_sum{$S}[$R])) / (sum by (server) (rate(model_time_to_first_token_seconds_sum{$S}[$R])) > 0)`, "{{server}}")),
		lines("First chunk before first token", "s", "Mean time between the first event of a stream and the first event with text: roles, pings, empty deltas. Tools that take the first chunk for the first token are off by this.",
			q(`sum by (server) (rate(model_time_to_first_token_seconds_sum{$S}[$R])) / (sum by (server) (rate(model_time_to_first_token_seconds_count{$S}[$R])) > 0) - sum by (server) (rate(model_time_to_first_chunk_seconds_sum{$S}[$R])) / (sum by (server) (rate(model_time_to_first_chunk_seconds_count{$S}[$R])) > 0)`, "{{server}}")),
		lines("First token in time, by server", "percentunit", "Share of streamed requests whose first token came within the time chosen at the top.",
			q(`sum by (server) (rate(model_time_to_first_token_seconds_bucket{$S,le=~"$ttft_slo"}[$R])) / (sum by (server) (rate(model_time_to_first_token_seconds_count{$S}[$R])) > 0)`, "{{server}}")).upTo(1).under(0.95, 0.9),
	}
}

func latencyTail() []panel {
	return []panel{
		lines("First token P99 by model", "s", "The unlucky hundredth of each model's requests.",
			q(quantile(0.99, firstToken, "$S", "model"), "{{model}}").traced()).logarithmic(),
		lines("Between tokens P99 by model", "s", "The unlucky hundredth of each model's tokens.",
			q(quantile(0.99, interToken, "$S", "model"), "{{model}}")).logarithmic(),
		lines("Duration P99 by model", "s", "The unlucky hundredth of each model's requests to their end.",
			q(quantile(0.99, duration, "$S", "model"), "{{model}}").traced()).logarithmic(),
		lines("Tail of first tokens: P99 ÷ P50", "short", "How much worse the unlucky are off than the usual. Above 10 requests hinder one another: long prompts beside short ones, or a queue that is not first come, first served.",
			q(quantile(0.99, firstToken, "$S", "model")+" / "+quantile(0.5, firstToken, "$S", "model"), "{{model}}")),
		lines("Jitter: between tokens P99 ÷ P50", "short", "How unevenly text flows. Above 10 it stutters: prefills between decodes, a busy event loop, preemption.",
			q(quantile(0.99, interToken, "$S", "server")+" / "+quantile(0.5, interToken, "$S", "server"), "{{server}}")),
		panel{kind: kindTable, title: "Tail by server and model", unit: "s", w: 8, h: 8, columns: []column{
			{from: "server", title: "Server"}, {from: "model", title: "Model"}, {from: letter(0), title: "First token P99", unit: "s"},
			{from: letter(1), title: "Between tokens P99", unit: "s"}, {from: letter(2), title: "Duration P99", unit: "s"}},
			about: "The same as numbers, to be sorted.",
			queries: []query{q(quantile(0.99, firstToken, "$S", "server, model"), ""), q(quantile(0.99, interToken, "$S", "server, model"), ""),
				q(quantile(0.99, duration, "$S", "server, model"), "")}},
	}
}

func latencyChunks() []panel {
	return []panel{
		lines("Pauses over 1 s", "short", "Gaps of more than a second inside streams, per second. Users see the text stop.",
			q(`sum by (server) (rate(model_inter_chunk_latency_seconds_count{$S}[$R])) - sum by (server) (rate(model_inter_chunk_latency_seconds_bucket{$S,le=~"1([.]0)?"}[$R]))`, "{{server}}")),
		lines("Tokens per chunk", "short", "How many tokens come in one event. Above 1 the server sends them in groups (speculative decoding, a coalescing proxy), and gaps between events are longer than between tokens.",
			q(`sum by (server) (rate(model_inter_token_latency_seconds_count{$S}[$R])) / (sum by (server) (rate(model_inter_chunk_latency_seconds_count{$S}[$R])) > 0)`, "{{server}}")),
		lines("Events held up by the client", "short", "Events that waited for a slow client or path, per second. They are left out of the times between tokens, because the server was not the cause.",
			q(`sum by (instance) (rate(modeltap_backpressure_events_total{$J}[$R]))`, "{{instance}}")),
	}
}

func latencyLoad() []panel {
	return []panel{
		stack("In flight by state", "short", "A rise of waiting before a rise of first tokens is the queue building up.",
			q(`sum by (state) (model_requests_in_flight{$S})`, "{{state}}")).colored(map[string]string{"waiting": "orange", "streaming": "green", "receiving": "blue"}),
		lines("Mean requests at once", "short", "Seconds of requests that ended per second (Little's law): how many were open at once on the average. Where it stops to grow with the load, the server is full.",
			q(`sum by (server) (rate(model_request_duration_seconds_sum{$S}[$R]))`, "{{server}}")),
		lines("Requests compared", "reqps", "Load now and earlier: whether a change of latency is a change of load.",
			q(`sum(rate(model_requests_total{$S}[$R]))`, "now"), q(`sum(rate(model_requests_total{$S}[$R] offset $compare))`, "earlier")).compared("earlier"),
	}
}
