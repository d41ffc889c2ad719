// SPDX-License-Identifier: Apache-2.0

package figures

import (
	"fmt"
	"maps"
	"math"
	"os"
	"slices"
	"strings"
	"testing"
	"time"
)

// histogram writes a family with one series: n observations below 0.5, m more
// below 1.
func histogram(name, labels string, n, m int) string {
	return fmt.Sprintf("# TYPE %[1]s histogram\n%[1]s_bucket{%[2]s,le=\"0.5\"} %[3]d\n%[1]s_bucket{%[2]s,le=\"1\"} %[4]d\n%[1]s_bucket{%[2]s,le=\"+Inf\"} %[4]d\n%[1]s_sum{%[2]s} %[4]d\n%[1]s_count{%[2]s} %[4]d\n",
		name, labels, n, n+m)
}

const start = "process_start_time_seconds 100\n"

func near(a, b float64) bool {
	return math.IsNaN(a) && math.IsNaN(b) || math.Abs(a-b) < 1e-9
}

func row(t *testing.T, f *Figures, server, model string) Row {
	t.Helper()
	for _, r := range f.Rows {
		if r.Server == server && r.Model == model {
			return r
		}
	}
	t.Fatalf("no row of %s, %s among %d", server, model, len(f.Rows))
	return Row{}
}

func TestRatesAndQuantiles(t *testing.T) {
	const l = `server="a",model="m",api="openai_chat"`
	text := func(ok, bad, gone, below, above int) string {
		return start + "# TYPE model_requests_total counter\n" +
			fmt.Sprintf("model_requests_total{%s,code=\"200\",stream=\"true\",outcome=\"ok\"} %d\n", l, ok) +
			fmt.Sprintf("model_requests_total{%s,code=\"500\",stream=\"false\",outcome=\"http_error\"} %d\n", l, bad) +
			fmt.Sprintf("model_requests_total{%s,code=\"200\",stream=\"true\",outcome=\"client_abort\"} %d\n", l, gone) +
			histogram("model_time_to_first_token_seconds", l, below, above) +
			"# TYPE model_requests_in_flight gauge\n" +
			"model_requests_in_flight{" + l + ",state=\"waiting\"} 2\nmodel_requests_in_flight{" + l + ",state=\"streaming\"} 5\n" +
			"# TYPE model_tokens_per_second gauge\nmodel_tokens_per_second{" + l + "} 40\nmodel_tokens_per_second{server=\"a\",model=\"m\",api=\"tgi\"} 2\n"
	}
	f := Between(mustRead(t, text(10, 1, 0, 5, 5), 0), mustRead(t, text(14, 2, 3, 5, 9), 2*time.Second))
	r := row(t, f, "a", "m")
	if !near(r.Requests, 4) || !near(r.Errors, .5) {
		t.Errorf("%v requests and %v errors a second, want 4 and 0.5", r.Requests, r.Errors)
	}
	// All four new ones lie in (0.5, 1]; those from before do not count.
	if r.TTFT.Count() != 4 || !near(r.TTFT.Quantile(.5), .75) {
		t.Errorf("%v first tokens, median %v; want 4, 0.75", r.TTFT.Count(), r.TTFT.Quantile(.5))
	}
	if r.Waiting != 2 || r.Streaming != 5 || r.Receiving != 0 || !near(r.TokensPerSecond, 42) {
		t.Errorf("in flight %v %v %v, tokens %v", r.Receiving, r.Waiting, r.Streaming, r.TokensPerSecond)
	}
	if len(r.APIs) != 1 || r.Outcomes[0] != (Count{"ok 200", 14, 2}) {
		t.Errorf("APIs %v, outcomes %v", r.APIs, r.Outcomes)
	}
	if f.Over != 2*time.Second {
		t.Errorf("over %v", f.Over)
	}
}

func TestOneScrapeHasNoRates(t *testing.T) {
	f := Between(nil, mustRead(t, start+"model_requests_total{server=\"a\",outcome=\"ok\"} 7\n"+histogram("model_time_to_first_token_seconds", `server="a"`, 1, 1), 0))
	r := row(t, f, "a", "")
	if !math.IsNaN(r.Requests) || !math.IsNaN(r.Errors) || r.TTFT.Count() != 0 || f.Over != 0 {
		t.Errorf("one scrape has rates: %+v", r)
	}
}

