// SPDX-License-Identifier: Apache-2.0

package main

import (
	"github.com/grafana/grafana-foundation-sdk/go/cog"
	"github.com/grafana/grafana-foundation-sdk/go/dashboard"
)

const (
	duration   = "model_request_duration_seconds"
	firstToken = "model_time_to_first_token_seconds"
	interToken = "model_inter_token_latency_seconds"
	socketWait = "model_request_socket_wait_seconds"

	failedShare = `(sum by (server, model) (rate(model_requests_total{$S,$FAILED}[$R])) or 0 * sum by (server, model) (rate(model_requests_total{$S}[$R])))` +
		` / (sum by (server, model) (rate(model_requests_total{$S,$SEEN}[$R])) > 0)`
)

// outcomeColors make failures look like failures wherever outcomes are shown.
var outcomeColors = map[string]string{
	"ok": "green", "http_error": "orange", "stream_error": "red", "server_abort": "dark-red", "client_abort": "blue", "incomplete": "text"}

// service answers: are the users of the model servers served well?
func service() board {
	return board{
		uid: uidService, title: "LLM service overview",
		about:     "Rate, errors, duration, first token, tokens and what is in flight, for each model server that modeltap observes. Start here.",
		variables: []cog.Builder[dashboard.VariableModel]{datasource(), job(), instance(), server(), modelName(), objective()},
		events:    events(),
		rows: []row{
			{panels: serviceNow()},
			{title: "Traffic and errors", panels: serviceTraffic()},
			{title: "Latency", panels: serviceLatency()},
			{title: "Tokens", panels: serviceTokens()},
			{title: "Saturation", panels: serviceSaturation()},
			{title: "Shape of the load", collapsed: true, panels: serviceShape()},
		},
	}
}

func serviceNow() []panel {
	return []panel{
		stat("Requests", "reqps", "Requests that ended, per second. Without traffic, look at the routing before the server.",
			q(`sum(rate(model_requests_total{$S}[$R]))`, "requests")).explained(uidLatency),
		stat("Error ratio", "percentunit", "Share of requests that the server failed: answers of 400 and above, errors inside a stream, connections that the server closed. What modeltap did not see whole counts for neither. See which outcome and which code below.",
			q(`(sum(rate(model_requests_total{$S,$FAILED}[$R])) or vector(0)) / (sum(rate(model_requests_total{$S,$SEEN}[$R])) > 0)`, "failed")).over(0.01, 0.05),
		stat("First token, P95", "s", "19 of 20 streamed requests had their first text within this time. When it grows, see in the latency anatomy whether requests wait in the socket, in the queue or in the prefill.",
			q(quantile(0.95, firstToken, "$S", ""), "P95")).explained(uidLatency),
		stat("First token in time", "percentunit", "Share of streamed requests whose first token came within the time chosen at the top.",
			q(`sum(rate(model_time_to_first_token_seconds_bucket{$S,le=~"$ttft_slo"}[$R])) / (sum(rate(model_time_to_first_token_seconds_count{$S}[$R])) > 0)`, "in time")).under(0.95, 0.9),
		stat("Between tokens, P95", "s", "19 of 20 tokens came within this time of the one before. Above 0.1 to 0.2 s a reader notices; the batch is then too large, or the GPU is throttled.",
			q(quantile(0.95, interToken, "$S", ""), "P95")).explained(uidLatency),
		stat("Output", "count:tok/s", "Tokens generated per second by all that is selected.",
			q(`sum(rate(model_tokens_total{$S,type="output"}[$R]))`, "output")),
		stat("Waiting for first token", "short", "Requests that the server has whole and has not answered with a token: its queue and its prefill. A number that never returns to 0 is a queue that never empties: add capacity or limit concurrency.",
			q(`sum(model_requests_in_flight{$S,state="waiting"})`, "waiting")),
		stat("Hosts not answering", "short", "Hosts whose modeltap could not be scraped. All other figures lack them: restart modeltap there, or look at the network.",
			q(`count(up{$J} == 0) or vector(0)`, "down")).over(1, 1).explained(uidSelf),
	}
}

