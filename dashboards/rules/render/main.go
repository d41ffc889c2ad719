// SPDX-License-Identifier: Apache-2.0

// Command render writes the rule files with parameters of one's own, for those
// who keep theirs elsewhere:
//
//	go run ./render -parameters my.yml -set gpuMemoryRatio=0.95 -out /etc/prometheus/rules
package main

import (
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/modeltap/modeltap/dashboards/rules"
)

func main() {
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, "render:", err)
		os.Exit(1)
	}
}

func run() error {
	dir := flag.String("dir", ".", "folder that holds source")
	file := flag.String("parameters", "parameters.yml", "file of parameters")
	out := flag.String("out", "", "folder to write to")
	var set [][2]string
	flag.Func("set", "NAME=VALUE of a parameter; repeatable", func(s string) error {
		name, value, ok := strings.Cut(s, "=")
		if !ok {
			return errors.New("write NAME=VALUE")
		}
		set = append(set, [2]string{name, value})
		return nil
	})
	flag.Parse()
	if *out == "" || flag.NArg() > 0 {
		return errors.New("say where to with -out FOLDER, and nothing beside flags")
	}
	text, err := os.ReadFile(*file)
	if err != nil {
		return err
	}
	p, err := rules.ParseParameters(text)
	if err != nil {
		return err
	}
	for _, s := range set {
		if err := p.Set(s[0], s[1]); err != nil {
			return err
		}
	}
	sources, err := rules.Sources(*dir)
	if err != nil {
		return err
	}
	files, err := rules.RenderAll(sources, p)
	if err != nil {
		return err
	}
	if err := os.MkdirAll(*out, 0o755); err != nil {
		return err
	}
	for name, text := range files {
		if err := os.WriteFile(filepath.Join(*out, name), []byte(text), 0o644); err != nil {
			return err
		}
	}
	return nil
}
