// SPDX-License-Identifier: Apache-2.0

//go:build linux

package cgroup

import (
	"context"
	"net"
	"os"
	"sync"
	"testing"
	"time"

	"github.com/modeltap/modeltap/bpf"
	"github.com/modeltap/modeltap/bpf/cgroupfs"
	"github.com/modeltap/modeltap/observer/event"
)

// recorder is a running capture that keeps a copy of all that it gets.
type recorder struct {
	tap    *bpf.Tap
	source *Source

	mu       sync.Mutex
	segments []event.Segment
	others   [][]byte
	changed  chan struct{}
}

func needRoot(t testing.TB) {
	t.Helper()
	if os.Getuid() != 0 {
		t.Skip("needs root: loads BPF programs and attaches them to cgroups")
	}
}

func hostRoot(t testing.TB) string {
	t.Helper()
	root, err := cgroupfs.Find("")
	if err != nil {
		t.Skip(err)
	}
	t.Cleanup(func() { root.Close() })
	return root.Path
}

// record captures the ports in the cgroups, by default the root, until the
// test ends.
func record(t testing.TB, o bpf.Options, ports []uint16, cgroups ...string) *recorder {
	t.Helper()
	needRoot(t)
	if len(cgroups) == 0 {
		cgroups = []string{hostRoot(t)}
	}
	tap, err := bpf.Load(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { tap.Close() })
	if err := tap.SetPorts(ports); err != nil {
		t.Fatal(err)
	}
	attachments := bpf.NewAttachments(tap)
	if err := attachments.Set(cgroups); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { attachments.Close() })
	return follow(t, tap)
}

func follow(t testing.TB, tap *bpf.Tap) *recorder {
	t.Helper()
	r := &recorder{tap: tap, changed: make(chan struct{}, 1)}
	var err error
	r.source, err = New(tap, Options{Events: func(_ uint8, raw []byte) {
		r.mu.Lock()
		defer r.mu.Unlock()
		r.others = append(r.others, append([]byte(nil), raw...))
		r.notify()
	}})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- r.source.Run(ctx, r.keep, nil) }()
	t.Cleanup(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
		r.source.Close()
	})
	return r
}

func (r *recorder) notify() {
	select {
	case r.changed <- struct{}{}:
	default:
	}
}

func (r *recorder) keep(batch []event.Segment, _ int64) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, s := range batch {
		s.Payload = append([]byte(nil), s.Payload...)
		r.segments = append(r.segments, s)
	}
	r.notify()
}

// all returns what was captured until now.
func (r *recorder) all(t testing.TB) []event.Segment {
	t.Helper()
	var all []event.Segment
	err := r.source.Sync(context.Background(), func() {
		r.mu.Lock()
		defer r.mu.Unlock()
		all = append(all, r.segments...)
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}

// until waits for a segment that the test is content with.
func (r *recorder) until(t testing.TB, what string, ok func([]event.Segment) bool) []event.Segment {
	t.Helper()
	deadline := time.After(10 * time.Second)
	for {
		if all := r.all(t); ok(all) {
			return all
		}
		select {
		case <-r.changed:
		case <-deadline:
			t.Fatalf("%s: not seen; captured: %s", what, describe(r.all(t)))
		}
	}
}

// stream puts the payload of one direction of one connection in order, gaps
// filled with nothing, duplicates dropped; next is the sequence number after it.
func stream(all []event.Segment, client uint16, d event.Direction) []byte {
	pieces := map[uint32][]byte{}
	var start uint32
	first := true
	for _, s := range all {
		if s.Kind != event.KindData || s.Dir != d || s.Flow.Client.Port != client || s.Len == 0 {
			continue
		}
		if first || int32(s.Seq-start) < 0 {
			start, first = s.Seq, false
		}
		if len(s.Payload) > len(pieces[s.Seq]) {
			pieces[s.Seq] = s.Payload
		}
	}
	var out []byte
	for next := start; len(pieces[next]) > 0; next = start + uint32(len(out)) {
		out = append(out, pieces[next]...)
	}
	return out
}

// begins returns the sequence number that First told of one direction of one
// connection.
func begins(all []event.Segment, client uint16, d event.Direction) (seq uint32) {
	for _, s := range all {
		if s.Kind == event.KindData && s.Dir == d && s.Flow.Client.Port == client && s.Flags&event.First != 0 {
			return s.Seq
		}
	}
	return 0
}

func describe(all []event.Segment) string {
	s := ""
	for i, g := range all {
		if i == 40 {
			return s + "…"
		}
		s += "\n" + g.Dir.String() + " " + g.Flow.Client.AddrPort().String() + ">" + g.Flow.Server.AddrPort().String() +
			" kind " + string('0'+rune(g.Kind)) + " len " + itoa(int(g.Len)) + " flags " + itoa(int(g.Flags))
	}
	return s
}

func itoa(n int) string {
	if n < 10 {
		return string('0' + rune(n))
	}
	return itoa(n/10) + itoa(n%10)
}

func port(a net.Addr) uint16 { return a.(*net.TCPAddr).AddrPort().Port() }
