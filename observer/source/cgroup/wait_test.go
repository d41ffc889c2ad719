// SPDX-License-Identifier: Apache-2.0

//go:build linux

package cgroup

import (
	"io"
	"net"
	"os"
	"testing"

	"github.com/modeltap/modeltap/bpf"
	"github.com/modeltap/modeltap/observer/event"
)

// TestSocketWait: a request lies in the socket until the server reads it. The
// server reads it in two parts; only the second reports, once, and after the
// moment at which it was allowed to read.
func TestSocketWait(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	// One request that is captured, and one that is left out as too large.
	for name, size := range map[string]int{"small": 1000, "skipped": 50_000} {
		t.Run(name, func(t *testing.T) {
			r := record(t, bpf.Options{MaxRequestBytes: 40_000}, []uint16{port(l.Addr())})
			if err := r.tap.AttachSocketWait(); err != nil {
				t.Fatal(err)
			}
			client, err := net.Dial("tcp", l.Addr().String())
			if err != nil {
				t.Fatal(err)
			}
			defer client.Close()
			server, err := l.Accept()
			if err != nil {
				t.Fatal(err)
			}
			defer server.Close()
			if _, err := client.Write(pattern(size)); err != nil {
				t.Fatal(err)
			}
			end := func(all []event.Segment) (seq uint32, n int) {
				for _, s := range all {
					if s.Kind == event.KindData && s.Dir == event.Request && s.Flags&event.SYN == 0 {
						seq, n = s.Seq+s.Len, n+int(s.Len)
					}
				}
				return seq, n
			}
			reads := func(all []event.Segment) (reads []event.Segment) {
				for _, s := range all {
					if s.Kind == event.KindRead {
						reads = append(reads, s)
					}
				}
				return reads
			}
			arrived := r.until(t, "request", func(all []event.Segment) bool { _, n := end(all); return n == size })
			if _, err := io.ReadFull(server, make([]byte, size/2)); err != nil {
				t.Fatal(err)
			}
			if got := reads(r.all(t)); len(got) != 0 {
				t.Fatalf("half of the request read, reported as all: %+v", got)
			}
			allowed := monotonic()
			if _, err := io.ReadFull(server, make([]byte, size-size/2)); err != nil {
				t.Fatal(err)
			}
			got := reads(r.until(t, "read", func(all []event.Segment) bool { return len(reads(all)) > 0 }))
			want, _ := end(arrived)
			s := got[0]
			if len(got) != 1 || s.Seq != want || s.Time < allowed || s.PID != uint32(os.Getpid()) ||
				s.Cookie != socketCookie(t, server) || s.Flow.Client.Port != port(client.LocalAddr()) {
				t.Errorf("reads %+v, want one of %d after %d", got, want, allowed)
			}
		})
	}
}
