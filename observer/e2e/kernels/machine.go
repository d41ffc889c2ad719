// SPDX-License-Identifier: Apache-2.0

//go:build linux

package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// machine is what qemu emulates. One processor: with two that run as threads
// of their own, kernels that patch their code while they run crashed now and
// then.
type machine struct {
	qemu, pkg string
	args      []string
	console   string
}

var machines = map[string]machine{
	"amd64": {"qemu-system-x86_64", "qemu-system-x86", []string{"-cpu", "max"}, "ttyS0"},
	// The default algorithm of pointer authentication takes half of the time.
	"arm64": {"qemu-system-aarch64", "qemu-system-arm", []string{"-M", "virt", "-cpu", "max,pauth-impdef=on"}, "ttyAMA0"},
}

// try boots one kernel and reads what the guest says of it.
func (m machine) try(image, initrd string, o options) results {
	name := filepath.Base(image)
	if file, err := filepath.EvalSymlinks(image); err == nil {
		image, name = file, filepath.Base(file)
	}
	out, err := m.boot(image, initrd, o)
	if o.verbose {
		fmt.Fprintf(os.Stderr, "== %s\n%s\n", image, out)
	}
	r := parse(out)
	r.image = name
	if err != nil || !r.done {
		r.faults = append(r.faults, fmt.Sprintf("the guest did not end (%v): %s", err, last(out, 600)))
	}
	return r
}

// boot runs one kernel, emulated: what the machine offers beside is not asked.
func (m machine) boot(image, initrd string, o options) (string, error) {
	ctx, stop := context.WithTimeout(context.Background(), o.limit)
	defer stop()
	args := append([]string{"-accel", "tcg", "-smp", "1", "-m", "1024", "-nographic", "-no-reboot", "-nic", "none", "-kernel", image,
		"-initrd", initrd, "-append", "console=" + m.console + " panic=-1 quiet random.trust_cpu=on"}, m.args...)
	out, err := exec.CommandContext(ctx, m.qemu, args...).CombinedOutput()
	if ctx.Err() != nil {
		err = ctx.Err()
	}
	return string(out), err
}

func last(s string, n int) string { return strings.ToValidUTF8(s[max(0, len(s)-n):], "") }