// What a counter that went down did cannot be told, nor what a process did that
// is a new one, even where its counters are higher by now.
func TestResetsDropThePair(t *testing.T) {
	text := func(started, n, tokens int) string {
		return fmt.Sprintf("process_start_time_seconds %d\n", started) +
			fmt.Sprintf("model_requests_total{server=\"a\",outcome=\"ok\"} %d\nmodel_requests_total{server=\"a\",outcome=\"x\"} 5\n", n) +
			histogram("model_time_to_first_token_seconds", `server="a"`, n, n) +
			fmt.Sprintf("model_tokens_total{server=\"a\",type=\"output\",source=\"usage\"} %d\n", tokens)
	}
	before := mustRead(t, text(1, 10, 10), 0)
	for name, c := range map[string]struct {
		after  string
		again  bool
		tokens float64
	}{
		"a counter went down":      {text(1, 3, 12), false, 2},
		"the daemon was restarted": {text(2, 50, 50), true, math.NaN()},
	} {
		after := mustRead(t, c.after, time.Second)
		r := row(t, Between(before, after), "a", "")
		if !math.IsNaN(r.Requests) || r.TTFT.Count() != 0 || !near(r.Tokens[0].Rate, c.tokens) {
			t.Errorf("%s: %v requests a second, %v first tokens, %v tokens a second", name, r.Requests, r.TTFT.Count(), r.Tokens[0].Rate)
		}
		if Restarted(before, after) != c.again {
			t.Errorf("%s: restarted is %v", name, !c.again)
		}
	}
}

// The first request of a server is not lost as it is to rate().
func TestNewSeriesCameFromZero(t *testing.T) {
	born := "model_requests_total{server=\"a\",outcome=\"http_error\"} 1\n" + histogram("model_time_to_first_token_seconds", `server="a"`, 1, 0)
	r := row(t, Between(mustRead(t, start, 0), mustRead(t, start+born, time.Second)), "a", "")
	if r.Requests != 1 || r.Errors != 1 || r.TTFT.Count() != 1 {
		t.Errorf("%v requests, %v errors, %v first tokens; want 1 each", r.Requests, r.Errors, r.TTFT.Count())
	}
	// Not where nobody says that it is the same process.
	r = row(t, Between(mustRead(t, "modeltap_panics_total 0\n", 0), mustRead(t, born, time.Second)), "a", "")
	if !math.IsNaN(r.Requests) || r.TTFT.Count() != 0 {
		t.Errorf("without a start time: %v requests, %v first tokens", r.Requests, r.TTFT.Count())
	}
}

func TestServersWithoutRequests(t *testing.T) {
	f := Between(nil, mustRead(t, `model_server_info{server="idle",pid="7",comm="vllm",port="8000"} 1
model_server_info{server="busy",pid="8",comm="vllm",port="8001"} 1
model_server_resident_memory_bytes{server="busy"} 1024
model_server_gpu_memory_bytes{server="busy",uuid="x",gpu="0"} 1
model_server_gpu_memory_bytes{server="busy",uuid="y",gpu="1"} 2
model_tokens_per_second{server="busy",model="m"} 3
`, 0))
	if len(f.Rows) != 2 {
		t.Fatalf("%d rows, want 2", len(f.Rows))
	}
	if r := row(t, f, "idle", ""); r.Process.Info["pid"] != "7" || !math.IsNaN(r.TokensPerSecond) {
		t.Errorf("the idle server: %+v", r)
	}
	if r := row(t, f, "busy", "m"); r.Process.Resident != 1024 || r.Process.VRAM != 3 {
		t.Errorf("the busy server's process: %+v", r.Process)
	}
}

// Two daemons in one answer, as a federation gives, stay two.
func TestInstancesStayApart(t *testing.T) {
	text := func(a, b int) string {
		return fmt.Sprintf("process_start_time_seconds{instance=\"one\"} 1\nprocess_start_time_seconds{instance=\"two\"} %d\n", b) +
			fmt.Sprintf("model_requests_total{instance=\"one\",server=\"s\",outcome=\"ok\"} %d\nmodel_requests_total{instance=\"two\",server=\"s\",outcome=\"ok\"} %d\n", a, a)
	}
	f := Between(mustRead(t, text(1, 1), 0), mustRead(t, text(2, 9), time.Second))
	if len(f.Rows) != 2 || f.Rows[0].Requests != 1 || !math.IsNaN(f.Rows[1].Requests) {
		t.Errorf("want 1 request a second of the first, unknown of the restarted second: %+v", f.Rows)
	}
}

