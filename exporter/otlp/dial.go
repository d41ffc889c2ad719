// SPDX-License-Identifier: Apache-2.0

package otlp

import (
	"context"
	"fmt"
	"net"
	"net/url"

	"go.opentelemetry.io/otel/exporters/otlp/otlpmetric/otlpmetricgrpc"
	"go.opentelemetry.io/otel/exporters/otlp/otlpmetric/otlpmetrichttp"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracegrpc"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracehttp"
	"go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/sdk/trace"
)

// Endpoint is where a collector listens.
type Endpoint struct {
	scheme, address, path string
}

// ParseEndpoint reads the address of a collector: grpc://HOST:PORT (plain),
// grpcs://HOST:PORT, http://HOST:PORT[/PATH] or https://HOST:PORT[/PATH]. PATH
// goes before /v1/traces and /v1/metrics.
func ParseEndpoint(s string) (Endpoint, error) {
	u, err := url.Parse(s)
	if err != nil {
		return Endpoint{}, fmt.Errorf("%q: %w: write grpc://HOST:4317 or http://HOST:4318", s, err)
	}
	switch u.Scheme {
	case "grpc", "grpcs", "http", "https":
	default:
		return Endpoint{}, fmt.Errorf("%q: no scheme that OTLP has: write grpc://HOST:4317 or http://HOST:4318", s)
	}
	if u.Hostname() == "" {
		return Endpoint{}, fmt.Errorf("%q: no host: write %s://HOST:4317", s, u.Scheme)
	}
	port := u.Port()
	if port == "" {
		port = map[string]string{"grpc": "4317", "grpcs": "4317", "http": "4318", "https": "4318"}[u.Scheme]
	}
	if u.RawQuery != "" || u.Fragment != "" || u.User != nil || (u.Path != "" && u.Path != "/" && u.Scheme[0] == 'g') {
		return Endpoint{}, fmt.Errorf("%q: more than scheme, host and port: remove the rest; headers come from OTEL_EXPORTER_OTLP_HEADERS", s)
	}
	path := u.Path
	if path == "/" {
		path = ""
	}
	return Endpoint{u.Scheme, net.JoinHostPort(u.Hostname(), port), path}, nil
}

// dial returns the two exporters. They connect when they first send.
func (e Endpoint) dial(ctx context.Context) (trace.SpanExporter, metric.Exporter, error) {
	switch e.scheme {
	case "grpc", "grpcs":
		t := []otlptracegrpc.Option{otlptracegrpc.WithEndpoint(e.address)}
		m := []otlpmetricgrpc.Option{otlpmetricgrpc.WithEndpoint(e.address)}
		if e.scheme == "grpc" {
			t, m = append(t, otlptracegrpc.WithInsecure()), append(m, otlpmetricgrpc.WithInsecure())
		}
		spans, err := otlptracegrpc.New(ctx, t...)
		if err != nil {
			return nil, nil, err
		}
		metrics, err := otlpmetricgrpc.New(ctx, m...)
		return spans, metrics, err
	}
	t := []otlptracehttp.Option{otlptracehttp.WithEndpoint(e.address), otlptracehttp.WithURLPath(e.path + "/v1/traces")}
	m := []otlpmetrichttp.Option{otlpmetrichttp.WithEndpoint(e.address), otlpmetrichttp.WithURLPath(e.path + "/v1/metrics")}
	if e.scheme == "http" {
		t, m = append(t, otlptracehttp.WithInsecure()), append(m, otlpmetrichttp.WithInsecure())
	}
	spans, err := otlptracehttp.New(ctx, t...)
	if err != nil {
		return nil, nil, err
	}
	metrics, err := otlpmetrichttp.New(ctx, m...)
	return spans, metrics, err
}
