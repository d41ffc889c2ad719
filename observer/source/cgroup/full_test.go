// SPDX-License-Identifier: Apache-2.0

//go:build linux

package cgroup

import (
	"fmt"
	"io"
	"net"
	"testing"

	"github.com/modeltap/modeltap/bpf"
)

// TestFullRing converses while nobody reads the ring: every byte that did not
// fit is counted, also of packets of which a part did, in records and in bytes.
func TestFullRing(t *testing.T) {
	needRoot(t)
	for _, unrolled := range []bool{false, true} {
		t.Run(fmt.Sprintf("unrolled=%v", unrolled), func(t *testing.T) {
			l, err := net.Listen("tcp", "127.0.0.1:0")
			if err != nil {
				t.Fatal(err)
			}
			defer l.Close()
			tap, err := bpf.Load(bpf.Options{RingSize: 1 << 16, MaxRequestBytes: 1 << 30, Unrolled: unrolled})
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { tap.Close() })
			if err := tap.SetPorts([]uint16{port(l.Addr())}); err != nil {
				t.Fatal(err)
			}
			attachments := bpf.NewAttachments(tap)
			t.Cleanup(func() { attachments.Close() })
			if err := attachments.Set([]string{hostRoot(t)}); err != nil {
				t.Fatal(err)
			}
			c, err := net.Dial("tcp", l.Addr().String())
			if err != nil {
				t.Fatal(err)
			}
			defer c.Close()
			s, err := l.Accept()
			if err != nil {
				t.Fatal(err)
			}
			defer s.Close()
			for _, n := range []int{1000, 40_000, 60_000, 100, 60_000} {
				for _, ends := range [][2]net.Conn{{c, s}, {s, c}} {
					if _, err := ends[0].Write(pattern(n)); err != nil {
						t.Fatal(err)
					}
					if _, err := io.ReadFull(ends[1], make([]byte, n)); err != nil {
						t.Fatal(err)
					}
				}
			}
			counted, err := tap.Counters()
			if err != nil {
				t.Fatal(err)
			}
			var fit [2]uint64
			for _, s := range follow(t, tap).all(t) {
				fit[s.Dir] += uint64(s.Len)
			}
			for d := range fit {
				if counted.Bytes[d] < 161_100 || counted.RingFullBytes[d] == 0 || fit[d]+counted.RingFullBytes[d] != counted.Bytes[d] {
					t.Errorf("direction %d: %d bytes fit, counted %+v", d, fit[d], counted)
				}
				if least := counted.RingFullBytes[d] / 16384; counted.RingFull[d] < least {
					t.Errorf("direction %d: %d records lost, at least %d", d, counted.RingFull[d], least)
				}
			}
		})
	}
}
