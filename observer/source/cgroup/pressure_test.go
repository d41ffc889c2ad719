// SPDX-License-Identifier: Apache-2.0

//go:build linux

package cgroup

import (
	"io"
	"net"
	"testing"

	"github.com/modeltap/modeltap/bpf"
	"github.com/modeltap/modeltap/observer/event"
)

// TestBackPressure: chunks that the client takes as they come are not marked;
// what waited for a client that did not read is.
func TestBackPressure(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	r := record(t, bpf.Options{}, []uint16{port(l.Addr())})
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
	chunk := pattern(250)
	for range 200 {
		if _, err := server.Write(chunk); err != nil {
			t.Fatal(err)
		}
		if _, err := io.ReadFull(client, make([]byte, len(chunk))); err != nil {
			t.Fatal(err)
		}
	}
	limited := func(all []event.Segment) (n int) {
		for _, s := range all {
			if s.Flags&event.Limited != 0 {
				n++
			}
		}
		return n
	}
	before := r.all(t)
	if n := limited(before); n != 0 {
		t.Errorf("%d of %d segments marked that nothing held up", n, len(before))
	}
	if last := before[len(before)-1]; last.RTT == 0 {
		t.Error("no round-trip time")
	}
	// More than the client takes unread.
	const much = 64 << 10
	if err := client.(*net.TCPConn).SetReadBuffer(8 << 10); err != nil {
		t.Fatal(err)
	}
	written := make(chan error, 1)
	go func() {
		_, err := server.Write(make([]byte, much))
		written <- err
	}()
	r.until(t, "the first of it", func(all []event.Segment) bool { return len(all) > len(before) })
	if _, err := io.CopyN(io.Discard, client, much); err != nil {
		t.Fatal(err)
	}
	if err := <-written; err != nil {
		t.Fatal(err)
	}
	if all := r.all(t); limited(all) == 0 {
		t.Errorf("nothing marked of %d segments that waited for the client", len(all)-len(before))
	}
}
