// SPDX-License-Identifier: Apache-2.0

package record

import (
	"net"
	"time"

	"github.com/google/gopacket"
	"github.com/google/gopacket/layers"

	"github.com/modeltap/modeltap/observer/event"
)

// packetPayload is the most that one packet carries, so that the lengths of IP
// can state it. The kernel's segments may be longer.
const packetPayload = 32 << 10

// packet builds IP packets; its buffers are reused.
type packet struct {
	buf gopacket.SerializeBuffer
	ip4 layers.IPv4
	ip6 layers.IPv6
	tcp layers.TCP
}

// write writes s, whose masked payload is p, as one or more packets. Those
// bytes of s that capture lost at its end are cut off in the last.
func (w *Writer) write(s *event.Segment, p []byte) error {
	wire := max(int(s.Len), len(p))
	for at := 0; ; {
		n := min(wire-at, packetPayload)
		have := max(min(len(p)-at, n), 0)
		last := at+n >= wire
		if err := w.writePacket(s, at, p[min(at, len(p)):min(at+have, len(p))], n, last); err != nil {
			return err
		}
		if at += n; last {
			return nil
		}
	}
}

// writePacket writes the piece p of s that begins at byte at, of wire bytes.
func (w *Writer) writePacket(s *event.Segment, at int, p []byte, wire int, last bool) error {
	cut := wire - len(p)
	if cut > 0 {
		p = append(make([]byte, 0, wire), p...)[:wire]
	}
	data, err := w.packet.build(s, at, p, last)
	if err != nil {
		return failed(err)
	}
	ci := gopacket.CaptureInfo{
		Timestamp: time.Unix(0, s.Time+w.opt.Offset), Length: len(data), CaptureLength: len(data) - cut,
	}
	size := int64(ci.CaptureLength + blockOverhead)
	if w.opt.MaxBytes > 0 && w.size+size > w.opt.MaxBytes {
		return ErrFull
	}
	w.size += size
	if err := w.out.WritePacket(ci, data[:ci.CaptureLength]); err != nil {
		return failed(err)
	}
	return nil
}

// build returns the packet, valid until the next call.
func (k *packet) build(s *event.Segment, at int, p []byte, last bool) ([]byte, error) {
	src, dst := s.Flow.Client.AddrPort(), s.Flow.Server.AddrPort()
	if s.Dir == event.Response {
		src, dst = dst, src
	}
	flag := func(f event.Flags) bool { return s.Flags&f != 0 }
	seq := s.Seq + uint32(at)
	if at > 0 && flag(event.SYN) {
		seq++
	}
	k.tcp = layers.TCP{
		SrcPort: layers.TCPPort(src.Port()), DstPort: layers.TCPPort(dst.Port()),
		Seq: seq, Ack: s.Ack, Window: 0xffff,
		SYN: flag(event.SYN) && at == 0, RST: flag(event.RST), ACK: flag(event.ACK),
		PSH: flag(event.PSH) && last, FIN: flag(event.FIN) && last,
	}
	if k.buf == nil {
		k.buf = gopacket.NewSerializeBuffer()
	}
	opt := gopacket.SerializeOptions{FixLengths: true, ComputeChecksums: true}
	srcIP, dstIP := net.IP(src.Addr().AsSlice()), net.IP(dst.Addr().AsSlice())
	if src.Addr().Is4() && dst.Addr().Is4() {
		k.ip4 = layers.IPv4{Version: 4, TTL: 64, Protocol: layers.IPProtocolTCP, SrcIP: srcIP, DstIP: dstIP}
		if err := k.tcp.SetNetworkLayerForChecksum(&k.ip4); err != nil {
			return nil, err
		}
		err := gopacket.SerializeLayers(k.buf, opt, &k.ip4, &k.tcp, gopacket.Payload(p))
		return k.buf.Bytes(), err
	}
	k.ip6 = layers.IPv6{Version: 6, HopLimit: 64, NextHeader: layers.IPProtocolTCP, SrcIP: srcIP.To16(), DstIP: dstIP.To16()}
	if err := k.tcp.SetNetworkLayerForChecksum(&k.ip6); err != nil {
		return nil, err
	}
	err := gopacket.SerializeLayers(k.buf, opt, &k.ip6, &k.tcp, gopacket.Payload(p))
	return k.buf.Bytes(), err
}
