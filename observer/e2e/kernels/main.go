// SPDX-License-Identifier: Apache-2.0

//go:build linux

// Command kernels boots kernel images under qemu, each with an initramfs of a
// guest and modeltap, and prints what works on which as a table. It exits with
// 1 when what must work does not.
package main

import (
	"bytes"
	"compress/gzip"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"sync"
	"time"
)

func main() {
	var o options
	flag.StringVar(&o.arch, "arch", "amd64", "architecture of the kernels: amd64 or arm64")
	flag.DurationVar(&o.limit, "limit", 3*time.Minute, "time for each kernel")
	flag.IntVar(&o.atOnce, "at-once", 1, "kernels to boot at the same time")
	flag.BoolVar(&o.verbose, "v", false, "print what the guests print")
	flag.Parse()
	if err := run(o, flag.Args()); err != nil {
		fmt.Fprintln(os.Stderr, "kernels:", err)
		os.Exit(1)
	}
}

type options struct {
	arch    string
	limit   time.Duration
	atOnce  int
	verbose bool
}

// run boots the images, and fails unless each is another kernel: the oldest
// and the newest are no two if a mirror serves one for both.
func run(o options, images []string) error {
	m, known := machines[o.arch]
	if !known {
		return fmt.Errorf("no machine of architecture %q here: amd64 or arm64", o.arch)
	}
	if len(images) == 0 {
		return fmt.Errorf("name the kernel images: observer/e2e/kernels/fetch.sh gets some")
	}
	if _, err := exec.LookPath(m.qemu); err != nil {
		return fmt.Errorf("%w: apt-get install %s", err, m.pkg)
	}
	work, err := os.MkdirTemp("", "kernels")
	if err != nil {
		return err
	}
	defer func() { _ = os.RemoveAll(work) }()
	initrd := filepath.Join(work, "initrd")
	if err := build(work, initrd, o.arch); err != nil {
		return err
	}
	all := make([]results, len(images))
	turn := make(chan struct{}, max(o.atOnce, 1))
	var wg sync.WaitGroup
	for i, image := range images {
		wg.Go(func() {
			turn <- struct{}{}
			all[i] = m.try(image, initrd, o)
			<-turn
		})
	}
	wg.Wait()
	slices.SortFunc(all, func(a, b results) int { return compareVersions(a.kernel, b.kernel) })
	fmt.Print(table(all))
	bad := false
	for i := range all {
		faults := all[i].failures()
		if i > 0 && all[i].kernel == all[i-1].kernel {
			faults = append(faults, "the same kernel as "+all[i-1].image+": fewer were tried than asked for")
		}
		bad = bad || len(faults) > 0
		for _, f := range append(faults, all[i].notes...) {
			fmt.Fprintf(os.Stderr, "%s: %s\n", all[i].image, f)
		}
	}
	if bad {
		return fmt.Errorf("not everything that must work does")
	}
	return nil
}

// build makes the initramfs: the guest as /init, and modeltap, both static.
func build(work, initrd, arch string) error {
	files := []string{"init", "modeltap"}
	for i, pkg := range []string{"./observer/e2e/kernels/guest", "./cmd/modeltap"} {
		cmd := exec.Command("go", "build", "-trimpath", "-ldflags=-s -w", "-o", filepath.Join(work, files[i]), pkg)
		cmd.Env = append(os.Environ(), "CGO_ENABLED=0", "GOARCH="+arch)
		if out, err := cmd.CombinedOutput(); err != nil {
			return fmt.Errorf("build %s: %w\n%s", pkg, err, out)
		}
	}
	var packed bytes.Buffer
	z := gzip.NewWriter(&packed)
	a := archive{to: z}
	a.directory("proc", "sys", "dev", "tmp")
	for _, name := range files {
		text, err := os.ReadFile(filepath.Join(work, name))
		if err != nil {
			return err
		}
		a.file(name, text)
	}
	if err := a.end(); err != nil {
		return err
	}
	if err := z.Close(); err != nil {
		return err
	}
	return os.WriteFile(initrd, packed.Bytes(), 0o600)
}
