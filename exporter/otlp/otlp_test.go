// SPDX-License-Identifier: Apache-2.0

package otlp

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/hex"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"
	colmetrics "go.opentelemetry.io/proto/otlp/collector/metrics/v1"
	coltrace "go.opentelemetry.io/proto/otlp/collector/trace/v1"
	common "go.opentelemetry.io/proto/otlp/common/v1"
	metrics "go.opentelemetry.io/proto/otlp/metrics/v1"
	traces "go.opentelemetry.io/proto/otlp/trace/v1"
	"google.golang.org/grpc"
	"google.golang.org/protobuf/proto"

	"github.com/modeltap/modeltap/observer/event"
)

// collector is an OTLP receiver, by gRPC and HTTP.
type collector struct {
	coltrace.UnimplementedTraceServiceServer
	mu      sync.Mutex
	spans   []*traces.Span
	metrics map[string]*metrics.Metric
	refuse  int           // HTTP status, 0 to accept
	hold    chan struct{} // not nil: answers when it is closed
}

func (c *collector) Export(_ context.Context, r *coltrace.ExportTraceServiceRequest) (*coltrace.ExportTraceServiceResponse, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, rs := range r.ResourceSpans {
		for _, ss := range rs.ScopeSpans {
			c.spans = append(c.spans, ss.Spans...)
		}
	}
	return new(coltrace.ExportTraceServiceResponse), nil
}

type meters struct {
	colmetrics.UnimplementedMetricsServiceServer
	*collector
}

func (c meters) Export(_ context.Context, r *colmetrics.ExportMetricsServiceRequest) (*colmetrics.ExportMetricsServiceResponse, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.metrics == nil {
		c.collector.metrics = map[string]*metrics.Metric{}
	}
	for _, rm := range r.ResourceMetrics {
		for _, sm := range rm.ScopeMetrics {
			for _, m := range sm.Metrics {
				c.metrics[m.Name] = m
			}
		}
	}
	return new(colmetrics.ExportMetricsServiceResponse), nil
}

func (c *collector) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if c.hold != nil {
		<-c.hold
	}
	if c.refuse != 0 {
		w.WriteHeader(c.refuse)
		return
	}
	var body io.Reader = r.Body
	if r.Header.Get("Content-Encoding") == "gzip" {
		body, _ = gzip.NewReader(r.Body)
	}
	b, _ := io.ReadAll(body)
	var answer proto.Message
	switch r.URL.Path {
	case "/in/v1/traces":
		var q coltrace.ExportTraceServiceRequest
		if proto.Unmarshal(b, &q) != nil {
			w.WriteHeader(400)
			return
		}
		answer, _ = c.Export(r.Context(), &q)
	case "/in/v1/metrics":
		var q colmetrics.ExportMetricsServiceRequest
		if proto.Unmarshal(b, &q) != nil {
			w.WriteHeader(400)
			return
		}
		answer, _ = meters{collector: c}.Export(r.Context(), &q)
	default:
		w.WriteHeader(404)
		return
	}
	out, _ := proto.Marshal(answer)
	w.Header().Set("Content-Type", "application/x-protobuf")
	_, _ = w.Write(out)
}

// serve starts c and returns its address by HTTP and by gRPC.
func (c *collector) serve(t *testing.T) (byHTTP, byGRPC string) {
	h := httptest.NewServer(c)
	t.Cleanup(h.Close)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	g := grpc.NewServer()
	coltrace.RegisterTraceServiceServer(g, c)
	colmetrics.RegisterMetricsServiceServer(g, meters{collector: c})
	go func() { _ = g.Serve(l) }()
	t.Cleanup(g.Stop)
	return h.URL + "/in", "grpc://" + l.Addr().String()
}

type sender struct {
	*Exporter
	registry *prometheus.Registry
	log      *bytes.Buffer
	end      func()
}

func start(t *testing.T, address string) *sender {
	t.Helper()
	at, err := ParseEndpoint(address)
	if err != nil {
		t.Fatal(err)
	}
	s := &sender{registry: prometheus.NewRegistry(), log: new(bytes.Buffer)}
	s.Exporter, err = New(context.Background(), Options{Endpoint: at, Registry: s.registry, Version: "1.2.3",
		Wall: func(ns int64) time.Time { return time.Unix(1_700_000_000, ns) }, Logger: slog.New(slog.NewTextHandler(s.log, nil))})
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() { _ = s.Run(ctx); close(done) }()
	s.end = sync.OnceFunc(func() { stop(); <-done })
	t.Cleanup(s.end)
	return s
}

func answered() *event.Exchange {
	x := &event.Exchange{Server: "vllm:8000", API: "openai_chat", Model: "llama", Start: 1e9, FirstChunk: 11e8, FirstToken: 12e8, LastToken: 2e9,
		End: 21e8, Status: 200, Stream: true, RequestBytes: 300, ResponseBytes: 5000, HasTraceID: true, Sampled: true}
	_, _ = hex.Decode(x.TraceID[:], []byte("0af7651916cd43dd8448eb211c80319c"))
	_, _ = hex.Decode(x.Parent[:], []byte("b7ad6b7169203331"))
	x.Tokens[event.Input] = event.Count{N: 70, Source: event.Usage, Known: true}
	x.Tokens[event.Output] = event.Count{N: 11, Source: event.Chunks, Known: true}
	x.Tokens[event.Cached] = event.Count{N: 64, Source: event.Usage, Known: true}
	x.Finish[event.FinishStop] = 1
	return x
}

func values(list []*common.KeyValue) map[string]string {
	m := map[string]string{}
	for _, a := range list {
		m[a.Key] = strings.TrimSpace(strings.ReplaceAll(fmt.Sprint(a.Value), "  ", " "))
	}
	return m
}

