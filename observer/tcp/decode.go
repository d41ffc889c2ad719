// SPDX-License-Identifier: Apache-2.0

package tcp

import (
	"encoding/binary"

	"github.com/modeltap/modeltap/observer/event"
)

// Link is the kind of frame that Decode is given.
type Link uint8

const (
	// Raw is an IPv4 or IPv6 packet, told apart by its version field.
	Raw Link = iota
	// Ethernet is IEEE 802.3 with any VLAN tags.
	Ethernet
	// Loopback is BSD's four bytes of address family in front of the packet.
	Loopback
	// Cooked and Cooked2 are Linux's capture headers of the "any" interface,
	// LINKTYPE_LINUX_SLL and LINKTYPE_LINUX_SLL2.
	Cooked
	Cooked2
)

// Verdict is the outcome of Decode.
type Verdict uint8

const (
	// IsTCP says that the Packet was filled.
	IsTCP Verdict = iota
	// NotTCP is any other protocol.
	NotTCP
	// Fragment is a part of an IP packet, which Decode does not put together.
	Fragment
	// Malformed contradicts itself, or is cut off inside the headers.
	Malformed
)

// Packet is a TCP segment as found in a frame.
type Packet struct {
	Src, Dst event.Endpoint
	Seq, Ack uint32
	Flags    event.Flags // the low eight only
	Len      uint32      // payload bytes on the wire
	Payload  []byte      // those of them that the frame holds
}

const (
	protoTCP    = 6
	maxHeaders  = 8 // VLAN tags, IPv6 extension headers
	typeIPv4    = 0x0800
	typeIPv6    = 0x86dd
	typeVLAN    = 0x8100
	typeService = 0x88a8 // IEEE 802.1ad
	typeQinQ    = 0x9100 // the same before it was standardised
)

// Decode finds the TCP segment in frame, which had wire bytes before the
// capture cut it. Where IP states no length (segmentation offload and BIG TCP:
// IPv4 total length or IPv6 payload length 0), it is taken from wire. No
// checksum is verified, because offloading leaves them wrong. It allocates
// nothing; p.Payload aliases frame.
func Decode(link Link, frame []byte, wire int, p *Packet) Verdict {
	skip, at := 0, 0
	switch link {
	case Ethernet:
		skip, at = 14, 12
	case Cooked:
		skip, at = 16, 14
	case Cooked2:
		skip, at = 20, 0
	case Loopback:
		skip = 4
	}
	if len(frame) < skip {
		return Malformed
	}
	wire = max(wire, len(frame))
	if link == Raw || link == Loopback {
		return decodeIP(frame[skip:], wire-skip, p)
	}
	kind := binary.BigEndian.Uint16(frame[at:])
	for range maxHeaders {
		switch kind {
		case typeIPv4, typeIPv6:
			return decodeIP(frame[skip:], wire-skip, p)
		case typeVLAN, typeService, typeQinQ:
			if len(frame) < skip+4 {
				return Malformed
			}
			kind = binary.BigEndian.Uint16(frame[skip+2:])
			skip += 4
		default:
			return NotTCP
		}
	}
	return Malformed
}

func decodeIP(b []byte, wire int, p *Packet) Verdict {
	if len(b) == 0 {
		return Malformed
	}
	switch b[0] >> 4 {
	case 4:
		return decodeIPv4(b, wire, p)
	case 6:
		return decodeIPv6(b, wire, p)
	}
	return NotTCP
}

func decodeIPv4(b []byte, wire int, p *Packet) Verdict {
	if len(b) < 20 {
		return Malformed
	}
	if b[9] != protoTCP {
		return NotTCP
	}
	total, header := int(binary.BigEndian.Uint16(b[2:])), int(b[0]&15)*4
	if total == 0 {
		total = wire
	}
	if header < 20 || total < header || len(b) < header {
		return Malformed
	}
	if binary.BigEndian.Uint16(b[6:])&0x3fff != 0 { // more fragments, offset
		return Fragment
	}
	p.Src.IP, p.Dst.IP = mapped(b[12:16]), mapped(b[16:20])
	return decodeTCP(b[header:min(total, len(b))], total-header, p)
}

// mapped returns an IPv4 address in its IPv4-mapped form (RFC 4291 section
// 2.5.5.2).
func mapped(b []byte) (ip [16]byte) {
	ip[10], ip[11] = 0xff, 0xff
	copy(ip[12:], b)
	return ip
}

func decodeIPv6(b []byte, wire int, p *Packet) Verdict {
	if len(b) < 40 {
		return Malformed
	}
	total := 40 + int(binary.BigEndian.Uint16(b[4:]))
	if total == 40 {
		total = wire
	}
	kind, at := b[6], 40
	for range maxHeaders {
		if kind == protoTCP {
			if total < at || len(b) < at {
				return Malformed
			}
			p.Src.IP, p.Dst.IP = [16]byte(b[8:24]), [16]byte(b[24:40])
			return decodeTCP(b[at:max(at, min(total, len(b)))], total-at, p)
		}
		size := 8
		switch kind {
		case 0, 43, 60: // hop-by-hop, routing, destination options
			if len(b) >= at+2 {
				size += int(b[at+1]) * 8
			}
		case 44: // fragment: whole when offset and "more" are 0 (RFC 6946)
			if len(b) >= at+4 && binary.BigEndian.Uint16(b[at+2:])&0xfff9 != 0 {
				return Fragment
			}
		case 51: // authentication: 32-bit words less two
			if len(b) >= at+2 {
				size += int(b[at+1]) * 4
			}
		default:
			return NotTCP
		}
		if len(b) < at+size {
			return Malformed
		}
		kind = b[at]
		at += size
	}
	return Malformed
}

// decodeTCP reads the header of RFC 9293 section 3.1; total counts the bytes
// of header and payload on the wire.
func decodeTCP(b []byte, total int, p *Packet) Verdict {
	if len(b) < 20 {
		return Malformed
	}
	header := int(b[12]>>4) * 4
	if header < 20 || total < header {
		return Malformed
	}
	p.Src.Port, p.Dst.Port = binary.BigEndian.Uint16(b), binary.BigEndian.Uint16(b[2:])
	p.Seq, p.Ack = binary.BigEndian.Uint32(b[4:]), binary.BigEndian.Uint32(b[8:])
	p.Flags = event.Flags(b[13])
	p.Len = uint32(total - header)
	p.Payload = b[min(header, len(b)):]
	return IsTCP
}
