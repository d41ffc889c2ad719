// SPDX-License-Identifier: Apache-2.0

package top

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/modeltap/modeltap/cmd/modeltap/top/client"
	"github.com/modeltap/modeltap/cmd/modeltap/top/figures"
	"github.com/modeltap/modeltap/cmd/modeltap/top/paint"
)

func TestTable(t *testing.T) {
	f := figures.Between(scraped(t, exposition(10), t0), scraped(t, exposition(12), t0.Add(2*time.Second)))
	var b strings.Builder
	if err := writeTable(&b, paint.Unicode(), f); err != nil {
		t.Fatal(err)
	}
	golden(t, "once.txt", b.String())
	// Each line of a server has as many words as the head.
	lines := strings.Split(b.String(), "\n")
	for _, l := range lines[1:3] {
		if len(strings.Fields(l)) != len(strings.Fields(lines[0])) {
			t.Errorf("%q does not fit %q", l, lines[0])
		}
	}
	b.Reset()
	if err := writeTable(&b, paint.ASCII(), figures.Between(nil, scraped(t, "model_server_info{server=\"a b\"} 1\n", t0))); err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(b.String(), "a_b     -") {
		t.Errorf("a server with a space and without a model:\n%s", b.String())
	}
}

func TestJSON(t *testing.T) {
	f := figures.Between(scraped(t, exposition(10), t0), scraped(t, exposition(12), t0.Add(2*time.Second)))
	var b strings.Builder
	if err := writeJSON(&b, f, requests(t0)); err != nil {
		t.Fatal(err)
	}
	golden(t, "once.json", b.String())
	var d struct {
		Seconds float64
		Servers []struct {
			Server   string
			Requests *float64               `json:"requests_per_second"`
			TPOT     struct{ P95 *float64 } `json:"time_per_output_token_seconds"`
		}
	}
	if err := json.Unmarshal([]byte(b.String()), &d); err != nil {
		t.Fatal(err)
	}
	if d.Seconds != 2 || len(d.Servers) != 2 || *d.Servers[0].Requests != 5 || d.Servers[0].TPOT.P95 != nil {
		t.Errorf("%+v", d)
	}
	b.Reset()
	if err := writeJSON(&b, figures.Between(nil, scraped(t, "modeltap_panics_total 0\n", t0)), nil); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{`"servers": []`, `"gpus": []`, `"requests": []`, `"cpu_ratio": null`} {
		if !strings.Contains(b.String(), want) {
			t.Errorf("an empty document lacks %s:\n%s", want, b.String())
		}
	}
}

// config is for a daemon that says what n looks say.
func config(t *testing.T, handler http.Handler) (Config, *strings.Builder) {
	t.Helper()
	s := httptest.NewServer(handler)
	t.Cleanup(s.Close)
	at, err := client.Parse(s.URL, "/metrics")
	if err != nil {
		t.Fatal(err)
	}
	var out strings.Builder
	return Config{Address: at, Interval: 20 * time.Millisecond, Environ: []string{"TERM=xterm", "LANG=C"}, Stdout: &out}, &out
}

func daemon() http.Handler {
	var n atomic.Int32
	mux := http.NewServeMux()
	mux.HandleFunc("/metrics", func(w http.ResponseWriter, _ *http.Request) {
		_, _ = w.Write([]byte(exposition(int(n.Add(1)))))
	})
	return mux
}

// What is no terminal, or a dumb one, gets the table, and so does --once.
func TestRunOnce(t *testing.T) {
	for name, set := range map[string]func(*Config){
		"a pipe":          func(*Config) {},
		"--once":          func(c *Config) { c.Once, c.Terminal = true, true },
		"a dumb terminal": func(c *Config) { c.Terminal, c.Environ = true, []string{"TERM=dumb"} },
	} {
		c, out := config(t, daemon())
		set(&c)
		if err := Run(t.Context(), c); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if !strings.Contains(out.String(), "llm/vllm-1/server  Llama-3.1-8B-Instruct") || strings.Contains(out.String(), "\x1b") {
			t.Errorf("%s gets %q", name, out)
		}
	}
	c, out := config(t, daemon())
	c.JSON = true
	if err := Run(t.Context(), c); err != nil || !json.Valid([]byte(out.String())) {
		t.Errorf("%v, %s", err, out)
	}
}

func TestRunOnceFails(t *testing.T) {
	c, out := config(t, http.NotFoundHandler())
	if err := Run(t.Context(), c); err == nil || !strings.Contains(err.Error(), "--web.telemetry-path") || out.Len() > 0 {
		t.Errorf("%v, %q", err, out)
	}
	// Gone between the looks.
	looks := 0
	_, _, err := twice(t.Context(), func(context.Context) (sample, error) {
		if looks++; looks == 2 {
			return sample{}, errors.New("gone")
		}
		return sample{scrape: scraped(t, exposition(1), t0)}, nil
	}, time.Millisecond)
	if err == nil || err.Error() != "gone" {
		t.Errorf("gone between the looks: %v", err)
	}
	// Stopped by a signal while it waits.
	ctx, cancel := context.WithCancel(t.Context())
	c, _ = config(t, daemon())
	c.Interval = time.Hour
	time.AfterFunc(100*time.Millisecond, cancel)
	if err := Run(ctx, c); err != nil {
		t.Errorf("stopped: %v", err)
	}
}
