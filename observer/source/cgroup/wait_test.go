// SPDX-License-Identifier: Apache-2.0

//go:build linux

package cgroup

import (
	"io"
	"net"
	"slices"
	"testing"

	"github.com/modeltap/modeltap/bpf"
	"github.com/modeltap/modeltap/observer/event"
)

// TestSocketWait: a request lies in the socket until the server reads it. The
// server reads it in two parts; only the second reports, once, and after the
// moment at which it was allowed to read: with the answer, or with the close of
// a server that does not answer.
func TestSocketWait(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	// One request that is captured, and one that is left out as too large.
	for name, c := range map[string]struct {
		size     int
		answered bool
	}{
		"small": {1000, true}, "skipped": {50_000, true}, "closed": {1000, false},
	} {
		t.Run(name, func(t *testing.T) {
			size := c.size
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
					if s.Kind == event.KindData && s.Dir == event.Request {
						seq, n = s.Seq+s.Len, n+int(s.Len)
					}
				}
				return seq, n
			}
			reads := func(all []event.Segment) (reads []event.Segment) {
				for _, s := range all {
					if s.Flags&event.Read != 0 {
						s.Time, s.Seq = s.Time-int64(s.ReadAgo), s.Ack
						reads = append(reads, s)
					}
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
			told := monotonic()
			cookie := socketCookie(t, server)
			if c.answered {
				if _, err := server.Write(pattern(300)); err != nil {
					t.Fatal(err)
				}
			} else if err := server.Close(); err != nil {
				t.Fatal(err)
			}
			got := reads(r.until(t, "read", func(all []event.Segment) bool { return len(reads(all)) > 0 }))
			want, _ := end(arrived)
			s := got[0]
			if len(got) != 1 || s.Seq != want || s.Time < allowed || s.Time > told || (s.Kind == event.KindData) != (s.Flags&event.Read != 0) ||
				s.Cookie != cookie || s.Flow.Client.Port != port(client.LocalAddr()) {
				t.Errorf("reads %+v, want one of %d between %d and %d", got, want, allowed, told)
			}
		})
	}
}

// TestSocketWaitTwice: a server that reads a second request before it answers
// the first leaves no read untold.
func TestSocketWaitTwice(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	r := record(t, bpf.Options{}, []uint16{port(l.Addr())})
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
	var before []int64
	for range 2 {
		before = append(before, monotonic())
		if _, err := client.Write(pattern(100)); err != nil {
			t.Fatal(err)
		}
		if _, err := io.ReadFull(server, make([]byte, 100)); err != nil {
			t.Fatal(err)
		}
	}
	before = append(before, monotonic())
	if _, err := server.Write(pattern(10)); err != nil {
		t.Fatal(err)
	}
	answered := func(all []event.Segment) bool {
		return slices.ContainsFunc(all, func(s event.Segment) bool { return s.Dir == event.Response && s.Len == 10 })
	}
	var times []int64
	var seqs []uint32
	for _, s := range r.until(t, "answer", answered) {
		switch {
		case s.Kind == event.KindRead:
			times, seqs = append(times, s.Time), append(seqs, s.Seq)
		case s.Flags&event.Read != 0:
			times, seqs = append(times, s.Time-int64(s.ReadAgo)), append(seqs, s.Ack)
		}
	}
	if len(times) != 2 || seqs[1]-seqs[0] != 100 ||
		times[0] < before[0] || times[0] > before[1] || times[1] < before[1] || times[1] > before[2] {
		t.Errorf("reads of %v at %v, want two between %v", seqs, times, before)
	}
}
