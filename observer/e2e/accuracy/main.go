// SPDX-License-Identifier: Apache-2.0

// Accuracy compares what modeltap says of a real model server with what the
// client's socket saw, what the answers state and what the server counts
// itself: llama.cpp's llama-server runs a model of 135 million parameters, and
// every request is matched by its trace id. It prints two markdown tables and
// exits 1 when a median differs by more than a millisecond or a token count
// that is stated on the wire differs at all.
//
//	go run ./observer/e2e/accuracy --requests 20
//	go run ./observer/e2e/accuracy -- --capture=packet
//
// What follows the flags goes to modeltap. It must run as root. The first run
// compiles the server for some minutes.
package main

import (
	"flag"
	"fmt"
	"os"

	"github.com/modeltap/modeltap/observer/e2e/rig"
)

func main() {
	requests := flag.Int("requests", 20, "requests of each case")
	flag.Parse()
	if err := run(*requests, flag.Args()); err != nil {
		fmt.Fprintln(os.Stderr, "accuracy:", err)
		os.Exit(1)
	}
}

func run(requests int, args []string) error {
	if os.Geteuid() != 0 {
		return fmt.Errorf("the daemon needs root to attach: run as root")
	}
	build, err := os.MkdirTemp("", "modeltap-accuracy-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(build)
	repository, err := rig.Open(build)
	if err != nil {
		return err
	}
	binary, model, err := install(repository.Root)
	if err != nil {
		return err
	}
	daemon, err := repository.Modeltap()
	if err != nil {
		return err
	}
	s, err := serve(binary, model)
	if err != nil {
		return err
	}
	defer s.Kill()
	m, err := rig.StartModeltap(daemon, append([]string{s.Target(target)}, args...)...)
	if err != nil {
		return err
	}
	defer m.Stop()

	b := &bench{server: s, modeltap: m}
	var rows []row
	for _, c := range cases(requests) {
		fmt.Fprintln(os.Stderr, c.name)
		r, err := b.measure(c)
		if err != nil {
			return fmt.Errorf("%s: %w\nllama-server: %s\nmodeltap: %s", c.name, err, s.Output(), m.Output())
		}
		rows = append(rows, r)
	}
	fmt.Fprintln(os.Stderr, crossing)
	crossed, err := b.cross(2 * requests)
	if err != nil {
		return fmt.Errorf("%s: %w", crossing, err)
	}
	fmt.Fprintln(os.Stderr, "openai library")
	lib, err := b.library(repository, requests)
	if err != nil {
		return fmt.Errorf("openai library: %w\nllama-server: %s", err, s.Output())
	}
	disagreements := report(os.Stdout, rows, crossed, lib)
	unsound, err := b.sound()
	if err != nil {
		return err
	}
	disagreements = append(disagreements, unsound...)
	if len(disagreements) == 0 {
		fmt.Println("\nNo disagreement.")
		return nil
	}
	for _, d := range disagreements {
		fmt.Println("\nDisagreement:", d)
	}
	return fmt.Errorf("%d disagreements", len(disagreements))
}
