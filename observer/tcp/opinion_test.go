// SPDX-License-Identifier: Apache-2.0

package tcp

import (
	"bytes"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/google/gopacket"
	"github.com/google/gopacket/layers"
	"github.com/google/gopacket/reassembly"

	"github.com/modeltap/modeltap/observer/event"
)

// other collects what gopacket's reassembly makes of the same packets.
type other struct{ bytes [2][]byte }

func (o *other) New(_, _ gopacket.Flow, _ *layers.TCP, _ reassembly.AssemblerContext) reassembly.Stream {
	return o
}

func (o *other) Accept(*layers.TCP, gopacket.CaptureInfo, reassembly.TCPFlowDirection, reassembly.Sequence, *bool, reassembly.AssemblerContext) bool {
	return true
}

func (o *other) ReassembledSG(sg reassembly.ScatterGather, _ reassembly.AssemblerContext) {
	dir, _, _, _ := sg.Info()
	n, _ := sg.Lengths()
	side := event.Request
	if dir == reassembly.TCPDirServerToClient {
		side = event.Response
	}
	o.bytes[side] = append(o.bytes[side], sg.Fetch(n)...)
}

func (o *other) ReassemblyComplete(reassembly.AssemblerContext) bool { return false }

// TestSecondOpinion builds conversations with gopacket's serialiser, shuffles
// and repeats their packets, and wants the same streams from gopacket's own
// reassembly. It keeps away from that one's known faults: the sequence wrap,
// a missing SYN, overlaps.
func TestSecondOpinion(t *testing.T) {
	for seed := range uint64(50) {
		rnd := rand.New(rand.NewPCG(seed, 3))
		var frames [][]byte
		seq := [2]uint32{1000, 5_000_000}
		packet := func(dir event.Direction, header *layers.TCP, p []byte) {
			ip := ip4()
			header.SrcPort, header.DstPort = 40000, 8000
			if dir == event.Response {
				ip.SrcIP, ip.DstIP = ip.DstIP, ip.SrcIP
				header.SrcPort, header.DstPort = 8000, 40000
			}
			header.Seq, header.Ack, header.Window = seq[dir], seq[1-dir], 65000
			frames = append(frames, bytes.Clone(build(t, p, ip, header)))
			seq[dir] += uint32(len(p))
		}
		packet(0, &layers.TCP{SYN: true}, nil)
		seq[0]++
		packet(1, &layers.TCP{SYN: true, ACK: true}, nil)
		seq[1]++
		ack := seq // data acknowledges the handshake only, so that order is free
		var want [2][]byte
		for range 1 + rnd.IntN(60) {
			dir := event.Direction(rnd.IntN(2))
			p := make([]byte, 1+rnd.IntN(1400))
			for i := range p {
				p[i] = byte(rnd.Uint32())
			}
			want[dir] = append(want[dir], p...)
			now := seq[1-dir]
			seq[1-dir] = ack[1-dir]
			packet(dir, &layers.TCP{ACK: true}, p)
			seq[1-dir] = now
			if rnd.IntN(5) == 0 {
				frames = append(frames, frames[len(frames)-1])
			}
		}
		shuffled := frames[2:]
		for i := range shuffled {
			j := min(len(shuffled)-1, i+rnd.IntN(5))
			shuffled[i], shuffled[j] = shuffled[j], shuffled[i]
		}

		o := new(other)
		theirs := reassembly.NewAssembler(reassembly.NewStreamPool(o))
		ours := newWorld(t, Config{MaxWait: time.Hour})
		for i, frame := range frames {
			pkt := gopacket.NewPacket(frame, layers.LayerTypeIPv4, gopacket.Default)
			theirs.Assemble(pkt.NetworkLayer().NetworkFlow(), pkt.TransportLayer().(*layers.TCP))
			var p Packet
			if Decode(Raw, frame, len(frame), &p) != IsTCP {
				t.Fatal("not decoded")
			}
			s := event.Segment{Time: int64(i), Flow: flow1, Seq: p.Seq, Ack: p.Ack, Len: p.Len, Flags: p.Flags, Payload: p.Payload}
			if p.Src == flow1.Server {
				s.Dir = event.Response
			}
			ours.Segment(&s)
		}
		theirs.FlushAll()
		for d := range want {
			if got := ours.only(t).bytes[d]; !bytes.Equal(got, want[d]) || !bytes.Equal(o.bytes[d], got) {
				t.Fatalf("seed %d, direction %d: ours %d bytes, gopacket's %d, sent %d", seed, d, len(got), len(o.bytes[d]), len(want[d]))
			}
		}
	}
}
