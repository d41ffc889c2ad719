// SPDX-License-Identifier: Apache-2.0

package main

import (
	"github.com/grafana/grafana-foundation-sdk/go/cog"
	"github.com/grafana/grafana-foundation-sdk/go/dashboard"
)

// seed is the six panels that users of exporters inside a service know. The
// queries are theirs, letter by letter: what was built on them goes on working.
func seed() board {
	verbatim := func(expr, legend string) query { return query{expr: expr, legend: legend} }
	return board{
		uid: uidSeed, title: "Starter",
		about:     "The six panels of an exporter inside the service, with its queries unchanged. The LLM service overview tells more.",
		variables: []cog.Builder[dashboard.VariableModel]{datasource()},
		events:    nil,
		rows: []row{{panels: []panel{
			lines("Requests per second", "reqps", "Requests that ended, per second, by all their labels. Without traffic, look at the routing before the server.",
				verbatim(`rate(model_requests_total[5m])`, "{{server}} {{model}} {{code}} {{outcome}}")).size(12, 8),
			lines("P95 request duration", "s", "19 of 20 requests ended within this time. When it grows, see the latency anatomy.",
				verbatim(`histogram_quantile(0.95, rate(model_request_duration_seconds_bucket[5m]))`, "{{server}} {{model}} stream={{stream}}")).size(12, 8),
			lines("Tokens per second", "count:tok/s", "Output tokens of the last 10 seconds, the mean over servers and models. A fall under load is a server that slows down.",
				verbatim(`avg(model_tokens_per_second)`, "mean")).size(12, 8),
			lines("GPU memory", "mbytes", "Memory in use on the first GPU, MiB. Other GPUs and the size of the memory are on the GPU dashboard.",
				verbatim(`gpu_memory_used_mb{device="cuda:0"}`, "{{instance}} {{device}}")).size(12, 8),
			lines("Processors", "percent", "Share of the last second in which the host's processors worked. Full processors starve tokenising and event loops.",
				verbatim(`cpu_usage_percent`, "{{instance}}")).size(12, 8).upTo(100),
			lines("Memory", "mbytes", "Memory of the host in use, MiB. Near its size the kernel ends a process.",
				verbatim(`memory_usage_mb`, "{{instance}}")).size(12, 8),
		}}},
	}
}
