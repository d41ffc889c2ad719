// SPDX-License-Identifier: Apache-2.0

package bpf

import (
	"os"
	"strings"
	"testing"
	"unsafe"

	"github.com/cilium/ebpf"
	"github.com/cilium/ebpf/asm"
	"github.com/cilium/ebpf/btf"
)

// TestRecordLayout holds Record against the C structure.
func TestRecordLayout(t *testing.T) {
	spec, err := loadTap()
	if err != nil {
		t.Fatal(err)
	}
	var c *btf.Struct
	if err := spec.Types.TypeByName("record", &c); err != nil {
		t.Fatal(err)
	}
	var r Record
	want := map[string]uintptr{
		"kind": unsafe.Offsetof(r.Kind), "dir": unsafe.Offsetof(r.Dir), "flags": unsafe.Offsetof(r.Flags),
		"len": unsafe.Offsetof(r.Len), "time": unsafe.Offsetof(r.Time), "cookie": unsafe.Offsetof(r.Cookie),
		"group": unsafe.Offsetof(r.Group), "netns": unsafe.Offsetof(r.NetNS), "seq": unsafe.Offsetof(r.Seq),
		"ack": unsafe.Offsetof(r.Ack), "rtt": unsafe.Offsetof(r.RTT), "pid": unsafe.Offsetof(r.PID), "read_ago": unsafe.Offsetof(r.PID),
		"server_port": unsafe.Offsetof(r.ServerPort), "client_port": unsafe.Offsetof(r.ClientPort),
		"captured": unsafe.Offsetof(r.Captured), "server": unsafe.Offsetof(r.Server), "client": unsafe.Offsetof(r.Client),
	}
	if c.Size != RecordSize || unsafe.Sizeof(r) != RecordSize {
		t.Errorf("size %d in C, %d in Go, want %d", c.Size, unsafe.Sizeof(r), RecordSize)
	}
	members := c.Members
	for _, m := range c.Members {
		if u, ok := m.Type.(*btf.Union); ok {
			for _, in := range u.Members {
				in.Offset += m.Offset
				members = append(members, in)
			}
		}
	}
	for _, m := range members {
		if at, ok := want[m.Name]; ok && uintptr(m.Offset.Bytes()) != at {
			t.Errorf("%s at %d in C, at %d in Go", m.Name, m.Offset.Bytes(), at)
		}
		delete(want, m.Name)
	}
	if len(want) > 0 {
		t.Errorf("not in C: %v", want)
	}
}

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
