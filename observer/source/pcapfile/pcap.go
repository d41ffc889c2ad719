// SPDX-License-Identifier: Apache-2.0

package pcapfile

import (
	"encoding/binary"
	"fmt"

	"github.com/modeltap/modeltap/observer/tcp"
)

// maxFrame bounds a packet: twice the largest super packet that Linux makes
// (GSO_MAX_SIZE 524,280).
const maxFrame = 1 << 20

// frame is one captured packet; data lies in the buffer given to next.
type frame struct {
	time int64 // ns since 1970
	link tcp.Link
	wire int
	data []byte
}

// next reads the following packet into buf, which holds maxFrame bytes. It
// returns io.EOF at the end of the file, io.ErrUnexpectedEOF inside a packet.
type next func(f *frame, buf []byte) error

// links maps LINKTYPE numbers (tcpdump.org/linktypes.html).
func linkOf(n uint32) (tcp.Link, error) {
	switch n {
	case 0, 108:
		return tcp.Loopback, nil
	case 1:
		return tcp.Ethernet, nil
	case 12, 14, 101, 228, 229:
		return tcp.Raw, nil
	case 113:
		return tcp.Cooked, nil
	case 276:
		return tcp.Cooked2, nil
	}
	return 0, fmt.Errorf("link type %d is not supported; use Ethernet, raw IP, Linux cooked or loopback", n)
}

// openPcap reads the header of a classic pcap file and returns its reader.
func openPcap(in *input) (next, error) {
	var head [24]byte
	if err := in.full(head[:]); err != nil {
		return nil, err
	}
	var unit int64
	in.order = binary.LittleEndian
	switch binary.LittleEndian.Uint32(head[:]) {
	case 0xa1b2c3d4:
		unit = 1000
	case 0xa1b23c4d:
		unit = 1
	case 0xd4c3b2a1:
		in.order, unit = binary.BigEndian, 1000
	case 0x4d3cb2a1:
		in.order, unit = binary.BigEndian, 1
	default:
		return nil, fmt.Errorf("neither pcap nor pcapng: it begins with % x", head[:4])
	}
	if major := in.order.Uint16(head[4:]); major != 2 {
		return nil, fmt.Errorf("pcap version %d is not supported", major)
	}
	link, err := linkOf(in.order.Uint32(head[20:]) & 0xffff)
	if err != nil {
		return nil, err
	}
	return func(f *frame, buf []byte) error {
		in.start = in.offset
		head := head[:16]
		if err := in.full(head); err != nil {
			return err
		}
		size := in.order.Uint32(head[8:])
		if size > maxFrame {
			return fmt.Errorf("a packet of %d bytes", size)
		}
		f.time = int64(in.order.Uint32(head))*1e9 + int64(in.order.Uint32(head[4:]))*unit
		f.link, f.wire, f.data = link, int(in.order.Uint32(head[12:])), buf[:size]
		return in.full(f.data)
	}, nil
}
