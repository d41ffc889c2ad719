// SPDX-License-Identifier: Apache-2.0

//go:build linux

package cgroup

import (
	"bytes"
	"context"
	"net"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/modeltap/modeltap/bpf"
	"github.com/modeltap/modeltap/observer/event"
)

// TestDeferredAccept: with TCP_DEFER_ACCEPT the request meets the listening
// socket, before there is one of its own. It must be captured all the same, and
// once.
func TestDeferredAccept(t *testing.T) {
	lc := net.ListenConfig{Control: func(_, _ string, c syscall.RawConn) error {
		var err error
		if e := c.Control(func(fd uintptr) { err = unix.SetsockoptInt(int(fd), unix.IPPROTO_TCP, unix.TCP_DEFER_ACCEPT, 5) }); e != nil {
			return e
		}
		return err
	}}
	l, err := lc.Listen(context.Background(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	r := record(t, bpf.Options{}, []uint16{port(l.Addr())})
	request, answer := pattern(700), pattern(900)
	client, cookie := converse(t, l, l.Addr().String(), request, answer)
	all := r.until(t, "end", ended(client, cookie))
	var bytesSeen [2]int
	deferred := false
	for _, s := range all {
		bytesSeen[s.Dir] += int(s.Len)
		deferred = deferred || s.Dir == event.Request && s.Len > 0 && s.Cookie != cookie
	}
	if !deferred {
		t.Log("this kernel gave the request to the new socket")
	}
	if bytesSeen != [2]int{len(request), len(answer)} ||
		!bytes.Equal(stream(all, client, event.Request), request) ||
		!bytes.Equal(stream(all, client, event.Response), answer) {
		t.Errorf("recorded %d bytes, want %d and %d: %s", bytesSeen, len(request), len(answer), describe(all))
	}
}
