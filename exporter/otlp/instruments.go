// SPDX-License-Identifier: Apache-2.0

package otlp

import (
	"context"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/metric"

	"github.com/modeltap/modeltap/observer/event"
)

// instruments are the server metrics of the GenAI semantic conventions
// (gen-ai-metrics.md), with their buckets, in seconds.
type instruments struct {
	duration, firstToken, perToken metric.Float64Histogram
}

func newInstruments(m metric.Meter) (i instruments, err error) {
	for _, h := range []struct {
		dst        *metric.Float64Histogram
		name, help string
		buckets    []float64
	}{
		{&i.duration, "gen_ai.server.request.duration", "Request duration, first byte of the request to last of the answer.",
			[]float64{.01, .02, .04, .08, .16, .32, .64, 1.28, 2.56, 5.12, 10.24, 20.48, 40.96, 81.92}},
		{&i.firstToken, "gen_ai.server.time_to_first_token", "Time to the first token of successful streamed answers.",
			[]float64{.001, .005, .01, .02, .04, .06, .08, .1, .25, .5, .75, 1, 2.5, 5, 7.5, 10}},
		{&i.perToken, "gen_ai.server.time_per_output_token", "Time per output token after the first, of successful streamed answers.",
			[]float64{.01, .025, .05, .075, .1, .15, .2, .3, .4, .5, .75, 1, 2.5}},
	} {
		if *h.dst, err = m.Float64Histogram(h.name, metric.WithUnit("s"), metric.WithDescription(h.help),
			metric.WithExplicitBucketBoundaries(h.buckets...)); err != nil {
			return i, err
		}
	}
	return i, nil
}

// observe takes the measurements of an exchange that was seen whole.
func (i *instruments) observe(x *event.Exchange) {
	ctx, seconds := context.Background(), func(from, to int64) float64 { return float64(to-from) / 1e9 }
	switch x.Outcome {
	case event.OK, event.HTTPError, event.StreamError:
	default:
		return
	}
	set := metric.WithAttributeSet(attribute.NewSet(identity(x)...))
	i.duration.Record(ctx, seconds(x.Start, x.End), set)
	if x.Outcome != event.OK || !x.Stream || x.FirstToken == 0 {
		return
	}
	i.firstToken.Record(ctx, seconds(x.Start, x.FirstToken), set)
	if steps := x.Steps(); steps > 0 && x.LastToken >= x.FirstToken {
		i.perToken.Record(ctx, seconds(x.FirstToken, x.LastToken)/steps, set)
	}
}