func serviceTraffic() []panel {
	return []panel{
		stack("Requests by outcome", "reqps", "How requests ended. http_error: an answer of 400 or above; stream_error: an error inside a stream that began well; server_abort, client_abort: who closed too early; incomplete: modeltap did not see it whole, look at the observer's own dashboard.",
			q(`sum by (outcome) (rate(model_requests_total{$S}[$R]))`, "{{outcome}}")).colored(outcomeColors),
		stack("Requests by status", "reqps", "HTTP status of the answers; none where no answer was seen. 429 and 503 are a server that refuses load, other 4xx are mistakes of clients.",
			q(`sum by (code) (rate(model_requests_total{$S}[$R]))`, "{{code}}")),
		lines("Error ratio by server", "percentunit", "Which server fails. One among several: take it out of the routing; all at once: something that they share.",
			q(failedShare, "{{server}} {{model}}")).over(0.01, 0.05).explained(uidLatency),
		lines("Clients that gave up", "reqps", "Requests whose client closed before the end. Users who stop reading are normal; a rise beside slow first tokens is impatience, or a proxy's time limit.",
			q(`sum by (server, model) (rate(model_requests_total{$S,outcome="client_abort"}[$R]))`, "{{server}} {{model}}")),
		lines("Goodput", "reqps", "Streamed requests per second whose first token came within the time chosen at the top: what users got in time, beside all that streamed. The gap between both is what to win.",
			q(`sum(rate(model_time_to_first_token_seconds_bucket{$S,le=~"$ttft_slo"}[$R]))`, "in time"),
			q(`sum(rate(model_time_to_first_token_seconds_count{$S}[$R]))`, "all streamed")).compared("all streamed"),
		lines("Objectives met", "percentunit", "Share of requests that met the objectives in modeltap's own configuration (slo), counted request by request and not by buckets. Empty without objectives.",
			q(`sum by (server, model, objective) (rate(model_slo_requests_total{$S,met="true"}[$R])) / (sum by (server, model, objective) (rate(model_slo_requests_total{$S}[$R])) > 0)`, "{{server}} {{model}} {{objective}}")).upTo(1),
		servers(),
	}
}

// servers is one line for each server and model.
func servers() panel {
	columns := []column{{from: "server", title: "Server"}, {from: "model", title: "Model"}}
	var qs []query
	add := func(title, unit, expr string, limits ...limit) {
		columns = append(columns, column{from: letter(len(qs)), title: title, unit: unit, limits: limits})
		qs = append(qs, q(expr, ""))
	}
	add("Requests", "reqps", `sum by (server, model) (rate(model_requests_total{$S}[$R]))`)
	add("Errors", "percentunit", failedShare, limit{0, "green"}, limit{0.01, "orange"}, limit{0.05, "red"})
	add("First token P50", "s", quantile(0.5, firstToken, "$S", "server, model"))
	add("First token P95", "s", quantile(0.95, firstToken, "$S", "server, model"))
	add("Between tokens P95", "s", quantile(0.95, interToken, "$S", "server, model"))
	add("Duration P95", "s", quantile(0.95, duration, "$S", "server, model"))
	add("Output", "count:tok/s", `sum by (server, model) (rate(model_tokens_total{$S,type="output"}[$R]))`)
	add("Waiting", "short", `sum by (server, model) (model_requests_in_flight{$S,state="waiting"})`)
	add("Streaming", "short", `sum by (server, model) (model_requests_in_flight{$S,state="streaming"})`)
	return panel{kind: kindTable, title: "Servers and models", unit: "short", w: 24, h: 8, queries: qs, columns: columns,
		about: "Each model on each server now. Sort by a column to find the one that differs; requests that failed before a model was named are under unknown."}
}

func serviceLatency() []panel {
	return []panel{
		lines("Duration", "s", "From the first byte of the request to the last byte of the answer. It grows with the length of answers, so compare it with first token and time between tokens before blaming the server. Points are single requests with a trace.",
			q(quantile(0.5, duration, "$S", ""), "P50").traced(), q(quantile(0.95, duration, "$S", ""), "P95").traced(), q(quantile(0.99, duration, "$S", ""), "P99").traced()).explained(uidLatency),
		lines("First token", "s", "From the first byte of the request to the first text of the answer, streamed answers only. Points are single requests with a trace.",
			q(quantile(0.5, firstToken, "$S", ""), "P50").traced(), q(quantile(0.95, firstToken, "$S", ""), "P95").traced(), q(quantile(0.99, firstToken, "$S", ""), "P99").traced()).explained(uidLatency),
		lines("Between tokens", "s", "Time from one token to the next, once for each token. The limit at 0.2 s is about the speed of reading.",
			q(quantile(0.5, interToken, "$S", ""), "P50"), q(quantile(0.95, interToken, "$S", ""), "P95"), q(quantile(0.99, interToken, "$S", ""), "P99")).over(0.2, 0.5).explained(uidLatency),
		lines("First token P95 by server", "s", "Which server or model is slow to begin. Click a line for its anatomy.",
			q(quantile(0.95, firstToken, "$S", "server, model"), "{{server}} {{model}}").traced()).size(12, 8).explained(uidLatency),
		lines("Duration P95 by server", "s", "Which server or model takes long to the end.",
			q(quantile(0.95, duration, "$S", "server, model"), "{{server}} {{model}}").traced()).size(12, 8).explained(uidLatency),
	}
}

