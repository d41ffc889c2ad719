// SPDX-License-Identifier: Apache-2.0

package e2e

import (
	"encoding/json"
	"flag"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/modeltap/modeltap/observer/e2e/rig"
	"github.com/modeltap/modeltap/observer/e2e/sandbox"
)

// Golden captures are made by the project's own record command from real
// servers and synthetic prompts. To make them anew, as root:
//
//	go test ./observer/e2e -run TestGoldenRecord -record-golden
var recordGolden = flag.Bool("record-golden", false, "make testdata/golden anew")

// golden is what the client recorded while the capture was made; times are
// sums in seconds, by the kernel's stamps at the client's socket.
type golden struct {
	Server                      string
	Port                        int
	Requests, Streams           float64
	InputTokens, OutputTokens   float64
	RequestBytes, ResponseBytes float64
	Duration, FirstToken, Gaps  float64
	GapCount                    uint64
}

func goldens(t *testing.T) []string {
	t.Helper()
	files, err := filepath.Glob("testdata/golden/*.pcapng")
	if err != nil {
		t.Fatal(err)
	}
	return files
}

// TestGoldenReplay replays each capture and finds what the client recorded:
// counts exactly, times within 1 ms each.
func TestGoldenReplay(t *testing.T) {
	files := goldens(t)
	if len(files) == 0 {
		t.Fatal("testdata/golden holds no capture")
	}
	r := rig.Repository{Build: sandbox.Shared()}
	var err error
	if r.Root, err = rig.Root(); err != nil {
		t.Fatal(err)
	}
	bin, err := r.Modeltap()
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".pcapng"), func(t *testing.T) {
			b, err := os.ReadFile(strings.TrimSuffix(file, ".pcapng") + ".json")
			if err != nil {
				t.Fatal(err)
			}
			var g golden
			if err := json.Unmarshal(b, &g); err != nil {
				t.Fatal(err)
			}
			cmd := exec.Command(bin, "replay", "--format=prometheus", "--target=llm="+itoa(g.Port), file)
			var stderr strings.Builder
			cmd.Stderr = &stderr
			out, err := cmd.Output()
			if err != nil {
				t.Fatalf("%v: %v\n%s", cmd.Args, err, stderr.String())
			}
			m, err := rig.ParseMetrics(strings.NewReader(string(out)))
			if err != nil {
				t.Fatal(err)
			}
			g.check(t, m)
		})
	}
}

func (g *golden) check(t *testing.T, m rig.Metrics) {
	t.Helper()
	want(t, "requests", m.Value("model_requests_total", "server", "llm", "outcome", "ok"), g.Requests)
	want(t, "all requests", m.Value("model_requests_total"), g.Requests)
	want(t, "streams", m.Value("model_requests_total", "stream", "true"), g.Streams)
	want(t, "input tokens", m.Value("model_tokens_total", "type", "input", "source", "usage"), g.InputTokens)
	want(t, "output tokens", m.Value("model_tokens_total", "type", "output"), g.OutputTokens)
	for _, h := range []struct {
		name      string
		count     uint64
		sum       float64
		tolerance float64
	}{
		{"model_request_size_bytes", uint64(g.Requests), g.RequestBytes, 0},
		{"model_response_size_bytes", uint64(g.Requests), g.ResponseBytes, 0},
		{"model_request_duration_seconds", uint64(g.Requests), g.Duration, 0.001 * g.Requests},
		{"model_time_to_first_token_seconds", uint64(g.Streams), g.FirstToken, 0.001 * g.Streams},
		{"model_inter_chunk_latency_seconds", g.GapCount, g.Gaps, 0.001 * g.Streams},
		{"model_inter_token_latency_seconds", g.GapCount, g.Gaps, 0.001 * g.Streams},
	} {
		count, sum := m.Histogram(h.name)
		want(t, h.name+" count", count, h.count)
		if math.Abs(sum-h.sum) > h.tolerance {
			t.Errorf("%s sum = %v, the client recorded %v", h.name, sum, h.sum)
		}
	}
}

// TestGoldenRecord makes the captures.
func TestGoldenRecord(t *testing.T) {
	if !*recordGolden {
		t.Skip("only with -record-golden")
	}
	p := need(t)
	if err := os.MkdirAll("testdata/golden", 0o755); err != nil {
		t.Fatal(err)
	}
	for _, stack := range rig.Stacks() {
		t.Run(stack, func(t *testing.T) {
			app := "chat:app"
			if stack == "gunicorn-threads" {
				app = "flaskchat:app"
			}
			s := p.serve(t, stack, app)
			file, err := filepath.Abs("testdata/golden/" + stack + ".pcapng")
			if err != nil {
				t.Fatal(err)
			}
			r, err := rig.Start(rig.Options{}, p.modeltap, "record", s.Target("llm"), file)
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(r.Kill)
			awaitServer(t, r)
			const tokens = 8
			answers := kept(t, s, 3, chat(tokens, true, true, "prefill=0.03&gap=0.01"))
			answers = append(answers, atOnce(t, s, 2, chat(tokens, true, true, "prefill=0.05&gap=0.01"))...)
			documents := kept(t, s, 2, chat(tokens, false, false, "prefill=0.02"))
			r.Signal(syscall.SIGTERM)
			<-r.Done()
			g := summary(stack, s.Port, tokens, answers, documents)
			b, err := json.MarshalIndent(g, "", "  ")
			if err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(strings.TrimSuffix(file, ".pcapng")+".json", append(b, '\n'), 0o644); err != nil {
				t.Fatal(err)
			}
		})
	}
}

// awaitServer waits until the recorder says that it has found the server: it
// has attached before.
func awaitServer(t *testing.T, r *rig.Process) {
	t.Helper()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for end := time.After(10 * time.Second); ; {
		select {
		case <-end:
			t.Fatalf("record did not find the server: %s", r.Output())
		case <-r.Done():
			t.Fatalf("record ended: %s", r.Output())
		case <-tick.C:
			if strings.Contains(r.Output(), "model server found") {
				return
			}
		}
	}
}

func summary(stack string, port, tokens int, streams, documents []*rig.Answer) golden {
	g := golden{Server: stack, Port: port, Streams: float64(len(streams)), Requests: float64(len(streams) + len(documents))}
	g.InputTokens, g.OutputTokens = 4*g.Requests, float64(tokens)*g.Requests
	seconds := func(ns int64) float64 { return time.Duration(ns).Seconds() }
	for _, a := range append(append([]*rig.Answer{}, streams...), documents...) {
		g.RequestBytes += float64(a.RequestBytes)
		g.ResponseBytes += float64(a.ResponseBytes)
		g.Duration += seconds(a.End.Kernel - a.Sending)
		if n := len(a.Tokens); n > 0 {
			g.FirstToken += seconds(a.Tokens[0].Kernel - a.Sending)
			g.Gaps += seconds(a.Tokens[n-1].Kernel - a.Tokens[0].Kernel)
			g.GapCount += uint64(n - 1)
		}
	}
	return g
}
