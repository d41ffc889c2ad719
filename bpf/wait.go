// SPDX-License-Identifier: Apache-2.0

package bpf

import (
	"errors"
	"fmt"

	"github.com/cilium/ebpf"
	"github.com/cilium/ebpf/link"

	"github.com/modeltap/modeltap/bpf/hostprobe"
)

// wait is the attached socket wait program.
type wait struct {
	objects waitObjects
	link    link.Link
}

// AttachSocketWait loads and attaches the program that reports when an
// application has read its request (KindRead). It needs the kernel's BTF and
// CAP_PERFMON beyond what Load needs, and Linux 5.11; its absence takes
// nothing else away. The error names what is missing.
func (t *Tap) AttachSocketWait() error {
	if t.wait != nil {
		return nil
	}
	spec, err := loadWait()
	if err != nil {
		return err
	}
	if err := spec.Variables[waitVarRingHalf].Set(uint32(t.RingSize() / 2)); err != nil {
		return err
	}
	w := new(wait)
	err = spec.LoadAndAssign(&w.objects, &ebpf.CollectionOptions{MapReplacements: t.SharedFor(spec)})
	if err != nil {
		return fmt.Errorf("load socket wait: %w", explainWait(err))
	}
	w.link, err = link.AttachTracing(link.TracingOptions{Program: w.objects.ReportRead})
	if err != nil {
		return errors.Join(fmt.Errorf("attach socket wait: %w", explainWait(err)), w.objects.Close())
	}
	t.wait = w
	return nil
}

func explainWait(err error) error {
	if errors.Is(err, ebpf.ErrNotSupported) {
		return hostprobe.Explained("needs Linux 5.11 or later with CONFIG_DEBUG_INFO_BTF (/sys/kernel/btf/vmlinux): "+err.Error(), err)
	}
	return hostprobe.Explain(err)
}

func (w *wait) close() error {
	if w == nil {
		return nil
	}
	return errors.Join(w.link.Close(), w.objects.Close())
}
