// SPDX-License-Identifier: Apache-2.0

//go:build linux

// Command kernels boots kernels under qemu, each with an initramfs of a guest
// and modeltap, and prints what works on which as a table. It exits with 1 when
// what must work does not.
package main

import (
	"bytes"
	"compress/gzip"
	"context"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

func main() {
	dir := flag.String("kernels", ".cache/kernels", "directory of vmlinuz-VERSION files")
	limit := flag.Duration("limit", 3*time.Minute, "time for each kernel")
	verbose := flag.Bool("v", false, "print what the guests print")
	flag.Parse()
	if err := run(*dir, *limit, *verbose); err != nil {
		fmt.Fprintln(os.Stderr, "kernels:", err)
		os.Exit(1)
	}
}

func run(dir string, limit time.Duration, verbose bool) error {
	images, err := filepath.Glob(filepath.Join(dir, "vmlinuz-*"))
	if err != nil || len(images) == 0 {
		return fmt.Errorf("no vmlinuz-* in %s: observer/e2e/kernels/fetch.sh gets some", dir)
	}
	if _, err := exec.LookPath("qemu-system-x86_64"); err != nil {
		return fmt.Errorf("%w: apt-get install qemu-system-x86", err)
	}
	work, err := os.MkdirTemp("", "kernels")
	if err != nil {
		return err
	}
	defer func() { _ = os.RemoveAll(work) }()
	initrd := filepath.Join(work, "initrd")
	if err := build(work, initrd); err != nil {
		return err
	}
	var all []results
	for _, image := range images {
		out, err := boot(image, initrd, limit)
		if verbose {
			fmt.Fprintf(os.Stderr, "== %s\n%s\n", image, out)
		}
		r := parse(out)
		r.image = filepath.Base(image)
		if err != nil || !r.done {
			r.faults = append(r.faults, fmt.Sprintf("the guest did not end (%v): %s", err, last(out, 600)))
		}
		all = append(all, r)
	}
	slices.SortFunc(all, func(a, b results) int { return compareVersions(a.kernel, b.kernel) })
	fmt.Print(table(all))
	bad := false
	for i := range all {
		faults := all[i].failures()
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
func build(work, initrd string) error {
	files := []string{"init", "modeltap"}
	for i, pkg := range []string{"./observer/e2e/kernels/guest", "./cmd/modeltap"} {
		cmd := exec.Command("go", "build", "-trimpath", "-ldflags=-s -w", "-o", filepath.Join(work, files[i]), pkg)
		cmd.Env = append(os.Environ(), "CGO_ENABLED=0", "GOARCH=amd64")
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

// boot runs one kernel, emulated: what the machine offers beside is not asked.
func boot(image, initrd string, limit time.Duration) (string, error) {
	ctx, stop := context.WithTimeout(context.Background(), limit)
	defer stop()
	out, err := exec.CommandContext(ctx, "qemu-system-x86_64", "-accel", "tcg,thread=multi", "-cpu", "max", "-smp", "2", "-m", "1024",
		"-nographic", "-no-reboot", "-nic", "none", "-kernel", image, "-initrd", initrd, "-append", "console=ttyS0 panic=-1 quiet").CombinedOutput()
	if ctx.Err() != nil {
		err = ctx.Err()
	}
	return string(out), err
}

func last(s string, n int) string { return strings.ToValidUTF8(s[max(0, len(s)-n):], "") }
