// SPDX-License-Identifier: Apache-2.0

package main

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
)

// aiperf compares with the report of a load generator that nobody here wrote.
// Its inter-token latency is (last - first) / (tokens - 1) of each request, and
// so is the mean of modeltap's gaps over requests of one length.
func aiperf(e *setting) (list []string, err error) {
	bin, err := e.tier("aiperf")
	if err != nil {
		return nil, err
	}
	s, err := e.llamaServer()
	if err != nil {
		return nil, err
	}
	defer s.Kill()
	folder, err := e.tokenizer(bin)
	if err != nil {
		return nil, err
	}
	b, stop, err := e.observe(s, "llama", modelName)
	if err != nil {
		return nil, err
	}
	defer stop()
	results, err := os.MkdirTemp("", "modeltap-aiperf-")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(results)
	cmd := exec.Command(filepath.Join(bin, "aiperf"), "profile", "-m", modelName, "--url", s.URL(), "--endpoint-type", "chat", "--streaming",
		"--tokenizer", folder, "--use-server-token-count", "--request-count", strconv.Itoa(e.requests), "--concurrency", "2",
		"--synthetic-input-tokens-mean", "40", "--output-tokens-mean", strconv.Itoa(answerTokens), "--ui", "simple",
		"--no-gpu-telemetry", "--artifact-dir", results)
	cmd.Dir = results
	if out, err := cmd.CombinedOutput(); err != nil {
		return nil, fmt.Errorf("%w\n%s", err, out)
	}
	if err := b.settle(); err != nil {
		return nil, err
	}
	type metric struct{ Avg float64 }
	var theirs struct {
		Requests metric `json:"request_count"`
		TTFT     metric `json:"time_to_first_token"`
		Latency  metric `json:"request_latency"`
		ITL      metric `json:"inter_token_latency"`
		Tokens   metric `json:"total_output_tokens"`
		Length   metric `json:"output_sequence_length"`
	}
	text, err := os.ReadFile(filepath.Join(results, "profile_export_aiperf.json"))
	if err != nil {
		return nil, err
	}
	if err := json.Unmarshal(text, &theirs); err != nil {
		return nil, err
	}
	m, err := b.modeltap.Scrape()
	if err != nil {
		return nil, err
	}
	mean := func(name string) float64 {
		count, sum := m.Histogram(name)
		return sum / float64(count) * 1e3
	}
	n := m.Value("model_requests_total", "outcome", "ok")
	tokens := m.Value("model_tokens_total", "type", "output", "source", "usage")
	fmt.Fprint(e.out, "| | aiperf | modeltap |\n|---|--:|--:|\n")
	fmt.Fprintf(e.out, "| requests | %v | %v |\n", theirs.Requests.Avg, n)
	fmt.Fprintf(e.out, "| output tokens, mean | %.2f | %.2f |\n", theirs.Length.Avg, tokens/n)
	for _, c := range []struct {
		what, name string
		theirs     float64
	}{
		{"TTFT, mean ms", "model_time_to_first_token_seconds", theirs.TTFT.Avg},
		{"inter-token latency, mean ms", "model_inter_token_latency_seconds", theirs.ITL.Avg},
		{"request latency, mean ms", "model_request_duration_seconds", theirs.Latency.Avg},
	} {
		got := mean(c.name)
		fmt.Fprintf(e.out, "| %s | %.2f | %.2f |\n", c.what, c.theirs, got)
		// It hands events over late by what it takes, and the tail of an answer
		// is in its latency or not.
		if got > c.theirs*1.05+tolerance || got < c.theirs*0.9-2*tolerance {
			list = append(list, fmt.Sprintf("%s: %.2f by modeltap, %.2f by aiperf", c.what, got, c.theirs))
		}
	}
	if n != theirs.Requests.Avg || tokens/n != theirs.Length.Avg {
		list = append(list, fmt.Sprintf("%v requests of %v tokens, aiperf says %v of %v", n, tokens/n, theirs.Requests.Avg, theirs.Length.Avg))
	}
	b.asked = int(n)
	unsound, err := b.sound()
	return append(list, unsound...), err
}
