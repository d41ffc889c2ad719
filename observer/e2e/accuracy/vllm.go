// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"fmt"
	"os/exec"
	"path/filepath"
	"strconv"

	"github.com/modeltap/modeltap/observer/e2e/rig"
)

// tier installs one more part and returns its directory of programs.
func (e *setting) tier(name string) (bin string, err error) {
	cmd := exec.Command("bash", filepath.Join(e.repository.Root, "observer/e2e/accuracy/tier.sh"), name)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	if err := cmd.Run(); err != nil {
		return "", fmt.Errorf("bash observer/e2e/accuracy/tier.sh %s: %w\n%s", name, err, stderr.Bytes())
	}
	return filepath.Join(e.repository.Root, ".cache/accuracy", name, "bin"), nil
}

// tokenizer returns the folder of the small model's tokenizer as Hugging Face's
// libraries read it, made by the Python in bin.
func (e *setting) tokenizer(bin string) (string, error) {
	_, model, err := install(e.repository.Root)
	if err != nil {
		return "", err
	}
	folder := filepath.Join(e.repository.Root, ".cache/accuracy/tiny")
	out, err := exec.Command(filepath.Join(bin, "python"), filepath.Join(e.repository.Root, "observer/e2e/accuracy/tokenizer.py"), model, folder).CombinedOutput()
	if err != nil {
		return "", fmt.Errorf("tokenizer.py: %w\n%s", err, out)
	}
	return folder, nil
}

// offline keeps Hugging Face's libraries from looking for a hub.
var offline = []string{"HF_HUB_OFFLINE=1", "TRANSFORMERS_OFFLINE=1", "HF_DATASETS_OFFLINE=1", "DO_NOT_TRACK=1", "PYTHONUNBUFFERED=1",
	"VLLM_NO_USAGE_STATS=1", "GRADIO_ANALYTICS_ENABLED=False", "LITELLM_LOCAL_MODEL_COST_MAP=True"}

const vllmModel = "tiny"

// vllm compares with vLLM on the CPU. Its model is two layers of random
// weights: the text is noise, the API server, the scheduler and the metrics are
// vLLM's own.
func vllm(e *setting, more ...string) (list []string, err error) {
	bin, err := e.tier("vllm")
	if err != nil {
		return nil, err
	}
	folder, err := e.tokenizer(bin)
	if err != nil {
		return nil, err
	}
	port, err := rig.FreePort()
	if err != nil {
		return nil, err
	}
	env := append([]string{"VLLM_CPU_KVCACHE_SPACE=1", "VLLM_CPU_OMP_THREADS_BIND=nobind", "OMP_NUM_THREADS=1", "TORCHDYNAMO_DISABLE=1"}, offline...)
	argv := append([]string{filepath.Join(bin, "python"), "-m", "vllm.entrypoints.openai.api_server", "--model", folder,
		"--served-model-name", vllmModel, "--load-format", "dummy", "--dtype", "bfloat16", "--enforce-eager",
		"--max-model-len", "1024", "--max-num-seqs", "8", "--host", "127.0.0.1", "--port", strconv.Itoa(port)}, more...)
	s, err := rig.StartServer(rig.Options{Env: env}, port, "/health", argv...)
	if err != nil {
		return nil, err
	}
	defer s.Kill()
	b, stop, err := e.observe(s, "vllm", vllmModel)
	if err != nil {
		return nil, err
	}
	defer stop()
	b.own = func() (own, error) { return readVLLM(s) }
	rows, err := b.all(vllmCases(e.requests))
	if err != nil {
		return nil, err
	}
	list = report(e.out, rows)
	unsound, err := b.sound()
	return append(list, unsound...), err
}

// vllmCases ask for a fixed number of tokens: random weights end anywhere.
func vllmCases(n int) []usecase {
	plain := object{"model": vllmModel, "ignore_eos": true}
	usage := with(object{"stream_options": object{"include_usage": true}}, plain)
	each := with(object{"stream_options": object{"include_usage": true, "continuous_usage_stats": true}}, plain)
	text := func(stream bool) func(int) rig.Call {
		return func(i int) rig.Call {
			return post("/v1/completions", with(object{"prompt": question(i), "stream": stream, "max_tokens": answerTokens,
				"stream_options": nil}, plain))
		}
	}
	return []usecase{
		{name: "chat, stream, usage asked for", api: "openai_chat", outcome: "ok", n: n, atOnce: 1, stream: true, call: chat(true, usage)},
		{name: "chat, stream, usage in each event", api: "openai_chat", outcome: "ok", n: n, atOnce: 1, stream: true, call: chat(true, each)},
		{name: "chat, stream, no usage", api: "openai_chat", outcome: "ok", n: n, atOnce: 1, stream: true, call: chat(true, plain), rough: wildly},
		{name: "chat, JSON", api: "openai_chat", outcome: "ok", n: n, atOnce: 1, call: chat(false, plain)},
		{name: "completions, stream, no usage", api: "openai_completions", outcome: "ok", n: n, atOnce: 1, stream: true, call: text(true), rough: wildly},
		{name: "completions, JSON", api: "openai_completions", outcome: "ok", n: n, atOnce: 1, call: text(false)},
		{name: "messages, stream", api: "anthropic_messages", outcome: "ok", n: n, atOnce: 1, stream: true, call: func(i int) rig.Call {
			return post("/v1/messages", object{"model": vllmModel, "stream": true, "max_tokens": answerTokens,
				"messages": []object{{"role": "user", "content": question(i)}}})
		}},
		{name: "responses, stream", api: "openai_responses", outcome: "ok", n: n, atOnce: 1, stream: true, call: func(i int) rig.Call {
			return post("/v1/responses", object{"model": vllmModel, "input": question(i), "stream": true, "max_output_tokens": answerTokens})
		}},
		{name: "chat, stream, 4 clients", api: "openai_chat", outcome: "ok", n: n, atOnce: 4, stream: true, call: chat(true, usage)},
	}
}

// readVLLM reads what vLLM counts itself (vllm, v1/metrics/loggers.py).
func readVLLM(s *rig.Server) (own, error) {
	page, err := metrics(s)
	if err != nil {
		return own{}, err
	}
	m, err := rig.ParseMetrics(bytes.NewReader(page))
	if err != nil {
		return own{}, err
	}
	_, first := m.Histogram("vllm:time_to_first_token_seconds")
	n, duration := m.Histogram("vllm:e2e_request_latency_seconds")
	return own{int64(m.Value("vllm:prompt_tokens_total")), int64(m.Value("vllm:generation_tokens_total")), int64(n), first, duration}, nil
}
