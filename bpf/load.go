// SPDX-License-Identifier: Apache-2.0

package bpf

import (
	"errors"
	"fmt"
	"os"

	"github.com/cilium/ebpf"
	"github.com/cilium/ebpf/asm"
	"github.com/cilium/ebpf/features"
	"github.com/cilium/ebpf/rlimit"

	"github.com/modeltap/modeltap/bpf/hostprobe"
)

// Options are what Load needs to know. The zero value is the default.
type Options struct {
	// RingSize is the size of the ring buffer in bytes, a power of two and a
	// multiple of the page size; 0 means 8 MiB. A larger ring costs more for
	// each byte, because it walks through cold memory.
	RingSize int
	// MaxRequestBytes is the number of request bytes on one connection, since
	// its last answer, beyond which payload is left out; 0 means 256 KiB.
	MaxRequestBytes uint32

	// Unrolled asks for the object that kernels before 5.17 get in any case,
	// the one without bpf_loop.
	Unrolled bool
}

const (
	defaultRingSize        = 8 << 20
	defaultMaxRequestBytes = 256 << 10
)

// Tap is the loaded tap: programs that are attached nowhere yet, and the maps
// they share. Its methods may be called from several goroutines, except that
// Close comes last.
type Tap struct {
	ports   [1 << 10]uint64 // what the kernel's port filter holds
	objects tapObjects
	wait    *wait
}

// Load loads the tap into the kernel. It needs CAP_BPF and, for what follows,
// CAP_NET_ADMIN; it does not need BTF of the kernel. Errors name the remedy.
func Load(o Options) (*Tap, error) {
	if o.RingSize == 0 {
		o.RingSize = defaultRingSize
	}
	if o.MaxRequestBytes == 0 {
		o.MaxRequestBytes = defaultMaxRequestBytes
	}
	if page := os.Getpagesize(); o.RingSize < page || o.RingSize&(o.RingSize-1) != 0 || o.RingSize > 1<<30 {
		return nil, fmt.Errorf("ring size %d: choose a power of two between %d and %d", o.RingSize, page, 1<<30)
	}
	spec, err := o.spec()
	if err != nil {
		return nil, err
	}
	// Before 5.11 maps count against a limit that CAP_SYS_RESOURCE may lift;
	// where it may not, the load says what to do.
	_ = rlimit.RemoveMemlock()
	t := new(Tap)
	if err := spec.LoadAndAssign(&t.objects, nil); err != nil {
		return nil, fmt.Errorf("load the capture programs: %w", hostprobe.Explain(err))
	}
	return t, nil
}

// spec chooses the object that this kernel takes and sets its constants.
func (o Options) spec() (*ebpf.CollectionSpec, error) {
	load := loadTap
	if o.Unrolled || errors.Is(features.HaveProgramHelper(ebpf.CGroupSKB, asm.FnLoop), ebpf.ErrNotSupported) {
		load = loadUnrolled
	}
	spec, err := load()
	if err != nil {
		return nil, err
	}
	spec.Maps[tapMapRecords].MaxEntries = uint32(o.RingSize)
	netns := features.HaveProgramHelper(ebpf.CGroupSKB, asm.FnGetNetnsCookie) == nil
	if !netns {
		withoutNetnsCookie(spec)
	}
	return spec, errors.Join(
		spec.Variables[tapVarRingHalf].Set(uint32(o.RingSize/2)),
		spec.Variables[tapVarMaxRequestBytes].Set(o.MaxRequestBytes),
		spec.Variables[tapVarHaveNetnsCookie].Set(boolean(netns)),
	)
}

// withoutNetnsCookie replaces what asks for the network namespace by 0 in
// programs that see packets. That it is never reached would do for the verifier
// but where CAP_PERFMON is missing: there it follows mispredicted branches.
func withoutNetnsCookie(spec *ebpf.CollectionSpec) {
	for _, p := range spec.Programs {
		if p.Type != ebpf.CGroupSKB {
			continue
		}
		for i, ins := range p.Instructions {
			if ins.IsBuiltinCall() && ins.Constant == int64(asm.FnGetNetnsCookie) {
				p.Instructions[i] = asm.Mov.Imm(asm.R0, 0).WithMetadata(ins.Metadata)
			}
		}
	}
}

func boolean(b bool) uint8 {
	if b {
		return 1
	}
	return 0
}

// Close detaches socket wait and releases programs and maps. Attachments hold
// links of their own and are closed first.
func (t *Tap) Close() error {
	return errors.Join(t.wait.close(), t.objects.Close())
}

// Records is the ring buffer: each record begins with a Record, or, from
// KindListenerClosed on, with its kind in the first byte.
func (t *Tap) Records() *ebpf.Map { return t.objects.Records }

// Reader is the array of one word, mappable, in which the reader of the ring
// says whether it waits to be woken (ReaderDrains, ReaderNaps, ReaderSleeps).
func (t *Tap) Reader() *ebpf.Map { return t.objects.Reader }

// Shared returns the maps that other objects with the same definitions
// (record.h) share with the tap, for ebpf.CollectionOptions.MapReplacements.
// They are closed with the Tap.
func (t *Tap) Shared() map[string]*ebpf.Map {
	return map[string]*ebpf.Map{
		tapMapRecords:   t.objects.Records,
		tapMapReader:    t.objects.Reader,
		tapMapListeners: t.objects.Listeners,
		tapMapBinds:     t.objects.Binds,
		tapMapUntold:    t.objects.Untold,
		tapMapPorts:     t.objects.Ports,
		tapMapSockets:   t.objects.Sockets,
		tapMapCounters:  t.objects.Counters,
	}
}

// SharedFor is Shared, less the maps that spec does not define.
func (t *Tap) SharedFor(spec *ebpf.CollectionSpec) map[string]*ebpf.Map {
	shared := t.Shared()
	for name, m := range shared {
		s := spec.Maps[name]
		if s == nil {
			delete(shared, name)
			continue
		}
		s.MaxEntries = m.MaxEntries()
	}
	return shared
}

// RingSize returns the size of the ring buffer in bytes.
func (t *Tap) RingSize() int { return int(t.objects.Records.MaxEntries()) }