func TestSpansAndMetrics(t *testing.T) {
	c := new(collector)
	byHTTP, byGRPC := c.serve(t)
	for _, address := range []string{byHTTP, byGRPC} {
		c.spans, c.metrics = nil, nil
		s := start(t, address)
		s.Exchange(answered())
		failed := answered()
		failed.Outcome, failed.Status, failed.HasTraceID, failed.Stream = event.HTTPError, 503, false, false
		failed.Tokens[event.Output] = event.Count{N: 9, Source: event.Estimated, Known: true}
		s.Exchange(failed)
		unsampled := answered()
		unsampled.Sampled = false
		s.Exchange(unsampled)
		s.end()
		if len(c.spans) != 2 {
			t.Fatalf("%s: %d spans, want 2: the third's trace is not recorded", address, len(c.spans))
		}
		span := c.spans[0]
		if hex.EncodeToString(span.TraceId) != "0af7651916cd43dd8448eb211c80319c" || hex.EncodeToString(span.ParentSpanId) != "b7ad6b7169203331" ||
			span.Name != "chat llama" || span.Kind != traces.Span_SPAN_KIND_SERVER ||
			span.StartTimeUnixNano != 1_700_000_001e9 || span.EndTimeUnixNano != 1_700_000_002.1e9 {
			t.Errorf("%s: %v", address, span)
		}
		got := values(span.Attributes)
		for k, want := range map[string]string{
			"gen_ai.operation.name": `string_value:"chat"`, "gen_ai.provider.name": `string_value:"openai"`, "gen_ai.response.model": `string_value:"llama"`,
			"gen_ai.usage.input_tokens": "int_value:70", "gen_ai.usage.output_tokens": "int_value:11", "gen_ai.usage.cache_read.input_tokens": "int_value:64",
			"gen_ai.request.stream": "bool_value:true", "gen_ai.response.time_to_first_chunk": "double_value:0.1", "http.response.status_code": "int_value:200",
			"modeltap.server": `string_value:"vllm:8000"`, "modeltap.outcome": `string_value:"ok"`, "error.type": "",
		} {
			if got[k] != want {
				t.Errorf("%s: %s is %s, want %s", address, k, got[k], want)
			}
		}
		if !strings.Contains(got["gen_ai.response.finish_reasons"], "stop") {
			t.Errorf("%s: finish reasons %s", address, got["gen_ai.response.finish_reasons"])
		}
		bad := values(c.spans[1].Attributes)
		if bad["error.type"] != `string_value:"503"` || c.spans[1].Status.Code != traces.Status_STATUS_CODE_ERROR || len(c.spans[1].ParentSpanId) != 0 {
			t.Errorf("%s: %v", address, c.spans[1])
		}
		if bad["gen_ai.usage.output_tokens"] != "" || bad["modeltap.estimated.output_tokens"] != "int_value:9" {
			t.Errorf("%s: an estimate is no usage: %v", address, bad)
		}
		for name, want := range map[string]uint64{"gen_ai.server.request.duration": 3, "gen_ai.server.time_to_first_token": 2, "gen_ai.server.time_per_output_token": 2} {
			var n uint64
			if m := c.metrics[name]; m != nil {
				for _, p := range m.GetHistogram().DataPoints {
					n += p.Count
				}
			}
			if n != want {
				t.Errorf("%s: %s has %d values, want %d", address, name, n, want)
			}
		}
	}
}

// A collector that refuses costs spans, which are counted, and one line of log.
func TestRefused(t *testing.T) {
	c := &collector{refuse: http.StatusBadRequest}
	byHTTP, _ := c.serve(t)
	s := start(t, byHTTP)
	for range 5 {
		s.Exchange(answered())
	}
	s.end()
	if n := testutil.ToFloat64(s.failed); n != 5 {
		t.Errorf("%v spans counted as failed, want 5", n)
	}
	if n := strings.Count(s.log.String(), "takes no spans"); n != 1 {
		t.Errorf("said %d times: %s", n, s.log)
	}
}

// A collector that hangs never holds the observer up.
func TestSlowCollector(t *testing.T) {
	c := &collector{hold: make(chan struct{})}
	byHTTP, _ := c.serve(t)
	s := start(t, byHTTP)
	const n = maxQueue + maxWaiting + 4096
	for range n {
		s.Exchange(answered())
	}
	if got := testutil.ToFloat64(s.full); got == 0 || got >= n {
		t.Errorf("%v of %d dropped", got, n)
	}
	close(c.hold)
	s.end()
	if got := float64(len(c.spans)) + testutil.ToFloat64(s.full) + testutil.ToFloat64(s.failed); got != n {
		t.Errorf("%v spans sent or counted, want %d", got, n)
	}
}

func TestParseEndpoint(t *testing.T) {
	for in, want := range map[string]Endpoint{
		"grpc://collector:4317":        {"grpc", "collector:4317", ""},
		"grpcs://collector":            {"grpcs", "collector:4317", ""},
		"http://[::1]:4318/":           {"http", "[::1]:4318", ""},
		"https://otlp.example/api/otl": {"https", "otlp.example:4318", "/api/otl"},
		"collector:4317":               {}, "": {}, "ftp://x": {}, "grpc://": {}, "http://u:p@x": {}, "grpc://x/y": {}, "http://x?a=b": {}, "http://%": {},
	} {
		got, err := ParseEndpoint(in)
		if (err == nil) != (want != Endpoint{}) || err == nil && got != want {
			t.Errorf("%q: %+v, %v", in, got, err)
		}
		if err != nil && !strings.Contains(err.Error(), ": ") {
			t.Errorf("%q: no remedy in %q", in, err)
		}
	}
}
