// SPDX-License-Identifier: Apache-2.0

package exporter

import (
	"math"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/modeltap/modeltap/observer/event"
)

// The promised bounds, written out.
func TestBucketBounds(t *testing.T) {
	const (
		first = ".001 .005 .01 .02 .04 .06 .08 .1 .25 .5 .75 1 2.5 5 7.5 10 20 40 80 160 640 2560"
		gaps  = ".001 .002 .004 .006 .008 .01 .015 .02 .025 .03 .04 .05 .06 .075 .1 .15 .2 .3 .4 .5 .75 1 2.5 5 10"
		count = "1 4 16 64 256 1024 4096 16384 65536 262144 1048576"
		size  = "64 256 1024 4096 16384 65536 262144 1048576 4194304 16777216"
	)
	promised := map[string]string{
		mDuration:                           ".01 .02 .04 .08 .16 .32 .64 1.28 2.56 5.12 10.24 20.48 40.96 81.92 163.84 327.68 655.36",
		mTTFT:                               first,
		mTTFC:                               first,
		mWait:                               first,
		"model_inter_token_latency_seconds": gaps,
		"model_inter_chunk_latency_seconds": gaps,
		mTPOT:                               ".001 .0025 .005 .01 .025 .05 .075 .1 .15 .2 .3 .4 .5 .75 1 2.5 5 7.5 10 20 40 80",
		mInput:                              count,
		mOutput:                             count,
		mRate:                               "1 2 5 10 20 30 40 50 75 100 150 200 300 500 1000",
		mReqBytes:                           size,
		mRespBytes:                          size,
	}
	for _, opts := range [][]func(*Options){nil, {native}} {
		r := newRig(t, opts...)
		x := streamed()
		r.Exchange(&x)
		r.state.Series = []event.Series{{Server: x.Server, API: x.API, Model: x.Model}}
		got := r.scrape()
		for name, text := range promised {
			var want, have []float64
			for f := range strings.FieldsSeq(text) {
				v, err := strconv.ParseFloat(f, 64)
				if err != nil {
					t.Fatal(err)
				}
				want = append(want, v)
			}
			if got[name] == nil {
				t.Errorf("%s: absent", name)
				continue
			}
			for _, b := range got[name].Metric[0].Histogram.Bucket {
				if !math.IsInf(b.GetUpperBound(), 1) {
					have = append(have, b.GetUpperBound())
				}
			}
			if !slices.Equal(have, want) {
				t.Errorf("%s: bounds %v, want %v", name, have, want)
			}
		}
	}
}
