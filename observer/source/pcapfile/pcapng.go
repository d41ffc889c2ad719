// SPDX-License-Identifier: Apache-2.0

package pcapfile

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"math/bits"

	"github.com/modeltap/modeltap/observer/tcp"
)

// Block types of pcapng (draft-ietf-opsawg-pcapng section 4). Options of
// packets, comments among them, are read over: a future recorder may put there
// what the packet cannot say.
const (
	blockSection   = 0x0a0d0d0a
	blockInterface = 1
	blockPacket    = 2 // obsolete
	blockSimple    = 3
	blockEnhanced  = 6

	maxInterfaces = 4096
	maxOptions    = 1 << 20 // bytes of one interface block
)

// iface is what an interface description says about the packets after it.
type iface struct {
	link   tcp.Link
	err    error // link type not supported
	snap   uint32
	resol  uint8
	offset int64 // s
}

// pcapng reads one file. Sections may differ in byte order and interfaces.
type pcapng struct {
	in     *input
	ifaces []iface
	last   int64
	good   bool // a packet of a supported link type was read
	bad    error
	opts   []byte
}

// openPcapng starts at the first block of a file.
func openPcapng(in *input) (next, error) {
	r := &pcapng{in: in}
	in.order = binary.LittleEndian
	return r.next, nil
}

func (r *pcapng) next(f *frame, buf []byte) error {
	for {
		r.in.start = r.in.offset
		var head [8]byte
		if err := r.in.full(head[:]); err != nil {
			if r.bad != nil && !r.good {
				return r.bad
			}
			return err
		}
		kind := r.in.order.Uint32(head[:])
		if kind == blockSection {
			if err := r.section(); err != nil {
				return err
			}
		}
		size := r.in.order.Uint32(head[4:])
		if size < 12 || size%4 != 0 {
			return fmt.Errorf("a block of %d bytes", size)
		}
		found, err := r.block(kind, int64(size)-12, f, buf)
		if err != nil {
			return err
		}
		if err := r.in.skip(r.in.start + int64(size) - 4 - r.in.offset); err != nil {
			return err
		}
		var tail [4]byte
		if err := r.in.full(tail[:]); err != nil {
			return err
		}
		if again := r.in.order.Uint32(tail[:]); again != size {
			return fmt.Errorf("a block of %d bytes that ends as one of %d", size, again)
		}
		if found {
			return nil
		}
	}
}

// section reads the byte order, which the length in front already has.
func (r *pcapng) section() error {
	var magic [4]byte
	if err := r.in.full(magic[:]); err != nil {
		return err
	}
	switch binary.LittleEndian.Uint32(magic[:]) {
	case 0x1a2b3c4d:
		r.in.order = binary.LittleEndian
	case 0x4d3c2b1a:
		r.in.order = binary.BigEndian
	default:
		return errors.New("a section without byte order")
	}
	r.ifaces = r.ifaces[:0]
	return nil
}

// block reads what it needs of a block with room bytes of body, and says
// whether that was a packet.
func (r *pcapng) block(kind uint32, room int64, f *frame, buf []byte) (bool, error) {
	var head [20]byte
	fixed := fixedSize(kind)
	if room < fixed {
		return false, fmt.Errorf("a block of type %d with %d bytes", kind, room)
	}
	switch kind {
	case blockInterface:
		return false, r.describe(head[:8], room-8)
	case blockPacket, blockSimple, blockEnhanced:
	default:
		return false, nil
	}
	h, order := head[:fixed], r.in.order
	if err := r.in.full(h); err != nil {
		return false, err
	}
	id, size, wire := uint32(0), uint32(0), uint32(0)
	switch kind {
	case blockEnhanced:
		id, size, wire = order.Uint32(h), order.Uint32(h[12:]), order.Uint32(h[16:])
	case blockPacket:
		id, size, wire = uint32(order.Uint16(h)), order.Uint32(h[12:]), order.Uint32(h[16:])
	case blockSimple:
		wire = order.Uint32(h)
		size = uint32(min(int64(wire), room-fixed))
	}
	if int64(id) >= int64(len(r.ifaces)) {
		return false, fmt.Errorf("a packet of interface %d, of which there is no description", id)
	}
	i := &r.ifaces[id]
	if kind == blockSimple && i.snap != 0 {
		size = min(size, i.snap)
	}
	if size > maxFrame || int64(size) > room-fixed {
		return false, fmt.Errorf("a packet of %d bytes in a block of %d", size, room)
	}
	if i.err != nil {
		r.bad = i.err
		return false, nil
	}
	if kind != blockSimple {
		r.last = i.time(uint64(order.Uint32(h[4:]))<<32 | uint64(order.Uint32(h[8:])))
	}
	r.good = true
	f.time, f.link, f.wire, f.data = r.last, i.link, int(wire), buf[:size]
	return true, r.in.full(f.data)
}

// fixedSize is the size of what comes first in the body of a block.
func fixedSize(kind uint32) int64 {
	switch kind {
	case blockSection:
		return 16
	case blockInterface:
		return 8
	case blockSimple:
		return 4
	case blockEnhanced, blockPacket:
		return 20
	}
	return 0
}

// describe reads an interface description with room bytes of options.
func (r *pcapng) describe(head []byte, room int64) error {
	if err := r.in.full(head); err != nil {
		return err
	}
	if len(r.ifaces) >= maxInterfaces || room > maxOptions {
		return fmt.Errorf("more than %d interfaces, or %d bytes of options", maxInterfaces, room)
	}
	order := r.in.order
	i := iface{snap: order.Uint32(head[4:]), resol: 6}
	i.link, i.err = linkOf(uint32(order.Uint16(head)))
	if int64(cap(r.opts)) < room {
		r.opts = make([]byte, room)
	}
	opts := r.opts[:room]
	if err := r.in.full(opts); err != nil {
		return err
	}
	for len(opts) >= 4 {
		code, size := order.Uint16(opts), int(order.Uint16(opts[2:]))
		opts = opts[4:]
		if code == 0 || size > len(opts) {
			break
		}
		switch v := opts[:size]; {
		case code == 9 && size == 1: // if_tsresol
			i.resol = v[0]
		case code == 14 && size == 8: // if_tsoffset
			i.offset = int64(order.Uint64(v))
		}
		opts = opts[min((size+3)&^3, len(opts)):]
	}
	if e := i.resol & 0x7f; e > 63 || i.resol < 0x80 && e > 19 {
		return fmt.Errorf("a time resolution of %#x", i.resol)
	}
	r.ifaces = append(r.ifaces, i)
	return nil
}

// time converts a time stamp in units of the interface to ns since 1970.
func (i *iface) time(units uint64) int64 {
	var perSecond uint64
	if i.resol&0x80 != 0 {
		perSecond = 1 << (i.resol & 0x7f)
	} else {
		perSecond = 1
		for range i.resol {
			perSecond *= 10
		}
	}
	sec, rest := units/perSecond, units%perSecond
	hi, lo := bits.Mul64(rest, 1e9)
	ns, _ := bits.Div64(hi, lo, perSecond)
	const far = math.MaxInt64 / 4_000_000_000 // hostile values stay in range
	return (int64(min(sec, far))+max(min(i.offset, far), -far))*1e9 + int64(ns)
}
