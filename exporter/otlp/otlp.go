// SPDX-License-Identifier: Apache-2.0

package otlp

import (
	"context"
	"fmt"
	"log/slog"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"
	"go.opentelemetry.io/otel/sdk/resource"
	sdk "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/trace"

	"github.com/modeltap/modeltap/observer/event"
)

const (
	// maxQueue bounds the exchanges that wait to be made spans.
	maxQueue = 4096
	// maxWaiting bounds the spans that wait to be sent.
	maxWaiting = 2048
	// closeTimeout bounds the sending of what is left at the end.
	closeTimeout = 5 * time.Second
)

// Options configures an Exporter. Registry and Wall are required.
type Options struct {
	Endpoint Endpoint
	Registry prometheus.Registerer    // where drops are counted
	Wall     func(ns int64) time.Time // the source's clock as wall-clock time
	Interval time.Duration            // of metrics; default a minute
	Logger   *slog.Logger             // default: discard
	Version  string                   // service.version
}

// Exporter implements event.Sink. It never blocks: what the collector cannot
// take in time is dropped and counted.
type Exporter struct {
	opts    Options
	queue   chan event.Exchange
	spans   *sdk.TracerProvider
	tracer  trace.Tracer
	metrics *metric.MeterProvider
	instruments
	dropped *prometheus.CounterVec
	full    prometheus.Counter
	failed  prometheus.Counter
	// The log has told of a failure that goes on.
	said, saidMetrics atomic.Bool
}

var _ event.Sink = (*Exporter)(nil)

// New makes an Exporter; Run sends.
func New(ctx context.Context, o Options) (*Exporter, error) {
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	if o.Interval <= 0 {
		o.Interval = time.Minute
	}
	spans, metrics, err := o.Endpoint.dial(ctx)
	if err != nil {
		return nil, fmt.Errorf("otlp: %s: %w: correct --otlp.endpoint", o.Endpoint.address, err)
	}
	e := &Exporter{opts: o, queue: make(chan event.Exchange, maxQueue)}
	e.dropped = prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "modeltap_otlp_dropped_spans_total",
		Help: "Spans that the collector did not get, because it was slow (queue_full) or refused them (failed).",
	}, []string{"reason"})
	e.full, e.failed = e.dropped.WithLabelValues("queue_full"), e.dropped.WithLabelValues("failed")
	if err := o.Registry.Register(e.dropped); err != nil {
		return nil, err
	}
	r := resource.NewSchemaless(attribute.String("service.name", "modeltap"), attribute.String("service.version", o.Version))
	// The queue before it drops; this one waits, so that nothing is dropped uncounted.
	e.spans = sdk.NewTracerProvider(sdk.WithResource(r), sdk.WithSampler(sdk.ParentBased(sdk.AlwaysSample())),
		sdk.WithBatcher(watched{spans, e}, sdk.WithBlocking(), sdk.WithMaxQueueSize(maxWaiting)))
	e.tracer = e.spans.Tracer("github.com/modeltap/modeltap", trace.WithInstrumentationVersion(o.Version))
	e.metrics = metric.NewMeterProvider(metric.WithResource(r),
		metric.WithReader(metric.NewPeriodicReader(heard{metrics, e}, metric.WithInterval(o.Interval))))
	e.instruments, err = newInstruments(e.metrics.Meter("github.com/modeltap/modeltap"))
	return e, err
}

// Exchange implements event.Sink.
func (e *Exporter) Exchange(x *event.Exchange) {
	e.observe(x)
	select {
	case e.queue <- *x:
	default:
		e.full.Inc()
	}
}

// OtherRequest implements event.Sink.
func (e *Exporter) OtherRequest(string, int) {}

// Run sends until ctx ends, and what is left after that.
func (e *Exporter) Run(ctx context.Context) error {
	for {
		select {
		case x := <-e.queue:
			e.span(&x)
		case <-ctx.Done():
			return e.close()
		}
	}
}

func (e *Exporter) close() error {
	for len(e.queue) > 0 {
		x := <-e.queue
		e.span(&x)
	}
	ctx, stop := context.WithTimeout(context.Background(), closeTimeout)
	defer stop()
	// What cannot be sent any more has been counted and logged.
	_ = e.spans.Shutdown(ctx)
	_ = e.metrics.Shutdown(ctx)
	return nil
}

// span makes the span of an exchange, below the client's.
func (e *Exporter) span(x *event.Exchange) {
	ctx := context.Background()
	if x.HasTraceID {
		var flags trace.TraceFlags
		ctx = trace.ContextWithRemoteSpanContext(ctx, trace.NewSpanContext(trace.SpanContextConfig{
			TraceID: x.TraceID, SpanID: x.Parent, TraceFlags: flags.WithSampled(x.Sampled), Remote: true,
		}))
	}
	_, s := e.tracer.Start(ctx, operationOf(x.API)+" "+x.Model, trace.WithSpanKind(trace.SpanKindServer),
		trace.WithTimestamp(e.opts.Wall(x.Start)), trace.WithAttributes(append(identity(x), details(x)...)...))
	if t := errorOf(x); t != "" {
		s.SetStatus(codes.Error, t)
	}
	s.End(trace.WithTimestamp(e.opts.Wall(max(x.End, x.Start))))
}

// heard is the same for metrics, which lose nothing: the next ones are sums too.
type heard struct {
	metric.Exporter
	e *Exporter
}

func (h heard) Export(ctx context.Context, m *metricdata.ResourceMetrics) error {
	if err := h.Exporter.Export(ctx, m); err != nil && !h.e.saidMetrics.Swap(true) {
		h.e.opts.Logger.Warn("the OpenTelemetry collector takes no metrics; check --otlp.endpoint",
			"address", h.e.opts.Endpoint.address, "err", err)
	} else if err == nil {
		h.e.saidMetrics.Store(false)
	}
	return nil
}

// watched counts what cannot be sent, and says so once until it can again.
type watched struct {
	sdk.SpanExporter
	e *Exporter
}

func (w watched) ExportSpans(ctx context.Context, spans []sdk.ReadOnlySpan) error {
	err := w.SpanExporter.ExportSpans(ctx, spans)
	if err != nil {
		w.e.failed.Add(float64(len(spans)))
		if !w.e.said.Swap(true) {
			w.e.opts.Logger.Warn("the OpenTelemetry collector takes no spans, they are dropped and counted until it does; check --otlp.endpoint",
				"address", w.e.opts.Endpoint.address, "err", err)
		}
		return nil
	}
	w.e.said.Store(false)
	return nil
}
