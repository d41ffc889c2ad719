// SPDX-License-Identifier: Apache-2.0

package bpf

import (
	"errors"
	"fmt"
	"unsafe"

	"github.com/cilium/ebpf"
	"github.com/cilium/ebpf/asm"
	"github.com/cilium/ebpf/features"
	"github.com/cilium/ebpf/link"

	"github.com/modeltap/modeltap/bpf/hostprobe"
)

//go:generate go tool bpf2go -cc clang-19 -strip llvm-strip-19 -target bpfel -go-package bpf -type found discover discover.bpf.c -- -mcpu=v3 -Wall -Werror -Iheaders -idirafter /usr/include/x86_64-linux-gnu -idirafter /usr/include/aarch64-linux-gnu

// Kinds of records of discovery; their layout is Found.
const (
	// KindBound is a TCP socket that was given a local port (cgroup/post_bind4
	// and 6): a listener to be, or a client that chose its port.
	KindBound = KindDiscovery
	// KindAnswers is a local port that sent a segment beginning "HTTP/1.",
	// reported once for each cgroup until ForgetAnswers.
	KindAnswers = KindDiscovery + 1
)

// Found is what a record of discovery says.
type Found struct {
	Kind   uint8
	Port   uint16
	PID    uint32   // KindBound: tgid in the initial pid namespace
	Time   int64    // CLOCK_MONOTONIC, ns
	Cookie uint64   // KindBound: of the listener; KindAnswers: of a connection
	Group  uint64   // cgroup id: of the binding process, of the answering socket
	NetNS  uint64   // network namespace cookie; 0 unknown (KindAnswers before 6.16)
	Addr   [16]byte // local address, IPv4 in its IPv4-mapped form
}

// ParseFound reads a record of kind KindBound or KindAnswers; false for any
// other or a short one. raw must be aligned to 8 bytes, as records are.
func ParseFound(raw []byte) (Found, bool) {
	if len(raw) < int(unsafe.Sizeof(discoverFound{})) || raw[0] != KindBound && raw[0] != KindAnswers {
		return Found{}, false
	}
	f := (*discoverFound)(unsafe.Pointer(unsafe.SliceData(raw)))
	return Found{
		Kind: f.Kind, Port: f.Port, PID: f.Pid, Time: int64(f.Time),
		Cookie: f.Cookie, Group: f.Group, NetNS: f.Netns, Addr: f.Addr,
	}, true
}

// ClosedListener returns the cookie in a record of KindListenerClosed; false
// for any other or a short one.
func ClosedListener(raw []byte) (cookie uint64, ok bool) {
	r := RecordOf(raw)
	if r == nil || r.Kind != KindListenerClosed {
		return 0, false
	}
	return r.Cookie, true
}

// Discovery reports new and closed listeners of all network namespaces into
// the ring of a Tap. Not safe for concurrent use.
type Discovery struct {
	objects   discoverObjects
	listeners *ebpf.Map // the Tap's
	untold    *ebpf.Map // the Tap's
	root      string
	links     []link.Link
	scout     link.Link // nil while it rests
}

// LoadDiscovery loads the programs of discovery and attaches all but the scout
// to the cgroup at root: that of the whole hierarchy, or the subtree that
// discovery is limited to. It needs CAP_BPF and CAP_NET_ADMIN. Errors
// name the remedy.
func LoadDiscovery(t *Tap, root string) (*Discovery, error) {
	spec, err := loadDiscover()
	if err != nil {
		return nil, err
	}
	netns := features.HaveProgramHelper(ebpf.CGroupSKB, asm.FnGetNetnsCookie) == nil
	if !netns {
		withoutNetnsCookie(spec)
	}
	if err := errors.Join(
		spec.Variables[discoverVarRingHalf].Set(uint32(t.RingSize()/2)),
		spec.Variables[discoverVarHaveNetnsCookie].Set(boolean(netns)),
	); err != nil {
		return nil, err
	}
	d := &Discovery{root: root, listeners: t.objects.Listeners, untold: t.objects.Untold}
	if err := spec.LoadAndAssign(&d.objects, &ebpf.CollectionOptions{MapReplacements: t.SharedFor(spec)}); err != nil {
		return nil, fmt.Errorf("load discovery: %w", hostprobe.Explain(err))
	}
	for _, attach := range []func() (link.Link, error){
		// Closes first: no listener is reported whose end would be missed.
		func() (link.Link, error) { return t.AttachRelease(root) },
		func() (link.Link, error) {
			return AttachCgroup(root, d.objects.DiscoverBind4, ebpf.AttachCGroupInet4PostBind)
		},
		func() (link.Link, error) {
			return AttachCgroup(root, d.objects.DiscoverBind6, ebpf.AttachCGroupInet6PostBind)
		},
	} {
		l, err := attach()
		if err != nil {
			return nil, errors.Join(fmt.Errorf("attach discovery: %w", err), d.Close())
		}
		d.links = append(d.links, l)
	}
	return d, nil
}

