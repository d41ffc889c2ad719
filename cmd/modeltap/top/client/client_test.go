// SPDX-License-Identifier: Apache-2.0

package client

import (
	"context"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

func TestParse(t *testing.T) {
	for _, c := range []struct{ in, metrics, shown, requests string }{
		{"http://localhost:9478", "http://localhost:9478/metrics", "localhost:9478", "http://localhost:9478/api/v1/requests?limit=200"},
		{"localhost:9478", "http://localhost:9478/metrics", "localhost:9478", "http://localhost:9478/api/v1/requests?limit=200"},
		{"[::1]:9478/", "http://[::1]:9478/metrics", "[::1]:9478", "http://[::1]:9478/api/v1/requests?limit=200"},
		{"https://u:p@gpu-7/taps/metrics#x", "https://u:p@gpu-7/taps/metrics", "https://gpu-7/taps/metrics", "https://u:p@gpu-7/taps/api/v1/requests?limit=200"},
		{"http://h/federate?match[]=a", "http://h/federate?match[]=a", "h/federate", "http://h/api/v1/requests?limit=200"},
	} {
		a, err := Parse(c.in, "/metrics")
		if err != nil {
			t.Errorf("%s: %v", c.in, err)
			continue
		}
		if a.metrics.String() != c.metrics || a.String() != c.shown || a.requests[0].String() != c.requests {
			t.Errorf("%s: %s, shown as %s, requests at %s", c.in, a.metrics.String(), a, a.requests[0].String())
		}
	}
	if a, _ := Parse("h", "/own"); a.metrics.Path != "/own" {
		t.Errorf("the daemon's own path is not taken: %s", a.metrics.Path)
	}
	for _, bad := range []string{"", "http://", "ftp://h", "http://u:secret@h:port/", "http://u:secret@h\x7f", "/metrics"} {
		_, err := Parse(bad, "/metrics")
		if err == nil || !strings.Contains(err.Error(), "write http://HOST:9478") || strings.Contains(err.Error(), "secret") {
			t.Errorf("%q: %v; want a remedy and no password", bad, err)
		}
	}
}

const metrics = "modeltap_build_info{version=\"1\"} 1\n"

func answer(status int, text string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(status)
		io.WriteString(w, text)
	}
}

func to(t *testing.T, address string) *Client {
	t.Helper()
	a, err := Parse(address, "/metrics")
	if err != nil {
		t.Fatal(err)
	}
	return New(a, "modeltap/test")
}

func TestScrape(t *testing.T) {
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if user, password, _ := r.BasicAuth(); user != "u" || password != "p" || r.UserAgent() != "modeltap/test" || !strings.HasPrefix(r.Header.Get("Accept"), "text/plain") {
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		io.WriteString(w, metrics)
	}))
	defer s.Close()
	c := to(t, strings.Replace(s.URL, "http://", "http://u:p@", 1))
	got, err := c.Scrape(t.Context())
	if err != nil || got.At.IsZero() {
		t.Fatalf("%v, %v", got, err)
	}
	_, err = to(t, s.URL).Scrape(t.Context())
	if err == nil || !strings.Contains(err.Error(), "401 Unauthorized: give user and password") {
		t.Errorf("without a password: %v", err)
	}
}

