// SPDX-License-Identifier: Apache-2.0

package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/modeltap/modeltap/observer/e2e/rig"
)

// gradio compares with a Gradio chat that asks llama-server: Gradio's client,
// and two servers, each of which has its own requests.
func gradio(e *setting) (list []string, err error) {
	behind, err := e.llamaServer()
	if err != nil {
		return nil, err
	}
	defer behind.Kill()
	port, err := rig.FreePort()
	if err != nil {
		return nil, err
	}
	here := filepath.Join(e.repository.Root, "observer/e2e/accuracy")
	python := filepath.Join(e.repository.Venv, "python")
	s, err := rig.StartServer(rig.Options{Env: offline}, port, "/config", python, filepath.Join(here, "gradiofront.py"),
		strconv.Itoa(port), behind.URL(), strconv.Itoa(answerTokens))
	if err != nil {
		return nil, err
	}
	defer s.Kill()
	b, stop, err := e.observe(s, "gradio", "", behind.Target("llama"))
	if err != nil {
		return nil, err
	}
	defer stop()
	before, err := readLlama(behind)
	if err != nil {
		return nil, err
	}
	cmd := exec.Command(python, filepath.Join(e.repository.Apps, "askgradio.py"), "chat", s.URL(), strconv.Itoa(e.requests), "Tell", "me", "about bees.")
	cmd.Env = append(cmd.Environ(), offline...)
	out, err := cmd.Output()
	if err != nil {
		if exit := new(exec.ExitError); errors.As(err, &exit) {
			err = fmt.Errorf("%w\n%s", err, exit.Stderr)
		}
		return nil, err
	}
	if err := b.settle(); err != nil {
		return nil, err
	}
	var first, whole, updates, n float64
	for line := range strings.Lines(string(out)) {
		var u struct{ Start, First, End, Events int64 }
		if err := json.Unmarshal([]byte(line), &u); err != nil {
			return nil, err
		}
		n++
		first += float64(u.First - u.Start)
		whole += float64(u.End - u.Start)
		updates += float64(u.Events)
	}
	after, err := readLlama(behind)
	if err != nil {
		return nil, err
	}
	m, err := b.modeltap.Scrape()
	if err != nil {
		return nil, err
	}
	mean := func(name, server string) float64 {
		count, sum := m.Histogram(name, "server", server)
		return sum / float64(count) * 1e3
	}
	gaps, _ := m.Histogram("model_inter_chunk_latency_seconds", "server", "gradio")
	value := func(name string, labels ...string) float64 { return m.Value(name, labels...) }
	told := after.since(before).predicted
	fmt.Fprint(e.out, "| | Gradio's client | modeltap, Gradio | modeltap, llama-server | llama-server's counter |\n|---|--:|--:|--:|--:|\n")
	fmt.Fprintf(e.out, "| requests | %v | %v | %v | – |\n", n, value("model_requests_total", "server", "gradio", "api", "gradio", "outcome", "ok"),
		value("model_requests_total", "server", "llama", "api", "openai_chat", "outcome", "ok"))
	fmt.Fprintf(e.out, "| updates | %v | %v | – | – |\n", updates, float64(gaps)+n)
	fmt.Fprintf(e.out, "| TTFT, mean ms | %.2f | %.2f | %.2f | – |\n", first/n/1e6, mean("model_time_to_first_token_seconds", "gradio"), mean("model_time_to_first_token_seconds", "llama"))
	fmt.Fprintf(e.out, "| duration, mean ms | %.2f | %.2f | %.2f | – |\n", whole/n/1e6, mean("model_request_duration_seconds", "gradio"), mean("model_request_duration_seconds", "llama"))
	tokens := value("model_tokens_total", "server", "gradio", "type", "output")
	fmt.Fprintf(e.out, "| output tokens | – | %v | %v | %d |\n", tokens, value("model_tokens_total", "server", "llama", "type", "output"), told)
	check := func(what string, got, want float64) {
		if got != want {
			list = append(list, fmt.Sprintf("%s: %v, want %v", what, got, want))
		}
	}
	check("requests at Gradio", value("model_requests_total", "server", "gradio", "api", "gradio", "outcome", "ok"), n)
	check("all requests", value("model_requests_total"), 2*n)
	check("updates", float64(gaps)+n, updates)
	check("output tokens behind Gradio", value("model_tokens_total", "server", "llama", "type", "output"), float64(told))
	check("requests that were not paired", value("modeltap_unpaired_requests_total"), 0)
	if off := tokens/float64(told) - 1; off > roughly || off < -roughly {
		list = append(list, fmt.Sprintf("output tokens at Gradio: %v of %d", tokens, told))
	}
	// Gradio cannot have an output before llama-server has, nor its client
	// before Gradio.
	for name, client := range map[string]float64{"model_time_to_first_token_seconds": first, "model_request_duration_seconds": whole} {
		if got := mean(name, "gradio"); got > client/n/1e6 || got < mean(name, "llama") {
			list = append(list, fmt.Sprintf("%s: %.2f ms is not between llama-server's %.2f and the client's %.2f", name, got, mean(name, "llama"), client/n/1e6))
		}
	}
	return list, nil
}
