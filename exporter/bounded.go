// SPDX-License-Identifier: Apache-2.0

package exporter

import (
	"fmt"
	"runtime/debug"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

const (
	// collectLimit is how long a scrape waits for figures that are read from
	// files or devices. It goes on without those that take longer.
	collectLimit = 2 * time.Second
	// maxStuck bounds the goroutines that one source which hangs may hold.
	maxStuck = 8
)

// bounded runs a collector that may hang, so that it never holds up a scrape.
// It tells of itself in modeltap_collector_success and
// modeltap_collector_duration_seconds.
type bounded struct {
	limit          time.Duration
	turns          chan struct{} // a token for each that runs
	success, took  family
	collect        func(chan<- prometheus.Metric)
	describeOthers func(chan<- *prometheus.Desc)
}

func newBounded(name string, collect func(chan<- prometheus.Metric), describe func(chan<- *prometheus.Desc)) *bounded {
	g := func(metric, help string) family {
		return family{prometheus.NewDesc(metric, help, nil, prometheus.Labels{"collector": name}), prometheus.GaugeValue}
	}
	return &bounded{
		limit: collectLimit, turns: make(chan struct{}, maxStuck), collect: collect, describeOthers: describe,
		success: g("modeltap_collector_success", "Whether this part answered the scrape in time. At 0 its metrics are missing: what it reads hangs, see the log."),
		took:    g("modeltap_collector_duration_seconds", "How long this part took for the scrape."),
	}
}

// Bounded wraps c so that a scrape waits for it no longer than 2 s and then goes
// on without its metrics. Name is the value of the label "collector".
func Bounded(name string, c prometheus.Collector) prometheus.Collector {
	return newBounded(name, c.Collect, c.Describe)
}

// Describe implements prometheus.Collector.
func (b *bounded) Describe(ch chan<- *prometheus.Desc) {
	ch <- b.success.desc
	ch <- b.took.desc
	b.describeOthers(ch)
}

// Collect implements prometheus.Collector.
func (b *bounded) Collect(ch chan<- prometheus.Metric) { b.run(ch, b.collect) }

// run sends the metrics of collect if it ends in time, none of them otherwise.
func (b *bounded) run(ch chan<- prometheus.Metric, collect func(chan<- prometheus.Metric)) {
	began := time.Now()
	deadline := time.NewTimer(b.limit)
	defer deadline.Stop()
	metrics, ok := b.gather(collect, deadline.C)
	b.success.emit(ch, number01(ok))
	b.took.emit(ch, time.Since(began).Seconds())
	for _, m := range metrics {
		ch <- m
	}
}

func (b *bounded) gather(collect func(chan<- prometheus.Metric), deadline <-chan time.Time) ([]prometheus.Metric, bool) {
	select {
	case b.turns <- struct{}{}:
	case <-deadline:
		return nil, false
	}
	type result struct {
		metrics []prometheus.Metric
		ok      bool
	}
	done := make(chan result, 1)
	go func() {
		defer func() { <-b.turns }()
		inner := make(chan prometheus.Metric, 64)
		failed := false
		go func() {
			defer close(inner)
			defer func() {
				if p := recover(); p != nil {
					failed = true
					inner <- prometheus.NewInvalidMetric(b.success.desc, fmt.Errorf("a collector panicked, its metrics are missing; please report this: %v\n%s", p, debug.Stack()))
				}
			}()
			collect(inner)
		}()
		var all []prometheus.Metric
		for m := range inner {
			all = append(all, m)
		}
		done <- result{all, !failed}
	}()
	select {
	case r := <-done:
		return r.metrics, r.ok
	case <-deadline:
		return nil, false
	}
}