// Every failure is a sentence with a remedy, without a password and without
// anything that a terminal would obey.
func TestFailures(t *testing.T) {
	closed, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	closed.Close()
	serve := func(h http.HandlerFunc) string {
		s := httptest.NewServer(h)
		t.Cleanup(s.Close)
		return strings.TrimPrefix(s.URL, "http://")
	}
	secure := httptest.NewTLSServer(answer(200, metrics))
	t.Cleanup(secure.Close)
	secure.Config.ErrorLog = log.New(io.Discard, "", 0)
	for name, c := range map[string]struct{ at, want string }{
		"refused":     {"http://u:secret@" + closed.Addr().String(), "nothing listens there: start modeltap"},
		"no host":     {"http://u:secret@no-such-host.invalid", "correct --url"},
		"404":         {"http://u:secret@" + serve(answer(404, "")), "add the path of the metrics"},
		"503":         {"http://u:secret@" + serve(answer(503, "")), "it is busy"},
		"500":         {"http://u:secret@" + serve(answer(500, "")), "see its log"},
		"a page":      {"http://u:secret@" + serve(answer(200, "<html>\x1b[2J</html>")), "not with the metrics of a modeltap"},
		"broken text": {"http://u:secret@" + serve(answer(200, "modeltap_x{\x1b[2J\n")), "curl shows"},
		"too large": {"http://u:secret@" + serve(func(w http.ResponseWriter, _ *http.Request) {
			line := strings.Repeat("# a comment that says nothing at all, over and over again\n", 1000)
			for range maxBody/len(line) + 2 {
				if _, err := io.WriteString(w, line); err != nil {
					return
				}
			}
		}), "more than 64 MiB"},
		"TLS asked of plain text": {"https://u:secret@" + serve(answer(200, metrics)), "write http://"},
		"an unknown authority":    {"https://u:secret@" + strings.TrimPrefix(secure.URL, "https://"), "SSL_CERT_FILE"},
		"plain text to TLS":       {"http://u:secret@" + strings.TrimPrefix(secure.URL, "https://"), "write https://"},
	} {
		_, err := to(t, c.at).Scrape(t.Context())
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v; want %q", name, err, c.want)
		} else if strings.ContainsAny(err.Error(), "\x1b\n") || strings.Contains(err.Error(), "secret") {
			t.Errorf("%s: %q shows what it must not", name, err)
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := to(t, closed.Addr().String()).Scrape(ctx); err != context.Canceled {
		t.Errorf("cancelled: %v", err)
	}
}

func TestRequests(t *testing.T) {
	const list = `[{"started":"2026-01-02T03:04:05.5Z","server":"a","api":"openai_chat","model":"m\u001b[2J","code":200,"stream":true,"outcome":"ok","socket_wait_seconds":0.01,"ttft_seconds":0.2,"duration_seconds":null,"later":"unknown"}]`
	mux := http.NewServeMux()
	mux.HandleFunc("/api/v1/requests", answer(200, list))
	s := httptest.NewServer(mux)
	defer s.Close()
	c := to(t, s.URL+"/deep/metrics") // whose own neighbour does not exist
	for range 2 {
		got, err := c.Requests(t.Context())
		if err != nil || len(got) != 1 {
			t.Fatalf("%v, %v", got, err)
		}
		if r := got[0]; r.Model != "m?[2J" || *r.Code != 200 || *r.TTFT != .2 || r.Duration != nil || r.Started.Nanosecond() != 5e8 {
			t.Errorf("%+v", r)
		}
	}
	absent := httptest.NewServer(http.NotFoundHandler())
	defer absent.Close()
	if got, err := to(t, absent.URL).Requests(t.Context()); err != nil || got != nil {
		t.Errorf("a daemon without a list: %v, %v", got, err)
	}
}

func TestRequestsAreBounded(t *testing.T) {
	for name, text := range map[string]string{"an object": `{"a":1}`, "a wrong type": `[{"code":"x"}]`, "cut off": `[{"code":1}`, "a page": "<html>"} {
		got, err := decode(strings.NewReader(text))
		if name == "cut off" {
			if err != nil || len(got) != 1 {
				t.Errorf("%s: %v, %v", name, got, err)
			}
		} else if err == nil {
			t.Errorf("%s was taken", name)
		}
	}
	many := "[" + strings.TrimSuffix(strings.Repeat("{},", 10*maxRequests), ",") + "]"
	if got, err := decode(strings.NewReader(many)); err != nil || len(got) != maxRequests {
		t.Errorf("%d of many, %v", len(got), err)
	}
	endless := fmt.Sprintf(`[{"model":"%s"}]`, strings.Repeat("x", maxList))
	if _, err := decode(strings.NewReader(endless)); err == nil {
		t.Error("an endless name was taken")
	}
}
