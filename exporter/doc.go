// SPDX-License-Identifier: Apache-2.0

// Package exporter turns what the observer finds into Prometheus metrics and
// serves them. An Exporter is the event.Sink that counts ended exchanges and
// the prometheus.Collector that reads an event.Snapshot at each scrape; a
// Server puts a registry, health endpoints and a small JSON API on HTTP.
//
// Other collectors (Go runtime, devices, hosts) are registered by the caller in
// the same registry and know nothing of this package. No prompt or completion
// text reaches it: event.Exchange holds none.
package exporter
