// SPDX-License-Identifier: Apache-2.0

package record

import (
	"strings"
	"testing"

	"github.com/modeltap/modeltap/observer/llm"
	"github.com/modeltap/modeltap/observer/servers"
	"github.com/modeltap/modeltap/observer/stream"
)

func maskPath(path string) string {
	var h headMask
	h.begin(0)
	out := []byte("POST " + path + " HTTP/1.1")
	for i, c := range out {
		out[i] = h.next(c)
	}
	return strings.TrimSuffix(strings.TrimPrefix(string(out), "POST "), " HTTP/1.1")
}

func TestPaths(t *testing.T) {
	for in, want := range map[string]string{
		"/v1/chat/completions":                  "/v1/chat/completions",
		"/tenant/smith-4711/v1/completions":     "/txxxxx/sxxxx.0000/v1/completions",
		"/v9/v1x/chats/complete":                "/v0/v1x/chatx/completx",
		"/v1/completion5":                       "/v1/completion0",
		"/openai/deployments/gpt-4o/embeddings": "/openai/deployments/gpt-4o/embeddings",
		"/v2/models/llama:7b/versions/3/infer":  "/v2/models/llama:7b/versions/3/infer",
		"/v1/models/a b":                        "/v1/models/a b",
		"/call/faces/0af3c9":                    "/call/faxxx/0af3c9",
		"/gradio_api/call/v2/dad/0af3c9/1975":   "/gradio_api/call/v2/dax/0af3c9/0000",
		"/run/dad":                              "/run/dax",
		"http://smith.example:80/v1/messages":   "http://sxxxx.xxxxxxx.00/v1/messages",
		"/users/smith?name=1":                   "/uxxxx/sxxxx?xxxx.1",
		"/mödels/x":                             "/mxxxxxx/x",
	} {
		got := maskPath(in)
		if strings.ContainsAny(in, " ö") {
			if strings.Contains(got, "b") || strings.Contains(got, "ödels") {
				t.Errorf("%s became %s", in, got)
			}
			continue
		}
		if got != want {
			t.Errorf("%s became %s, want %s", in, got, want)
		}
	}
}

// TestRoutesStay: a replay sees the API and the kind of each route that there
// is, below a prefix too, and no other.
func TestRoutesStay(t *testing.T) {
	rules := new(servers.Rules)
	routes := append(llm.Routes(), "/health", "/health/live", "/metrics", "/v1/models", "/v1/models/qwen", "/models", "/api/tags", "/api/version",
		"/props", "/tokenize", "/docs", "/docs/oauth2-redirect", "/static/js/smith.js", "/gradio_api/upload", "/gradio_api/startup-events", "/queue/data", "/",
		"/users/smith", "/v1/chat/completion", "/v2/models/a/ready", "/api/blobs/sha256", "/heartbeat/7", "/_next/smith", "/monitoring")
	for _, r := range routes {
		for _, before := range []string{"", "/smith", "/v1/proxy"} {
			for _, more := range []string{"", "/", "?smith"} {
				in := before + strings.ReplaceAll(r, "*", "name-1") + more
				got := maskPath(in)
				if strings.Contains(got, "smith") {
					t.Errorf("%s became %s", in, got)
				}
				if a, b := llm.DialectOf([]byte("POST"), []byte(in)), llm.DialectOf([]byte("POST"), []byte(got)); a != b {
					t.Errorf("%s became %s, which is another API", in, got)
				}
				if a, b := stream.RouteOf(rules, []byte(in)), stream.RouteOf(rules, []byte(got)); a != b {
					t.Errorf("%s became %s, whose kind is %v and not %v", in, got, b, a)
				}
			}
		}
	}
}