func TestGPUs(t *testing.T) {
	f := Between(nil, mustRead(t, `gpu_up{uuid="b",gpu="10"} 1
gpu_up{uuid="a",gpu="9"} 0
gpu_info{uuid="b",gpu="10",name="H100"} 1
gpu_memory_total_bytes{uuid="b",gpu="10"} 100
gpu_memory_reserved_bytes{uuid="b",gpu="10"} 20
gpu_memory_used_bytes{uuid="b",gpu="10"} 40
gpu_temperature_celsius{uuid="b",gpu="10",sensor="memory"} 90
gpu_temperature_celsius{uuid="b",gpu="10",sensor="gpu"} 70
gpu_xid_errors_total{uuid="b",gpu="10",xid="48"} 1
gpu_xid_errors_total{uuid="b",gpu="10",xid="79"} 2
gpu_throttle_active{uuid="b",gpu="10",reason="sw_thermal"} 1
gpu_throttle_active{uuid="b",gpu="10",reason="hw_thermal"} 0
gpu_throttle_active{uuid="b",gpu="10",reason="idle"} 1
`, 0))
	if len(f.GPUs) != 2 || f.GPUs[0].UUID != "a" || f.GPUs[0].Up {
		t.Fatalf("want the one with index 9, which is down, first: %+v", f.GPUs)
	}
	g := f.GPUs[1]
	if !near(g.Memory(), .5) || g.Celsius != 70 || g.XIDs != 3 || g.Name != "H100" || fmt.Sprint(g.Throttled) != "[sw_thermal]" || !math.IsNaN(g.Power) {
		t.Errorf("%+v", g)
	}
}

func TestSelfAndHost(t *testing.T) {
	text := func(n int) string {
		return start + fmt.Sprintf(`modeltap_build_info{version="1.2"} 1
modeltap_source_info{source="cgroup",attached="/"} 1
modeltap_feature_supported{feature="socket_wait"} 0
modeltap_capture_packets_total{direction="ingress"} %[1]d
modeltap_capture_packets_total{direction="egress"} %[1]d
modeltap_capture_lost_total{reason="ring_full"} %[1]d
modeltap_capture_lost_total{reason="copy_failed"} 0
modeltap_unobserved_connections_total{reason="tls"} %[1]d
host_cpu_seconds_total{mode="idle"} %[1]d
host_cpu_seconds_total{mode="user"} %[2]d
`, n, 3*n)
	}
	f := Between(mustRead(t, text(10), 0), mustRead(t, text(20), 5*time.Second))
	s := f.Self
	if s.Version != "1.2" || s.Packets != 4 || s.Lost != (Count{"packets lost", 20, 2}) || s.Sources[0] != "cgroup attached=/" || s.Features[0] != (Feature{"socket_wait", false}) {
		t.Errorf("%+v", s)
	}
	if len(s.Counters) != 1 || s.Counters[0] != (Count{"connections not understood tls", 20, 2}) {
		t.Errorf("counters: %+v", s.Counters)
	}
	if !near(f.Host.CPU, .75) {
		t.Errorf("the host's processors worked %v, want 0.75", f.Host.CPU)
	}
}

// Every family that is read has the name that the daemon gives it.
func TestNamesAreTheDaemons(t *testing.T) {
	golden, err := os.ReadFile("../../../../exporter/testdata/metrics.prom")
	if err != nil {
		t.Fatal(err)
	}
	doc, err := os.ReadFile("../../../../docs/metrics.md")
	if err != nil {
		t.Fatal(err)
	}
	names := slices.Collect(maps.Keys(wanted))
	for _, c := range counters {
		names = append(names, c.family)
	}
	for _, name := range names {
		if strings.HasPrefix(name, "go_") || strings.HasPrefix(name, "process_") {
			continue // client_golang's
		}
		if !strings.Contains(string(doc), "`"+name+"`") {
			t.Errorf("docs/metrics.md has no %s", name)
		}
	}
	f := Between(nil, mustRead(t, string(golden), 0))
	r := row(t, f, "vllm:8000", "llama")
	if r.Process.Info["pid"] != "42" || len(r.Outcomes) == 0 || len(r.Tokens) == 0 || len(r.Finish) == 0 || len(f.Self.Counters) < 10 {
		t.Errorf("the golden exposition makes %+v of %+v", r, f.Self)
	}
}
