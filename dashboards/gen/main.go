// SPDX-License-Identifier: Apache-2.0

// Command gen writes the Grafana dashboards, for files and for the Helm chart.
// It is a module of its own, which modeltap does not depend on.
package main

import (
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

//go:generate go run . -out ../..

// places are where each dashboard is committed, below the repository's root.
// Helm reads no file outside its chart.
var places = []string{"dashboards", "deploy/kubernetes/chart/dashboards"}

func main() {
	root := flag.String("out", "", "the repository's root")
	flag.Parse()
	if *root == "" {
		fmt.Fprintln(os.Stderr, "gen: name the repository's root with -out, or run make dashboards")
		os.Exit(2)
	}
	if err := write(*root); err != nil {
		fmt.Fprintln(os.Stderr, "gen:", err)
		os.Exit(1)
	}
}

func write(root string) error {
	files, err := render()
	if err != nil {
		return err
	}
	for _, place := range places {
		if err := os.MkdirAll(filepath.Join(root, place), 0o755); err != nil {
			return err
		}
		for name, text := range files {
			if err := os.WriteFile(filepath.Join(root, place, name), text, 0o644); err != nil {
				return err
			}
		}
	}
	return nil
}

// plain undoes what encoding/json does for HTML: queries are to be read and
// searched. A backslash that is one of the text is passed by.
var plain = strings.NewReplacer(`\\`, `\\`, `\u003e`, ">", `\u003c`, "<", `\u0026`, "&")

// render returns every dashboard by the name of its file.
func render() (map[string][]byte, error) {
	files := map[string][]byte{}
	for _, b := range boards() {
		d, err := b.build()
		if err != nil {
			return nil, fmt.Errorf("%s: %w", b.uid, err)
		}
		text, err := json.MarshalIndent(d, "", "  ")
		if err != nil {
			return nil, fmt.Errorf("%s: %w", b.uid, err)
		}
		files[b.uid+".json"] = []byte(plain.Replace(string(text)) + "\n")
	}
	return files, nil
}

func boards() []board { return []board{service(), latency(), gpus(), itself(), seed()} }