// Watch has the close of a listener reported that was there before. What
// KindBound told of needs none.
func (d *Discovery) Watch(cookie uint64) error {
	if err := d.listeners.Put(cookie, uint8(1)); err != nil {
		return fmt.Errorf("watch a listener: %w", hostprobe.Explain(err))
	}
	return nil
}

// Unwatch forgets a listener whose end was found out otherwise.
func (d *Discovery) Unwatch(cookie uint64) error {
	if err := d.listeners.Delete(cookie); err != nil && !errors.Is(err, ebpf.ErrKeyNotExist) {
		return fmt.Errorf("unwatch a listener: %w", hostprobe.Explain(err))
	}
	return nil
}

// Untold returns, once, the cookies of listeners that were closed while the
// ring was full, so that no record (KindListenerClosed) told of it. To be asked
// now and then; nearly always it is one system call and nil.
func (d *Discovery) Untold() ([]uint64, error) {
	var cookies []uint64
	var cookie uint64
	for {
		err := d.untold.NextKey(nil, &cookie)
		if errors.Is(err, ebpf.ErrKeyNotExist) {
			return cookies, nil
		}
		if err == nil {
			err = d.untold.Delete(cookie)
		}
		if err != nil && !errors.Is(err, ebpf.ErrKeyNotExist) {
			return cookies, fmt.Errorf("ask for closes that were not told: %w", hostprobe.Explain(err))
		}
		cookies = append(cookies, cookie)
	}
}

// Missed returns how many binds were not reported because there were too many
// within a second, or because the ring was full.
func (d *Discovery) Missed() (uint64, error) {
	var q discoverQuota
	if err := d.objects.Quota.Lookup(uint32(0), &q); err != nil {
		return 0, fmt.Errorf("read what discovery missed: %w", hostprobe.Explain(err))
	}
	return q.Dropped, nil
}

// Scout attaches or detaches the program that reports KindAnswers. It runs for
// each packet that leaves a socket of the host, so it should rest mostly.
func (d *Discovery) Scout(on bool) error {
	if on == (d.scout != nil) {
		return nil
	}
	if !on {
		err := d.scout.Close()
		d.scout = nil
		return err
	}
	l, err := AttachCgroup(d.root, d.objects.DiscoverAnswer, ebpf.AttachCGroupInetEgress)
	if err != nil {
		return fmt.Errorf("attach the scout: %w", err)
	}
	d.scout = l
	return nil
}

// ForgetAnswers has the scout report those again that it has reported.
func (d *Discovery) ForgetAnswers() error {
	var key discoverAnswerer
	for {
		err := d.objects.Answerers.NextKey(nil, &key)
		if errors.Is(err, ebpf.ErrKeyNotExist) {
			return nil
		}
		if err == nil {
			err = d.objects.Answerers.Delete(key)
		}
		if err != nil && !errors.Is(err, ebpf.ErrKeyNotExist) {
			return fmt.Errorf("clear the scout's memory: %w", hostprobe.Explain(err))
		}
	}
}

// Close detaches everything.
func (d *Discovery) Close() error {
	errs := []error{d.Scout(false)}
	for _, l := range d.links {
		errs = append(errs, l.Close())
	}
	d.links = nil
	return errors.Join(append(errs, d.objects.Close())...)
}
