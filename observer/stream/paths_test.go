// SPDX-License-Identifier: Apache-2.0

package stream

import (
	"regexp"
	"strings"
	"testing"

	"github.com/modeltap/modeltap/observer/llm"
	"github.com/modeltap/modeltap/observer/servers"
)

func TestRouteBuiltIn(t *testing.T) {
	for want, paths := range map[Route]string{
		Unlisted: `/v1/chat/completions /chat/completions /v1/completions /completions /api/v1/chat/completions
			/v3/chat/completions /openai/deployments/gpt/chat/completions?api-version=2024-02-01
			/v1/responses /v1/messages /v1/embeddings /embeddings /v1/rerank /v2/rerank /v1/score
			/v1/audio/transcriptions /v1/images/generations /api/generate /api/chat /api/embed /api/embeddings
			/generate /generate_stream /completion /infill /invocations /embed /predict /predictions
			/v2/models/llama/infer /v2/models/llama/versions/3/infer /v2/models/a/generate_stream
			/v1/models/bert:predict /v1/models/bert:explain /queue/join /gradio_api/queue/data?session_hash=x /gradio_api/call/chat
			/gradio_api/run/predict /worker_generate_stream /inference/v1/generate
			/prefix/v1/chat/completions /v1/chat/completions/ http://host:8000/v1/completions?x=/health
			/ /chat /stream /ask /v1 /v1/threads/t/messages /api/users /api/chat/history /models.list /liver
			/docs/v1/chat/completions /healthy /metricsx /v1/modelsx /data /join /x/infer /documents /audio/speech * http://host`,
		Ignored: `/health /healthz /api/health /v2/health/ready /v2/health/live /livez /ready /ping /metrics /v1/metrics
			/prometheus/metrics /v1/models /models /v1/models/llama3:8b /v1/models/a /api/tags /api/ps /api/version /api/show
			/api/blobs/sha256:00 /version /load /info /server_info /get_model_info /props /slots /tokenize /detokenize
			/apply-template /docs /docs/oauth2-redirect /redoc /openapi.json /favicon.ico /static/app.js /assets/x/y
			/v1/messages/count_tokens /v1/responses/input_tokens /-/healthz /-/routes /gradio_api/info
			/gradio_api/heartbeat/abc /gradio_api/file=/tmp/x /gradio_api/upload /theme.css /index.html /health/
			/health?full=1 http://host/health /v2/models/llama/ready`,
	} {
		for _, p := range strings.Fields(paths) {
			if got := RouteOf(&servers.Rules{}, []byte(p)); got != want {
				t.Errorf("Route(%s) = %d, want %d", p, got, want)
			}
		}
	}
}

func TestRouteUser(t *testing.T) {
	re := regexp.MustCompile
	p := &servers.Rules{Model: []*regexp.Regexp{re(`^/health$`), re(`^/both`)}, Ignore: []*regexp.Regexp{re(`/completions$`), re(`^/both`), re(`secret`)}}
	for path, want := range map[string]Route{
		"/health":                      Chosen,
		"/healthz":                     Ignored,
		"/v1/completions":              Ignored,
		"/both":                        Ignored,
		"/generate?q=secret":           Unlisted,
		"http://secret/generate":       Unlisted,
		"http://h/v1/chat/completions": Ignored,
	} {
		if got := RouteOf(p, []byte(path)); got != want {
			t.Errorf("Route(%s) = %d, want %d", path, got, want)
		}
	}
}

// A query changes nothing, and no route of an API is ignored, whatever prefix
// it is mounted at.
func FuzzRoute(f *testing.F) {
	for _, s := range []string{"/v1/chat/completions", "models", "/models/x", "/static/v1/completions", "//", "http://", "/gradio_api/", "/v1/models/", "?", "/gradio_api/call"} {
		f.Add(s)
	}
	p := &servers.Rules{}
	f.Fuzz(func(t *testing.T, in string) {
		got := RouteOf(p, []byte(in))
		if again := RouteOf(p, []byte(in+"?health")); !strings.ContainsAny(in, "?#") && got != again {
			t.Fatalf("%q is %d, with a query %d", in, got, again)
		}
		if got == Ignored && llm.DialectOf([]byte("POST"), []byte(in)) != nil {
			t.Fatalf("%q is a route of an API and ignored", in)
		}
	})
}

func TestRouteDoesNotAllocate(t *testing.T) {
	p := &servers.Rules{}
	target := []byte("/openai/deployments/gpt/chat/completions?api-version=2024-02-01")
	if n := testing.AllocsPerRun(100, func() { RouteOf(p, target) }); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

func BenchmarkRoute(b *testing.B) {
	p := &servers.Rules{}
	target := []byte("/v1/chat/completions")
	b.ReportAllocs()
	for b.Loop() {
		RouteOf(p, target)
	}
}
