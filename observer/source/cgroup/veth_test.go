// SPDX-License-Identifier: Apache-2.0

//go:build linux

package cgroup

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"testing"

	"github.com/cilium/ebpf"
	"github.com/cilium/ebpf/asm"
	"github.com/cilium/ebpf/link"

	"github.com/modeltap/modeltap/bpf"
	"github.com/modeltap/modeltap/observer/event"
)

// pair joins two namespaces by a veth with the addresses 192.0.2.1 and .2,
// 2001:db8::1 and ::2.
func pair(t *testing.T, a, b namespace) {
	t.Helper()
	a.ip(t, "link", "add", "mt0", "type", "veth", "peer", "name", "mt0", "netns", string(b))
	for i, n := range []namespace{a, b} {
		n.ip(t, "addr", "add", fmt.Sprintf("192.0.2.%d/24", i+1), "dev", "mt0")
		n.ip(t, "addr", "add", fmt.Sprintf("2001:db8::%d/64", i+1), "dev", "mt0", "nodad")
		n.ip(t, "link", "set", "mt0", "up")
	}
}

// between converses over the pair: a server in a, a client in b.
func between(t *testing.T, a, b namespace, server string, request, answer []byte) (client uint16, cookie uint64) {
	t.Helper()
	var l net.Listener
	a.do(t, func() (err error) {
		l, err = (&net.ListenConfig{}).Listen(context.Background(), "tcp", server)
		return err
	})
	defer l.Close()
	result := make(chan error, 1)
	var c net.Conn
	b.do(t, func() (err error) {
		c, err = net.Dial("tcp", server)
		return err
	})
	defer c.Close()
	s, err := l.Accept()
	if err != nil {
		t.Fatal(err)
	}
	cookie = socketCookie(t, s)
	go func() {
		defer s.Close()
		if _, err := io.ReadFull(s, make([]byte, len(request))); err != nil {
			result <- err
			return
		}
		_, err := s.Write(answer)
		result <- err
	}()
	if _, err := c.Write(request); err != nil {
		t.Fatal(err)
	}
	got, err := io.ReadAll(c)
	if err != nil || !bytes.Equal(got, answer) {
		t.Fatalf("the client got %d of %d bytes: %v", len(got), len(answer), err)
	}
	if err := <-result; err != nil {
		t.Fatal(err)
	}
	return port(c.LocalAddr()), cookie
}

// TestBigTCP: packets above 64 KiB, with a hop-by-hop header in IPv6.
func TestBigTCP(t *testing.T) {
	a, b := newNamespace(t, "big-a"), newNamespace(t, "big-b")
	pair(t, a, b)
	for _, n := range []namespace{a, b} {
		n.ip(t, "link", "set", "mt0", "gso_max_size", "200000", "gro_max_size", "200000")
	}
	r := record(t, bpf.Options{RingSize: 32 << 20, MaxRequestBytes: 1 << 30}, []uint16{18097})
	request, answer := pattern(6<<20), pattern(6<<20+1)
	client, cookie := between(t, a, b, "[2001:db8::1]:18097", request, answer)
	all := r.until(t, "end", ended(client, cookie))
	if got := stream(all, client, event.Request); !bytes.Equal(got, request) {
		t.Errorf("request: %d bytes of %d, or others", len(got), len(request))
	}
	if got := stream(all, client, event.Response); !bytes.Equal(got, answer) {
		t.Errorf("answer: %d bytes of %d, or others", len(got), len(answer))
	}
	largest, run := 0, 0 // pieces of one packet share its time
	var last int64
	for _, s := range all {
		if s.Dir != event.Response || s.Time != last {
			run = 0
		}
		run, last = run+int(s.Len), s.Time
		largest = max(largest, run)
	}
	if largest <= 1<<16 {
		t.Errorf("the largest packet had %d bytes: this was no BIG TCP", largest)
	}
}

// TestRetransmissions loses packets on the way, so that both directions carry
// some bytes more than once and out of order.
func TestRetransmissions(t *testing.T) {
	a, b := newNamespace(t, "lossy-a"), newNamespace(t, "lossy-b")
	pair(t, a, b)
	for _, n := range []namespace{a, b} {
		n.ip(t, "link", "set", "mt0", "gso_max_segs", "1") // many packets, so that some are lost
		n.do(t, func() error { return lose(t, "mt0") })
	}
	r := record(t, bpf.Options{MaxRequestBytes: 1 << 30}, []uint16{18098})
	request, answer := pattern(1<<20), pattern(1<<20+1)
	client, cookie := between(t, a, b, "192.0.2.1:18098", request, answer)
	all := r.until(t, "end", ended(client, cookie))
	if got := reassemble(all, client, event.Request); !bytes.Equal(got, request) {
		t.Errorf("request: %d bytes of %d, or others", len(got), len(request))
	}
	if got := reassemble(all, client, event.Response); !bytes.Equal(got, answer) {
		t.Errorf("answer: %d bytes of %d, or others", len(got), len(answer))
	}
	var sent int
	for _, s := range all {
		if s.Dir == event.Response {
			sent += int(s.Len)
		}
	}
	if sent <= len(answer) {
		t.Errorf("%d bytes recorded of %d: nothing was sent twice", sent, len(answer))
	}
}

// lose makes the interface drop one packet in twenty as it leaves.
func lose(t *testing.T, name string) error {
	dev, err := net.InterfaceByName(name)
	if err != nil {
		return err
	}
	const drop, next = 2, -1 // TC_ACT_SHOT, TCX_NEXT
	program, err := ebpf.NewProgram(&ebpf.ProgramSpec{
		Type:    ebpf.SchedCLS,
		License: "GPL",
		Instructions: asm.Instructions{
			asm.FnGetPrandomU32.Call(),
			asm.Mod.Imm32(asm.R0, 20),
			asm.JEq.Imm(asm.R0, 0, "drop"),
			asm.Mov.Imm(asm.R0, next),
			asm.Return(),
			asm.Mov.Imm(asm.R0, drop).WithSymbol("drop"),
			asm.Return(),
		},
	})
	if err != nil {
		return err
	}
	t.Cleanup(func() { program.Close() })
	l, err := link.AttachTCX(link.TCXOptions{Interface: dev.Index, Program: program, Attach: ebpf.AttachTCXEgress})
	if err != nil {
		t.Logf("no TCX before Linux 6.6: %v", err)
		return err
	}
	t.Cleanup(func() { l.Close() })
	return nil
}

// reassemble puts overlapping pieces in their places.
func reassemble(all []event.Segment, client uint16, d event.Direction) []byte {
	start := begins(all, client, d)
	out := make([]byte, 0, 1<<21)
	for _, s := range all {
		if s.Kind != event.KindData || s.Dir != d || s.Flow.Client.Port != client {
			continue
		}
		at := int(s.Seq - start)
		if need := at + len(s.Payload); need > len(out) {
			out = out[:need]
		}
		copy(out[at:], s.Payload)
	}
	return out
}
