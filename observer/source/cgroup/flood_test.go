// SPDX-License-Identifier: Apache-2.0

//go:build linux

package cgroup

import (
	"fmt"
	"testing"
	"time"

	"github.com/modeltap/modeltap/bpf"
)

// TestNothingIsRecordedOf what is no conversation, and none of it costs room in
// the ring: floods, scans, and handshakes that lead to nothing.
func TestNothingIsRecordedOf(t *testing.T) {
	floods := []struct {
		name string
		one  func(p *peer)
	}{
		{"SYN", func(p *peer) { p.send(0, syn, nil) }},
		{"SYN with data", func(p *peer) { p.send(0, syn, pattern(120)) }},
		{"SYN with data and options", func(p *peer) {
			p.send(0, syn, pattern(120), 2, 4, 5, 180, 4, 2, 8, 10, 0, 0, 0, 1, 0, 0, 0, 0, 1, 3, 3, 7)
		}},
		{"SYN with a broken option", func(p *peer) { p.send(0, syn, pattern(120), 99, 0, 34, 2) }},
		{"SYN and RST", func(p *peer) { p.send(0, syn, nil); p.send(1, rst, nil) }},
		{"ACK", func(p *peer) { p.send(0, ack, nil) }},
		{"ACK with data", func(p *peer) { p.send(0, ack|psh, pattern(120)) }},
		{"FIN", func(p *peer) { p.send(0, fin, nil) }},
		{"FIN with data", func(p *peer) { p.send(0, fin|ack, pattern(120)) }},
		{"RST", func(p *peer) { p.send(0, rst, nil) }},
		{"no flags", func(p *peer) { p.send(0, 0, pattern(120)) }},
		{"all flags", func(p *peer) { p.send(0, 0x3f, pattern(120)) }},
		{"SYN-ACK", func(p *peer) { p.send(0, syn|ack, nil) }},
	}
	scans := []struct {
		name string
		one  func(p *peer)
	}{
		{"connect and reset", func(p *peer) { p.connect(); p.send(0, rst|ack, nil) }},
		{"connect and leave", func(p *peer) { p.connect(); p.send(0, fin|ack, nil); p.await(fin); p.seq++; p.send(0, ack, nil) }},
	}
	for _, v6 := range []bool{false, true} {
		w := newWire(t, fmt.Sprintf("flood-%v", v6))
		w.setting(t, "ipv4/tcp_syncookies", "0")
		l, server := w.listen(t, v6)
		go func() {
			for {
				c, err := l.Accept()
				if err != nil {
					return
				}
				_, _ = c.Read(make([]byte, 1))
				c.Close()
			}
		}()
		r := record(t, bpf.Options{}, []uint16{server})
		check := func(t *testing.T) {
			t.Helper()
			if all := r.all(t); len(all) != 0 {
				t.Errorf("recorded %s", describe(all))
			}
			if c, err := r.tap.Counters(); err != nil || c != (bpf.Counters{}) {
				t.Errorf("counted %+v, %v", c, err)
			}
		}
		for _, f := range floods {
			t.Run(fmt.Sprintf("IPv6=%v/%s", v6, f.name), func(t *testing.T) {
				for i := range 300 {
					f.one(w.peer(t, v6, uint16(20000+i), server))
				}
				check(t)
			})
		}
		for _, f := range scans {
			t.Run(fmt.Sprintf("IPv6=%v/%s", v6, f.name), func(t *testing.T) {
				for i := range 30 {
					f.one(w.peer(t, v6, uint16(40000+i), server))
				}
				time.Sleep(20 * time.Millisecond) // the server's closes
				check(t)
			})
		}
	}
}
