// SPDX-License-Identifier: Apache-2.0

package top

import (
	"context"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	tea "charm.land/bubbletea/v2"
	"github.com/charmbracelet/x/ansi"

	"github.com/modeltap/modeltap/cmd/modeltap/top/client"
	"github.com/modeltap/modeltap/cmd/modeltap/top/figures"
	"github.com/modeltap/modeltap/cmd/modeltap/top/paint"
)

var update = flag.Bool("update", false, "write the golden screens")

var t0 = time.Unix(1_700_000_000, 0).UTC()

// histogram writes a family of one series with count observations at most at
// each bound.
func histogram(b *strings.Builder, name, labels string, bounds []float64, counts []int) {
	n := 0
	for i, c := range counts {
		n += c
		le := "+Inf"
		if i < len(bounds) {
			le = fmt.Sprint(bounds[i])
		}
		fmt.Fprintf(b, "%s_bucket{%s,le=%q} %d\n", name, labels, le, n)
	}
	fmt.Fprintf(b, "%s_sum{%s} %v\n%[1]s_count{%[2]s} %[4]d\n", name, labels, float64(n)*.1, n)
}

// exposition is what a daemon with two servers and two GPUs says after n
// seconds.
func exposition(n int) string {
	var b strings.Builder
	for _, name := range []string{"time_to_first_token", "inter_token_latency", "request_socket_wait", "request_duration"} {
		fmt.Fprintf(&b, "# TYPE model_%s_seconds histogram\n", name)
	}
	fmt.Fprint(&b, "process_start_time_seconds 1.6999e9\nprocess_resident_memory_bytes 6.4e7\ngo_goroutines 18\n")
	fmt.Fprintf(&b, "process_cpu_seconds_total %v\n", float64(n)*.02)
	for i, s := range []struct{ server, model string }{{"llm/vllm-1/server", "Llama-3.1-8B-Instruct"}, {"python3:8001", "phi-4"}} {
		l := fmt.Sprintf("server=%q,model=%q,api=\"openai_chat\"", s.server, s.model)
		rate := 5 - 3*i
		fmt.Fprintf(&b, "model_requests_total{%s,code=\"200\",stream=\"true\",outcome=\"ok\"} %d\n", l, rate*n)
		fmt.Fprintf(&b, "model_requests_total{%s,code=\"500\",stream=\"false\",outcome=\"http_error\"} %d\n", l, i*n/2)
		fmt.Fprintf(&b, "model_requests_in_flight{%s,state=\"waiting\"} %d\nmodel_requests_in_flight{%s,state=\"streaming\"} %d\n", l, i, l, 7-2*i)
		fmt.Fprintf(&b, "model_tokens_per_second{%s} %d\n", l, 1670-1592*i+n%5*10)
		fmt.Fprintf(&b, "model_tokens_total{%s,type=\"output\",source=\"usage\"} %d\n", l, 100*n)
		fmt.Fprintf(&b, "model_streams_stalled{%s} %d\n", l, i)
		ttft, itl := []float64{.1, .25, .5, 1}, []float64{.01, .025, .05, .1}
		histogram(&b, "model_time_to_first_token_seconds", l, ttft, []int{0, 3 * n, n, n, 0})
		histogram(&b, "model_inter_token_latency_seconds", l, itl, []int{0, 50 * n, 10 * n, 0, 0})
		histogram(&b, "model_request_socket_wait_seconds", l, []float64{.001, .25, .5}, []int{4 * n, 0, i * n, 0})
		histogram(&b, "model_request_duration_seconds", l, []float64{.64, 1.28}, []int{n, 4 * n, 0})
		fmt.Fprintf(&b, "model_server_info{server=%q,pid=\"%d\",comm=\"python3\",port=\"800%d\"} 1\n", s.server, 40+i, i)
		u := fmt.Sprintf("uuid=\"GPU-%d\",gpu=\"%d\"", i, i)
		fmt.Fprintf(&b, "gpu_up{%[1]s} 1\ngpu_info{%[1]s,name=\"H100\"} 1\ngpu_utilization_ratio{%[1]s} 0.79\ngpu_memory_total_bytes{%[1]s} 8e10\ngpu_memory_used_bytes{%[1]s} %[2]v\n", u, 7e10+float64(i)*4e9)
		fmt.Fprintf(&b, "gpu_power_watts{%[1]s} 314\ngpu_power_limit_watts{%[1]s} 700\ngpu_temperature_celsius{%[1]s,sensor=\"gpu\"} 71\n", u)
	}
	fmt.Fprintf(&b, `modeltap_build_info{version="1.0"} 1
modeltap_source_info{source="cgroup",attached="/sys/fs/cgroup"} 1
modeltap_feature_supported{feature="btf"} 1
modeltap_feature_supported{feature="socket_wait"} 0
modeltap_capture_packets_total{direction="ingress"} %d
modeltap_capture_lost_total{reason="ring_full"} 0
modeltap_stream_gaps_total 0
modeltap_unobserved_connections_total{reason="tls"} 2
modeltap_unobserved_connections_total{reason="http2"} 0
modeltap_config_last_reload_successful 1
modeltap_tracked_connections 12
modeltap_buffer_bytes 0
host_cpus 16
host_memory_total_bytes 6.4e10
host_memory_available_bytes 3.2e10
`, 100*n)
	return b.String()
}

