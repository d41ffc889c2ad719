// SPDX-License-Identifier: Apache-2.0

package sse

import (
	"bytes"
	"strings"
	"testing"
)

type sum struct{ bytes, events int }

func (s *sum) Data(p []byte) { s.bytes += len(p) }
func (s *sum) Name([]byte)   {}
func (s *sum) Comment()      {}
func (s *sum) Lost()         {}
func (s *sum) End()          { s.events++ }

var oneEvent = []byte("data: {" + strings.Repeat("x", 227) + "}\n\n")

func BenchmarkEvent(b *testing.B) {
	for name, cut := range map[string]int{"whole": len(oneEvent), "cut": 100} {
		b.Run(name, func(b *testing.B) {
			var h sum
			var p Parser
			p.Reset(&h)
			b.SetBytes(int64(len(oneEvent)))
			b.ReportAllocs()
			for b.Loop() {
				p.Write(oneEvent[:cut])
				p.Write(oneEvent[cut:])
			}
			if h.events == 0 {
				b.Fatal("no event")
			}
		})
	}
}

// BenchmarkLineEnds reads 64 KiB of lines as short as they get. The time for a
// byte must not depend on how much is given at once.
func BenchmarkLineEnds(b *testing.B) {
	for name, line := range map[string]string{"LF": "a\n", "CR": "a\r", "CRLF": "a\r\n"} {
		in := bytes.Repeat([]byte(line), 64<<10/len(line))
		b.Run(name, func(b *testing.B) {
			var h sum
			var p Parser
			p.Reset(&h)
			b.SetBytes(int64(len(in)))
			for b.Loop() {
				p.Write(in)
			}
		})
	}
}

func TestNoAllocation(t *testing.T) {
	var h sum
	var p Parser
	p.Reset(&h)
	in := []byte("event: x\r\ndata: a\r\ndata: b\r\n\r\n: ping\n\n")
	if n := testing.AllocsPerRun(100, func() {
		p.Write(oneEvent)
		p.Write(in)
		p.Write(in[:12])
		p.Write(in[12:])
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

// A line of 100 MB passes through; nothing of it is held.
func TestEndlessLine(t *testing.T) {
	var h sum
	var p Parser
	p.Reset(&h)
	p.Write([]byte("data: "))
	piece := bytes.Repeat([]byte("x"), 1<<16)
	if n := testing.AllocsPerRun(1600, func() { p.Write(piece) }); n != 0 {
		t.Errorf("%v allocations", n)
	}
	if h.bytes != 1601*len(piece) {
		t.Errorf("%d bytes", h.bytes)
	}
}
