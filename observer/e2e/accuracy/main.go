// SPDX-License-Identifier: Apache-2.0

// Accuracy compares what modeltap says of real model servers with what the
// client's socket saw, what the answers state and what the servers count
// themselves. It prints markdown tables and exits 1 when a median differs by
// more than a millisecond or a token count that is stated on the wire differs
// at all.
//
//	go run ./observer/e2e/accuracy --requests 20
//	go run ./observer/e2e/accuracy --only llama,vllm
//	go run ./observer/e2e/accuracy -- --capture=packet
//
// What follows the flags goes to modeltap. It must run as root. The first run
// compiles llama-server for some minutes and installs the other parts.
package main

import (
	"flag"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"

	"github.com/modeltap/modeltap/observer/e2e/rig"
)

// part is one comparison.
type part struct {
	name, title string
	run         func(*setting) (disagreements []string, err error)
}

var parts = []part{
	{"llama", "llama-server", llama},
	{"vllm", "vLLM", func(e *setting) ([]string, error) { return vllm(e) }},
	{"vllm-interval", "vLLM with --stream-interval 8", func(e *setting) ([]string, error) { return vllm(e, "--stream-interval", "8") }},
	{"litellm", "LiteLLM in front of llama-server", litellm},
	{"gradio", "Gradio in front of llama-server", gradio},
	{"aiperf", "aiperf against llama-server", aiperf},
}

func names() (all []string) {
	for _, p := range parts {
		all = append(all, p.name)
	}
	return all
}

// setting is what every part runs with.
type setting struct {
	repository *rig.Repository
	daemon     string   // modeltap
	args       []string // to it
	requests   int      // of each case
	out        io.Writer
}

func main() {
	requests := flag.Int("requests", 20, "requests of each case")
	only := flag.String("only", strings.Join(names(), ","), "parts to run, separated by commas")
	flag.Parse()
	if err := run(*requests, strings.Split(*only, ","), flag.Args()); err != nil {
		fmt.Fprintln(os.Stderr, "accuracy:", err)
		os.Exit(1)
	}
}

func run(requests int, only, args []string) error {
	if os.Geteuid() != 0 {
		return fmt.Errorf("the daemon needs root to attach: run as root")
	}
	for _, name := range only {
		if !slices.Contains(names(), name) {
			return fmt.Errorf("-only: no part is called %q; there are %s", name, strings.Join(names(), ", "))
		}
	}
	build, err := os.MkdirTemp("", "modeltap-accuracy-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(build)
	e := &setting{args: args, requests: requests, out: os.Stdout}
	if e.repository, err = rig.Open(build); err != nil {
		return err
	}
	if e.daemon, err = e.repository.Modeltap(); err != nil {
		return err
	}
	wrong := 0
	for _, p := range parts {
		if !slices.Contains(only, p.name) {
			continue
		}
		fmt.Fprintf(e.out, "### %s\n\n", p.title)
		list, err := p.run(e)
		if err != nil {
			list = append(list, "it could not be measured: "+err.Error())
		}
		if len(list) == 0 {
			list = []string{"none"}
		} else {
			wrong += len(list)
		}
		fmt.Fprintf(e.out, "\nDisagreements: %s.\n\n", strings.Join(list, "; "))
	}
	if wrong > 0 {
		return fmt.Errorf("%d disagreements", wrong)
	}
	return nil
}

// observe starts modeltap beside s, which it calls name, and beside others. The
// function that it returns ends modeltap.
func (e *setting) observe(s *rig.Server, name, model string, others ...string) (*bench, func(), error) {
	m, err := rig.StartModeltap(e.daemon, slices.Concat([]string{s.Target(name)}, others, e.args)...)
	if err != nil {
		return nil, nil, err
	}
	return &bench{server: s, modeltap: m, target: name, model: model}, m.Stop, nil
}
