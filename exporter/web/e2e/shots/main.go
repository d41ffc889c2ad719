// SPDX-License-Identifier: Apache-2.0

// Command shots makes the pictures of the live page in docs/images: the page of
// a running modeltap, dark and light, wide and narrow.
//
//	shots URL DIRECTORY
package main

import (
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/modeltap/modeltap/exporter/web/e2e/browser"
)

var shots = []struct {
	name, theme   string
	width, height int
	top           string // element that is at the top
}{
	{"live-dark", "dark", 1280, 800, ""},
	{"live-light", "light", 1280, 800, ""},
	{"live-requests-dark", "dark", 1280, 800, "servers"},
	{"live-requests-light", "light", 1280, 800, "servers"},
	{"live-narrow-dark", "dark", 390, 844, ""},
	{"live-narrow-light", "light", 390, 844, ""},
}

func main() {
	if len(os.Args) != 3 {
		fmt.Fprintln(os.Stderr, "usage: shots URL DIRECTORY")
		os.Exit(2)
	}
	if err := take(os.Args[1], os.Args[2]); err != nil {
		fmt.Fprintln(os.Stderr, "shots:", err)
		os.Exit(1)
	}
}

func take(url, dir string) error {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	b, err := browser.Start()
	if err != nil {
		return err
	}
	defer b.Close()
	for _, s := range shots {
		if err := b.Theme(s.theme); err != nil {
			return err
		}
		if err := b.Size(s.width, s.height); err != nil {
			return err
		}
		if err := b.Open(url); err != nil {
			return err
		}
		time.Sleep(2500 * time.Millisecond) // two ticks, so that it is live
		if err := b.Script("if (arguments[0]) document.getElementById(arguments[0]).scrollIntoView()", nil, s.top); err != nil {
			return err
		}
		time.Sleep(300 * time.Millisecond)
		png, err := b.Screenshot()
		if err != nil {
			return err
		}
		if err := os.WriteFile(filepath.Join(dir, s.name+".png"), png, 0o644); err != nil {
			return err
		}
	}
	return nil
}