func scraped(t testing.TB, text string, at time.Time) *figures.Scrape {
	t.Helper()
	s, err := figures.Read(strings.NewReader(text), at)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// requests are the last ones as of a time.
func requests(at time.Time) []client.Request {
	p := func(v float64) *float64 { return &v }
	n := func(v int64) *int64 { return &v }
	code := func(v int) *int { return &v }
	started := func(ago time.Duration) *time.Time { t := at.Add(-ago); return &t }
	source := "usage"
	return []client.Request{
		{Started: started(3 * time.Second), Server: "llm/vllm-1/server", API: "openai_chat", Model: "Llama-3.1-8B-Instruct", Code: code(200), Stream: true, Outcome: "ok",
			SocketWait: p(.2), TTFT: p(.6), Duration: p(2), InputTokens: n(12), OutputTokens: n(80), TokenSource: &source},
		{Started: started(5 * time.Second), Server: "python3:8001", API: "openai_chat", Model: "phi-4", Code: code(500), Outcome: "http_error", SocketWait: p(.001), Duration: p(1)},
		{Started: started(90 * time.Second), Server: "python3:8001", API: "openai_chat", Model: "phi-4", Code: code(200), Stream: true, Outcome: "client_abort", TTFT: p(.5)},
	}
}

// screen drives a model as a terminal would.
type screen struct {
	testing.TB
	model
}

func newScreen(t testing.TB, width, height int) *screen {
	s := &screen{t, newModel(context.Background(), nil, "127.0.0.1:9478", time.Second, paint.Unicode())}
	s.send(tea.WindowSizeMsg{Width: width, Height: height})
	return s
}

func (s *screen) send(msg tea.Msg) tea.Cmd {
	next, cmd := s.model.Update(msg)
	s.model = next.(model)
	return cmd
}

// looked gives the screen what the daemon says after n seconds.
func (s *screen) looked(n int) { s.saw(exposition(n), n) }

func (s *screen) saw(text string, n int) {
	s.Helper()
	at := t0.Add(time.Duration(n) * time.Second)
	s.send(fetchedMsg{sample: sample{scraped(s, text, at), requests(at), 12 * time.Millisecond}, at: at})
}

// press sends keys by their names.
func (s *screen) press(names ...string) {
	special := map[string]tea.Key{
		"enter": {Code: tea.KeyEnter}, "esc": {Code: tea.KeyEscape}, "backspace": {Code: tea.KeyBackspace}, "tab": {Code: tea.KeyTab},
		"up": {Code: tea.KeyUp}, "down": {Code: tea.KeyDown}, "end": {Code: tea.KeyEnd}, "pgdown": {Code: tea.KeyPgDown},
		"space": {Code: tea.KeySpace, Text: " "}, "ctrl+c": {Code: 'c', Mod: tea.ModCtrl}, "ctrl+u": {Code: 'u', Mod: tea.ModCtrl},
	}
	for _, name := range names {
		k, ok := special[name]
		if !ok {
			k = tea.Key{Code: []rune(name)[0], Text: name}
		}
		s.send(tea.KeyPressMsg(k))
	}
}

// text is what a reader sees, without styles and without spaces at the ends.
func (s *screen) text() string {
	lines := strings.Split(ansi.Strip(s.View().Content), "\n")
	for i := range lines {
		lines[i] = strings.TrimRight(lines[i], " ")
	}
	return strings.Join(lines, "\n") + "\n"
}

func (s *screen) shows(want ...string) {
	s.Helper()
	text := s.text()
	for _, w := range want {
		if !strings.Contains(text, w) {
			s.Errorf("the screen lacks %q:\n%s", w, text)
		}
	}
}

func (s *screen) hides(unwanted ...string) {
	s.Helper()
	text := s.text()
	for _, w := range unwanted {
		if strings.Contains(text, w) {
			s.Errorf("the screen shows %q:\n%s", w, text)
		}
	}
}

// golden compares with a file of testdata.
func golden(t *testing.T, name, got string) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if *update {
		if err := os.MkdirAll("testdata", 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if got != string(want) {
		t.Errorf("%s differs (go test ./cmd/modeltap/top -update writes it):\n%s", path, got)
	}
}