func serviceTokens() []panel {
	return []panel{
		lines("Tokens by type", "count:tok/s", "input includes cached and output includes reasoning: they are parts, not to be added.",
			q(`sum by (type) (rate(model_tokens_total{$S}[$R]))`, "{{type}}")),
		lines("Tokens now", "count:tok/s", "Output of the last 10 seconds, running streams included. It moves before the counters do. A fall with as much in flight is a server that slows down.",
			q(`sum by (server, model) (model_tokens_per_second{$S})`, "{{server}} {{model}}")),
		lines("Speed of a request", "count:tok/s", "Median over requests of the output tokens per second that one user sees. It falls when batches grow.",
			q(quantile(0.5, "model_request_output_tokens_per_second", "$S", "server, model"), "{{server}} {{model}}")),
		stack("How tokens were counted", "percentunit", "Evidence for the number of output tokens: usage is the server's own word, exact one event a token, chunks a count of events, estimated computed from the text. With much estimated, let clients ask for stream_options.include_usage, or give modeltap the tokenizer.",
			q(`sum by (source) (rate(model_tokens_total{$S,type="output"}[$R])) / ignoring (source) group_left () (sum(rate(model_tokens_total{$S,type="output"}[$R])) > 0)`, "{{source}}")).upTo(1),
		lines("Input from the prefix cache", "percentunit", "Share of input tokens that the server says it had in its cache. A fall makes first tokens slower: routing that ignores sessions, or changed prompts.",
			q(`sum by (server, model) (rate(model_tokens_total{$S,type="cached"}[$R])) / (sum by (server, model) (rate(model_tokens_total{$S,type="input"}[$R])) > 0)`, "{{server}} {{model}}")).upTo(1),
		stack("Finish reasons", "reqps", "Why answers ended. Many of length: the limit of tokens is too low, or models ramble.",
			q(`sum by (reason) (rate(model_finish_total{$S}[$R]))`, "{{reason}}")),
	}
}

func serviceSaturation() []panel {
	return []panel{
		stack("In flight", "short", "Open requests: receiving the request, waiting for the first token (queue and prefill), streaming. Growing waiting with level streaming is a full batch.",
			q(`sum by (state) (model_requests_in_flight{$S})`, "{{state}}")).colored(map[string]string{"waiting": "orange", "streaming": "green", "receiving": "blue"}),
		lines("Waiting by server", "short", "Where the queue is. One server alone: routing is uneven; all of them: there is too little capacity.",
			q(`sum by (server, model) (model_requests_in_flight{$S,state="waiting"})`, "{{server}} {{model}}")),
		lines("Stalled streams", "short", "Open streams without a token for longer than --stall-after. More than 0 for minutes is a hung engine or a lost worker: look at the server's log.",
			q(`sum by (server, model) (model_streams_stalled{$S})`, "{{server}} {{model}}")).over(1, 1),
		lines("Processors used by servers", "short", "Cores that each server's processes use. A Python front end near 1 is at its end however idle the GPU is: more workers.",
			q(`sum by (instance, server) (rate(model_server_cpu_seconds_total{$V}[$R]))`, "{{instance}} {{server}}")),
		lines("Memory of servers", "bytes", "Resident memory of each server's processes; pages that they share count for each. Steady growth is a leak.",
			q(`sum by (instance, server) (model_server_resident_memory_bytes{$V})`, "{{instance}} {{server}}")),
		panel{kind: kindTable, title: "Who serves", unit: "short", w: 8, h: 8,
			queries: []query{q(`model_server_info{$V}`, "")},
			about:   "The process, container or pod behind each server's name.",
			columns: []column{{from: "server", title: "Server"}, {from: "instance", title: "Host"}, {from: "port", title: "Port"}, {from: "comm", title: "Process"}, {from: "pid", title: "PID"},
				{from: "namespace", title: "Namespace"}, {from: "pod", title: "Pod"}, {from: "container", title: "Container"}, {from: "unit", title: "Unit"},
				{from: "Value", hide: true}, {from: "__name__", hide: true}, {from: "job", hide: true}}},
	}
}

func serviceShape() []panel {
	return []panel{
		heat("Length of input", "short", "model_request_input_tokens", "Input tokens of requests. Long inputs take long prefills: a second band explains a second band in first tokens."),
		heat("Length of output", "short", "model_request_output_tokens", "Output tokens of requests. A sharp upper edge is a limit of tokens."),
		heat("Size of requests", "bytes", "model_request_size_bytes", "Bodies of requests. Images make the upper bands."),
		heat("Size of answers", "bytes", "model_response_size_bytes", "Bodies of answers. On streams most of it is JSON around each token."),
		lines("Requests by API", "reqps", "Which interface is used, and whether it is streamed.",
			q(`sum by (api, stream) (rate(model_requests_total{$S}[$R]))`, "{{api}} stream={{stream}}")),
		lines("Other requests", "reqps", "HTTP on the same ports that is no model request: health, metrics, documentation. If your own route is here, name it with --model-path.",
			q(`sum by (server, code) (rate(modeltap_other_requests_total{$V}[$R]))`, "{{server}} {{code}}")),
	}
}
