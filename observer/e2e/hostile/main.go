// SPDX-License-Identifier: Apache-2.0

// Hostile runs a command on a host where others are busy: services that answer
// garbage on the ports that model servers like, with clients that keep asking
// them; a model server; another modeltap, which discovers; and busy loops. It
// exits as the command does, or with 1 if the strangers did nothing.
//
//	go run ./observer/e2e/hostile -loops 2 go test -count=1 ./observer/e2e
//
// It needs root, as the other modeltap does. Ports that are taken are somebody's
// already, which is as good.
package main

import (
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"

	"github.com/modeltap/modeltap/observer/e2e/rig"
)

func main() {
	loops := flag.Int("loops", 2, "busy loops beside the command")
	flag.Parse()
	if flag.NArg() == 0 {
		fmt.Fprintln(os.Stderr, "hostile: name a command")
		os.Exit(2)
	}
	err := run(*loops, flag.Args())
	if exit, ok := errors.AsType[*exec.ExitError](err); ok {
		os.Exit(exit.ExitCode())
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "hostile:", err)
		os.Exit(1)
	}
}

func run(loops int, argv []string) error {
	build, err := os.MkdirTemp("", "modeltap-hostile-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(build)
	root, err := rig.Root()
	if err != nil {
		return err
	}
	bin, err := (&rig.Repository{Root: root, Build: build}).Modeltap()
	if err != nil {
		return err
	}
	var s strangers
	defer s.close()
	if err := s.open(); err != nil {
		return err
	}
	other, err := rig.StartModeltap(bin)
	if err != nil {
		return fmt.Errorf("the other modeltap: %w", err)
	}
	defer other.Stop()
	for range loops {
		loop, err := rig.Start(rig.Options{}, "sh", "-c", "while :; do :; done")
		if err != nil {
			return err
		}
		defer loop.Kill()
	}
	cmd := exec.Command(argv[0], argv[1:]...)
	cmd.Stdout, cmd.Stderr = os.Stdout, os.Stderr
	ended := cmd.Run()

	seen, err := other.Scrape()
	if err != nil {
		return errors.Join(ended, err)
	}
	garbage, answers, counted := s.garbled.Load(), s.answered.Load(), seen.Value("model_requests_total", "model", stranger)
	fmt.Printf("beside %d answers of garbage on %d ports, %d of a model server of which another modeltap counted %v, and %d busy loops\n",
		garbage, s.ports, answers, counted, loops)
	if ended == nil && (garbage == 0 || answers == 0 || counted == 0) {
		return errors.New("the strangers did nothing: this proves nothing")
	}
	return ended
}
