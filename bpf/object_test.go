// SPDX-License-Identifier: Apache-2.0

package bpf

import (
	"os"
	"strings"
	"testing"

	"github.com/cilium/ebpf"
	"github.com/cilium/ebpf/asm"
	"github.com/cilium/ebpf/btf"
)

// TestTapNeedsNoKernelBTF: a CO-RE relocation or a BTF attach target would
// make the loader look for the kernel's type information.
func TestTapNeedsNoKernelBTF(t *testing.T) {
	for name, load := range map[string]func() (*ebpf.CollectionSpec, error){"tap": loadTap, "unrolled": loadUnrolled} {
		spec, err := load()
		if err != nil {
			t.Fatal(err)
		}
		for _, p := range spec.Programs {
			if p.AttachTo != "" {
				t.Errorf("%s: %s attaches to %s", name, p.Name, p.AttachTo)
			}
			for i := range p.Instructions {
				if r := btf.CORERelocationMetadata(&p.Instructions[i]); r != nil {
					t.Errorf("%s: %s has the relocation %v", name, p.Name, r)
				}
			}
		}
	}
}

// TestUnrolledIsForOldKernels: none of the helpers that came after 5.10.
func TestUnrolledIsForOldKernels(t *testing.T) {
	spec, err := loadUnrolled()
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range spec.Programs {
		for _, i := range p.Instructions {
			if i.IsBuiltinCall() && i.Constant > 155 {
				t.Errorf("%s calls %v", p.Name, asm.BuiltinFunc(i.Constant))
			}
		}
	}
}

// TestObjectsNameNoMachine: a rebuild elsewhere must compare equal.
func TestObjectsNameNoMachine(t *testing.T) {
	here, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	for name, object := range map[string][]byte{"tap": _TapBytes, "unrolled": _UnrolledBytes, "wait": _WaitBytes} {
		for _, path := range []string{here, "/home/", "/root/"} {
			if strings.Contains(string(object), path) {
				t.Errorf("%s contains %q", name, path)
			}
		}
	}
}
