// SPDX-License-Identifier: Apache-2.0

// Overhead measures what observing costs a saturated server on this machine:
// modeltap in its modes and the usual alternative inside the application,
// against the same server unobserved, in shuffled rounds of one run. It prints
// a markdown table: medians of paired ratios, and the processor time that
// server, client and observer together spend more on each request or chunk.
//
//	go run ./observer/e2e/overhead --rounds 10 --seconds 2
//	go run ./observer/e2e/overhead --workloads c-http --variants none-again,modeltap-of-another
//
// The second observes another server and measures what that costs this one.
// It must run as root, on a machine that does nothing else.
package main

import (
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"os/signal"
	"slices"
	"strings"
	"time"

	"github.com/modeltap/modeltap/observer/e2e/rig"
)

type options struct {
	rounds, seconds     int
	workloads, variants string
	check               bool
}

func main() {
	var o options
	flag.IntVar(&o.rounds, "rounds", 10, "rounds; each measures every variant once, in a new order")
	flag.IntVar(&o.seconds, "seconds", 2, "length of one measurement in seconds")
	flag.StringVar(&o.workloads, "workloads", "", "comma-separated workloads (default: all)")
	flag.StringVar(&o.variants, "variants", "", "comma-separated variants beside none (default: all)")
	flag.BoolVar(&o.check, "check", false, "exit 1 when a bar is missed or a record was lost")
	flag.Parse()
	if err := run(o); err != nil {
		fmt.Fprintln(os.Stderr, "overhead:", err)
		os.Exit(1)
	}
}

func run(o options) error {
	if os.Geteuid() != 0 {
		return fmt.Errorf("the daemon needs root to attach: run as root")
	}
	build, err := os.MkdirTemp("", "modeltap-overhead-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(build)
	r, err := rig.Open(build)
	if err != nil {
		return err
	}
	b := &bench{Repository: r, length: time.Duration(o.seconds) * time.Second}
	if b.modeltap, err = r.Modeltap(); err != nil {
		return err
	}
	if b.csrv, err = r.Csrv(); err != nil {
		return err
	}
	interrupt := make(chan os.Signal, 1)
	signal.Notify(interrupt, os.Interrupt)
	b.interrupted = func() bool { return len(interrupt) > 0 }
	defer b.stop()

	missed := 0
	for _, w := range workloads() {
		if !chosen(o.workloads, w.name) {
			continue
		}
		results, err := b.measure(w, pick(o.variants), o.rounds)
		if err != nil {
			return fmt.Errorf("%s: %w", w.name, err)
		}
		missed += report(os.Stdout, w, results)
		b.stop()
	}
	if o.check && missed > 0 {
		return fmt.Errorf("%d bars missed", missed)
	}
	return nil
}

// measure runs the rounds of one workload.
func (b *bench) measure(w workload, variants []variant, rounds int) (map[string][]sample, error) {
	results := map[string][]sample{}
	for round := range rounds {
		order := slices.Clone(variants)
		rand.Shuffle(len(order), func(i, j int) { order[i], order[j] = order[j], order[i] })
		for _, v := range order {
			if v.inApp && !w.python {
				continue
			}
			if b.interrupted() {
				return nil, fmt.Errorf("interrupted")
			}
			s, err := b.one(w, v)
			if err != nil {
				return nil, fmt.Errorf("%s: %w", v.name, err)
			}
			results[v.name] = append(results[v.name], s)
			fmt.Fprintf(os.Stderr, "%s round %d %-20s %9.0f %s/s, %6.2f µs each\n", w.name, round+1, v.name,
				s.rate, w.unit, s.total()/1e3)
		}
	}
	return results, nil
}

func chosen(list, name string) bool {
	return list == "" || slices.Contains(strings.Split(list, ","), name)
}

func pick(list string) (chosenVariants []variant) {
	for _, v := range variants() {
		if v.name == "none" || chosen(list, v.name) && (list != "" || !v.asked) {
			chosenVariants = append(chosenVariants, v)
		}
	}
	return chosenVariants
}
