// SPDX-License-Identifier: Apache-2.0

//go:build linux

package cgroup

import (
	"bytes"
	"fmt"
	"io"
	"net"
	"testing"

	"github.com/modeltap/modeltap/bpf"
	"github.com/modeltap/modeltap/observer/event"
)

// TestLargeClasses passes segments at and beside the border of the size
// classes and pieces that a test run of the program cannot make, each way, with
// both objects. Loopback carries each in one packet.
func TestLargeClasses(t *testing.T) {
	for _, unrolled := range []bool{false, true} {
		t.Run(fmt.Sprintf("unrolled=%v", unrolled), func(t *testing.T) {
			l, err := net.Listen("tcp", "127.0.0.1:0")
			if err != nil {
				t.Fatal(err)
			}
			defer l.Close()
			r := record(t, bpf.Options{Unrolled: unrolled, MaxRequestBytes: 1 << 30}, []uint16{port(l.Addr())})
			go func() {
				if c, err := l.Accept(); err == nil {
					_, _ = io.Copy(c, c)
				}
			}()
			c, err := net.Dial("tcp", l.Addr().String())
			if err != nil {
				t.Fatal(err)
			}
			defer c.Close()
			var sent []byte
			for _, border := range []int{128, 264, 512, 1024, 2048, 4096, 8192, 16384, 32768} {
				for n := border - 1; n <= border+1; n++ {
					b := pattern(n)
					if _, err := c.Write(b); err != nil {
						t.Fatal(err)
					}
					if _, err := io.ReadFull(c, make([]byte, n)); err != nil {
						t.Fatal(err)
					}
					sent = append(sent, b...)
				}
			}
			all := r.all(t)
			for _, d := range []event.Direction{event.Request, event.Response} {
				if got := stream(all, port(c.LocalAddr()), d); !bytes.Equal(got, sent) {
					t.Errorf("%v: %d bytes of %d, or others", d, len(got), len(sent))
				}
			}
			for _, s := range all {
				if int(s.Len) != len(s.Payload) || len(s.Payload) > 16384 {
					t.Errorf("a piece of %d bytes with %d of payload", s.Len, len(s.Payload))
				}
			}
		})
	}
}
