// SPDX-License-Identifier: Apache-2.0

// Package check holds the committed dashboards against the schema of Grafana,
// against rules of our own, against what modeltap exposes, and against real
// Prometheus and VictoriaMetrics servers that scrape a real modeltap. It is a
// module of its own: the parser of PromQL is no part of modeltap.
package check
