// SPDX-License-Identifier: Apache-2.0

package exporter

import "github.com/prometheus/client_golang/prometheus"

// The upper bounds are part of what is promised to users: dashboards and
// recording rules name them. Those of the per-token histograms are
// event.GapBuckets.

func durationBuckets() []float64 {
	return []float64{
		.01, .02, .04, .08, .16, .32, .64, 1.28, 2.56, 5.12, 10.24, 20.48, 40.96, 81.92,
		163.84, 327.68, 655.36,
	}
}

// firstBuckets serve everything that a user waits for before text appears.
func firstBuckets() []float64 {
	return []float64{
		.001, .005, .01, .02, .04, .06, .08, .1, .25, .5, .75, 1, 2.5, 5, 7.5, 10, 20, 40,
		80, 160, 640, 2560,
	}
}

func perTokenBuckets() []float64 {
	return []float64{
		.001, .0025, .005, .01, .025, .05, .075, .1, .15, .2, .3, .4, .5, .75, 1, 2.5, 5,
		7.5, 10, 20, 40, 80,
	}
}

func rateBuckets() []float64 {
	return []float64{1, 2, 5, 10, 20, 30, 40, 50, 75, 100, 150, 200, 300, 500, 1000}
}

// countBuckets end at 1 Mi tokens.
func countBuckets() []float64 { return prometheus.ExponentialBuckets(1, 4, 11) }

// sizeBuckets end at 16 MiB.
func sizeBuckets() []float64 { return prometheus.ExponentialBuckets(64, 4, 10) }
