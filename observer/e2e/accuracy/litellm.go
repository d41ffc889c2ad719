// SPDX-License-Identifier: Apache-2.0

package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"

	"github.com/modeltap/modeltap/observer/e2e/rig"
)

const litellmModel = "small"

// litellm compares with LiteLLM in front of llama-server: two servers, of which
// the first is a client too.
func litellm(e *setting) (list []string, err error) {
	bin, err := e.tier("litellm")
	if err != nil {
		return nil, err
	}
	behind, err := e.llamaServer()
	if err != nil {
		return nil, err
	}
	defer behind.Kill()
	port, err := rig.FreePort()
	if err != nil {
		return nil, err
	}
	folder, err := os.MkdirTemp("", "modeltap-litellm-")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(folder)
	config := filepath.Join(folder, "config.yaml")
	if err := os.WriteFile(config, fmt.Appendf(nil, "model_list:\n  - model_name: %s\n    litellm_params:\n      model: openai/%s\n      api_base: %s/v1\n      api_key: none\n",
		litellmModel, modelName, behind.URL()), 0o600); err != nil {
		return nil, err
	}
	s, err := rig.StartServer(rig.Options{Env: offline, Dir: folder}, port, "/health/liveliness",
		filepath.Join(bin, "litellm"), "--config", config, "--host", "127.0.0.1", "--port", strconv.Itoa(port))
	if err != nil {
		return nil, err
	}
	defer s.Kill()
	b, stop, err := e.observe(s, "litellm", litellmModel, behind.Target("llama"))
	if err != nil {
		return nil, err
	}
	defer stop()
	b.own = func() (own, error) { return readLlama(behind) }
	plain := object{"model": litellmModel}
	usage := object{"model": litellmModel, "stream_options": object{"include_usage": true}}
	n := e.requests
	rows, err := b.all([]usecase{
		{name: "chat, stream, usage asked for", api: "openai_chat", outcome: "ok", n: n, atOnce: 1, stream: true, call: chat(true, usage)},
		{name: "chat, stream, no usage", api: "openai_chat", outcome: "ok", n: n, atOnce: 1, stream: true, call: chat(true, plain), rough: roughly},
		{name: "chat, JSON", api: "openai_chat", outcome: "ok", n: n, atOnce: 1, call: chat(false, plain)},
	})
	if err != nil {
		return nil, err
	}
	list = report(e.out, rows)
	unsound, err := b.sound()
	if err != nil {
		return nil, err
	}
	list = append(list, unsound...)
	m, err := b.modeltap.Scrape()
	if err != nil {
		return nil, err
	}
	var told int64
	for _, r := range rows {
		told += r.own.predicted
	}
	upstream := m.Value("model_requests_total", "server", "llama", "outcome", "ok")
	tokens := m.Value("model_tokens_total", "server", "llama", "type", "output")
	fmt.Fprintf(e.out, "\nBehind it: %d requests sent to LiteLLM, %v counted at llama-server, with %v output tokens; its own counter says %d. All in all modeltap counted %v requests.\n",
		b.asked, upstream, tokens, told, m.Value("model_requests_total"))
	if upstream != float64(b.asked) || m.Value("model_requests_total") != float64(2*b.asked) {
		list = append(list, fmt.Sprintf("%v requests counted behind LiteLLM, %v in all, of %d", upstream, m.Value("model_requests_total"), b.asked))
	}
	if tokens != float64(told) {
		list = append(list, fmt.Sprintf("%v output tokens counted behind LiteLLM, llama-server counted %d", tokens, told))
	}
	return list, nil
}
