// SPDX-License-Identifier: Apache-2.0

package afpacket

import (
	"slices"

	"golang.org/x/net/bpf"
)

const (
	snapLength = 1 << 20
	// maxFilterPorts keeps the program below the kernel's 4,096 instructions
	// (BPF_MAXINSNS); with more ports all TCP is taken and sorted out here.
	maxFilterPorts = 1000

	packetOutgoing = 4   // PACKET_OUTGOING, linux/if_packet.h
	typeLoopback   = 772 // ARPHRD_LOOPBACK, linux/if_arp.h
)

// filter returns the classic BPF program for an AF_PACKET socket of type
// SOCK_DGRAM, whose packets begin with the IP header: TCP from or to one of
// ports, not fragmented, and of the two copies that the loopback device shows
// the incoming one.
func filter(ports []uint16) []bpf.Instruction {
	const (
		tail = 22 // where the ports are compared; X holds the start of TCP
		drop = 21
	)
	p := []bpf.Instruction{
		bpf.LoadExtension{Num: bpf.ExtType},
		bpf.JumpIf{Cond: bpf.JumpNotEqual, Val: packetOutgoing, SkipTrue: 2},
		bpf.LoadExtension{Num: bpf.ExtLinkLayerType}, // 2
		bpf.JumpIf{Cond: bpf.JumpEqual, Val: typeLoopback, SkipTrue: drop - 4},
		bpf.LoadAbsolute{Off: 0, Size: 1}, // 4
		bpf.ALUOpConstant{Op: bpf.ALUOpShiftRight, Val: 4},
		bpf.JumpIf{Cond: bpf.JumpEqual, Val: 6, SkipTrue: 7},
		bpf.JumpIf{Cond: bpf.JumpNotEqual, Val: 4, SkipTrue: drop - 8},
		bpf.LoadAbsolute{Off: 9, Size: 1}, // 8: IPv4
		bpf.JumpIf{Cond: bpf.JumpNotEqual, Val: 6, SkipTrue: drop - 10},
		bpf.LoadAbsolute{Off: 6, Size: 2},
		bpf.JumpIf{Cond: bpf.JumpBitsSet, Val: 0x1fff, SkipTrue: drop - 12},
		bpf.LoadMemShift{Off: 0},
		bpf.Jump{Skip: tail - 14},
		bpf.LoadAbsolute{Off: 6, Size: 1}, // 14: IPv6
		bpf.LoadConstant{Dst: bpf.RegX, Val: 40},
		bpf.JumpIf{Cond: bpf.JumpEqual, Val: 6, SkipTrue: tail - 17},
		bpf.JumpIf{Cond: bpf.JumpNotEqual, Val: 0, SkipTrue: drop - 18},
		bpf.LoadAbsolute{Off: 40, Size: 1}, // 18: a jumbo payload option in front
		bpf.LoadConstant{Dst: bpf.RegX, Val: 48},
		bpf.JumpIf{Cond: bpf.JumpEqual, Val: 6, SkipTrue: tail - 21},
		bpf.RetConstant{Val: 0}, // 21: drop
	}
	if len(ports) > maxFilterPorts {
		return append(p, bpf.RetConstant{Val: snapLength})
	}
	ports = slices.Clone(ports)
	slices.Sort(ports)
	for _, off := range []uint32{0, 2} {
		p = append(p, bpf.LoadIndirect{Off: off, Size: 2})
		for _, port := range slices.Compact(ports) {
			p = append(p,
				bpf.JumpIf{Cond: bpf.JumpNotEqual, Val: uint32(port), SkipTrue: 1},
				bpf.RetConstant{Val: snapLength})
		}
	}
	return append(p, bpf.RetConstant{Val: 0})
}
