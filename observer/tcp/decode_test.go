// SPDX-License-Identifier: Apache-2.0

package tcp

import (
	"bytes"
	"encoding/binary"
	"net"
	"testing"

	"github.com/google/gopacket"
	"github.com/google/gopacket/layers"

	"github.com/modeltap/modeltap/observer/event"
)

// build serialises layers, the last of them a TCP header without ports set
// otherwise, and a payload.
func build(t testing.TB, payload []byte, ls ...gopacket.SerializableLayer) []byte {
	t.Helper()
	var network gopacket.NetworkLayer
	for _, l := range ls {
		switch l := l.(type) {
		case *layers.IPv4:
			network = l
		case *layers.IPv6:
			network = l
		case *layers.TCP:
			if err := l.SetNetworkLayerForChecksum(network); err != nil {
				t.Fatal(err)
			}
		}
	}
	buf := gopacket.NewSerializeBuffer()
	opts := gopacket.SerializeOptions{FixLengths: true, ComputeChecksums: true}
	if err := gopacket.SerializeLayers(buf, opts, append(ls, gopacket.Payload(payload))...); err != nil {
		t.Fatal(err)
	}
	return buf.Bytes()
}

func ip4() *layers.IPv4 {
	return &layers.IPv4{Version: 4, IHL: 5, TTL: 64, Protocol: layers.IPProtocolTCP,
		SrcIP: net.IPv4(10, 0, 0, 2).To4(), DstIP: net.IPv4(10, 0, 0, 1).To4()}
}

func ip6() *layers.IPv6 {
	return &layers.IPv6{Version: 6, HopLimit: 64, NextHeader: layers.IPProtocolTCP,
		SrcIP: net.ParseIP("fd00::2"), DstIP: net.ParseIP("fd00::1")}
}

func tcpHeader() *layers.TCP {
	return &layers.TCP{SrcPort: 40000, DstPort: 8000, Seq: 0xfffffff0, Ack: 77, ACK: true, PSH: true, Window: 100,
		Options: []layers.TCPOption{{OptionType: layers.TCPOptionKindTimestamps, OptionLength: 10, OptionData: make([]byte, 8)}}}
}

func ether(kind layers.EthernetType) *layers.Ethernet {
	return &layers.Ethernet{SrcMAC: make(net.HardwareAddr, 6), DstMAC: make(net.HardwareAddr, 6), EthernetType: kind}
}

func vlan(kind layers.EthernetType) *layers.Dot1Q {
	return &layers.Dot1Q{VLANIdentifier: 7, Type: kind}
}

func TestDecodeLinks(t *testing.T) {
	v4, v6 := build(t, []byte("hello"), ip4(), tcpHeader()), build(t, []byte("hello"), ip6(), tcpHeader())
	cooked := append([]byte{0, 4, 3, 4, 0, 6, 0, 0, 0, 0, 0, 0, 0, 0, 8, 0}, v4...)
	cooked2 := append([]byte{0x86, 0xdd, 0, 0, 0, 0, 0, 1, 3, 4, 4, 6, 0, 0, 0, 0, 0, 0, 0, 0}, v6...)
	padded := append(build(t, []byte("hello"), ether(layers.EthernetTypeIPv4), ip4(), tcpHeader()), make([]byte, 20)...)
	for name, c := range map[string]struct {
		link  Link
		frame []byte
		v6    bool
	}{
		"raw v4":      {Raw, v4, false},
		"raw v6":      {Raw, v6, true},
		"ethernet v6": {Ethernet, build(t, []byte("hello"), ether(layers.EthernetTypeIPv6), ip6(), tcpHeader()), true},
		"padded":      {Ethernet, padded, false},
		"vlan": {Ethernet, build(t, []byte("hello"), ether(layers.EthernetTypeDot1Q),
			vlan(layers.EthernetTypeDot1Q), vlan(layers.EthernetTypeIPv4), ip4(), tcpHeader()), false},
		"null":    {Loopback, append([]byte{2, 0, 0, 0}, v4...), false},
		"loop":    {Loopback, append([]byte{0, 0, 0, 30}, v6...), true},
		"cooked":  {Cooked, cooked, false},
		"cooked2": {Cooked2, cooked2, true},
	} {
		src, dst := "10.0.0.2:40000", "10.0.0.1:8000"
		if c.v6 {
			src, dst = "[fd00::2]:40000", "[fd00::1]:8000"
		}
		var p Packet
		if v := Decode(c.link, c.frame, len(c.frame), &p); v != IsTCP {
			t.Errorf("%s: verdict %d", name, v)
			continue
		}
		if p.Src != endpoint(src) || p.Dst != endpoint(dst) || p.Seq != 0xfffffff0 || p.Ack != 77 ||
			p.Flags != event.ACK|event.PSH || p.Len != 5 || string(p.Payload) != "hello" {
			t.Errorf("%s: %+v", name, p)
		}
		for cut := range c.frame { // every truncation is refused or a prefix
			var q Packet
			if Decode(c.link, c.frame[:cut], len(c.frame), &q) == IsTCP && (q.Len != 5 || !bytes.HasPrefix([]byte("hello"), q.Payload)) {
				t.Fatalf("%s cut to %d: %+v", name, cut, q)
			}
		}
	}
}

// TestDecodeBigTCP has what gopacket misreads: IP packets that state no
// length, or one in a jumbo payload option (RFC 2675).
func TestDecodeBigTCP(t *testing.T) {
	payload := make([]byte, 100_000)
	v4 := append(build(t, nil, ip4(), tcpHeader()), payload...)
	binary.BigEndian.PutUint16(v4[2:], 0)
	v6 := append(build(t, nil, ip6(), tcpHeader()), payload...)
	binary.BigEndian.PutUint16(v6[4:], 0)
	jumbo := append(bytes.Clone(v6[:40]), 6, 0, 0xc2, 4, 0, 0, 0, 0)
	jumbo[6] = 0
	binary.BigEndian.PutUint32(jumbo[44:], uint32(len(v6)-40+8))
	jumbo = append(jumbo, v6[40:]...)
	for name, frame := range map[string][]byte{"v4": v4, "v6": v6, "jumbo": jumbo} {
		var p Packet
		if v := Decode(Raw, frame[:5000], len(frame), &p); v != IsTCP || p.Len != 100_000 {
			t.Errorf("%s: verdict %d, %d bytes", name, v, p.Len)
		}
	}
}

func TestDecodeRefuses(t *testing.T) {
	udp := build(t, nil, &layers.IPv4{Version: 4, IHL: 5, Protocol: layers.IPProtocolUDP, SrcIP: net.IPv4zero.To4(), DstIP: net.IPv4zero.To4()})
	first := ip4()
	first.Flags = layers.IPv4MoreFragments
	later := ip4()
	later.FragOffset = 100
	badOffset := build(t, nil, ip4(), tcpHeader())
	badOffset[20+12] = 0x10
	for name, c := range map[string]struct {
		frame []byte
		want  Verdict
	}{
		"udp":        {udp, NotTCP},
		"arp":        {[]byte{0x00}, NotTCP},
		"empty":      {nil, Malformed},
		"fragment 1": {build(t, nil, first, tcpHeader()), Fragment},
		"fragment 2": {build(t, nil, later, tcpHeader()), Fragment},
		"offset":     {badOffset, Malformed},
	} {
		var p Packet
		if v := Decode(Raw, c.frame, len(c.frame), &p); v != c.want {
			t.Errorf("%s: verdict %d, want %d", name, v, c.want)
		}
	}
}

// FuzzDecode compares with gopacket's layers wherever those find TCP.
func FuzzDecode(f *testing.F) {
	f.Add(build(f, []byte("hello"), ether(layers.EthernetTypeIPv4), ip4(), tcpHeader()))
	f.Add(build(f, []byte("hello"), ether(layers.EthernetTypeIPv6), ip6(), tcpHeader()))
	f.Add(build(f, []byte("hello"), ether(layers.EthernetTypeDot1Q), vlan(layers.EthernetTypeIPv4), ip4(), tcpHeader()))
	f.Fuzz(func(t *testing.T, frame []byte) {
		var p Packet
		for link := range Link(5) {
			Decode(link, frame, len(frame), &p)
		}
		p = Packet{}
		verdict := Decode(Ethernet, frame, len(frame), &p)
		if verdict == IsTCP && len(p.Payload) > int(p.Len) {
			t.Fatalf("%d bytes of %d", len(p.Payload), p.Len)
		}
		pkt := gopacket.NewPacket(frame, layers.LayerTypeEthernet, gopacket.NoCopy)
		want, _ := pkt.Layer(layers.LayerTypeTCP).(*layers.TCP)
		if want == nil || pkt.ErrorLayer() != nil || pkt.Metadata().Truncated || !plain(pkt) {
			return
		}
		if verdict != IsTCP || uint16(want.SrcPort) != p.Src.Port || uint16(want.DstPort) != p.Dst.Port ||
			want.Seq != p.Seq || want.Ack != p.Ack || !bytes.Equal(want.Payload, p.Payload) || int(p.Len) != len(p.Payload) {
			t.Fatalf("verdict %d, %+v\nwant %v", verdict, p, pkt)
		}
		src, dst := pkt.NetworkLayer().NetworkFlow().Endpoints()
		if !net.IP(p.Src.IP[:]).Equal(src.Raw()) || !net.IP(p.Dst.IP[:]).Equal(dst.Raw()) {
			t.Fatalf("%v to %v, want %v to %v", p.Src, p.Dst, src, dst)
		}
	})
}

// plain says whether pkt is of the stacks in which gopacket is trusted: one IP
// header that states its length, below it Ethernet and a few VLAN tags.
func plain(pkt gopacket.Packet) bool {
	tags := 0
	for i, l := range pkt.Layers() {
		switch l := l.(type) {
		case *layers.Ethernet:
			if i != 0 || l.Length != 0 {
				return false
			}
		case *layers.Dot1Q:
			tags++
		case *layers.IPv4:
			return tags < maxHeaders && l.Version == 4 && l.Length != 0 && pkt.Layers()[i+1].LayerType() == layers.LayerTypeTCP
		case *layers.IPv6:
			return tags < maxHeaders && l.Version == 6 && l.Length != 0 && pkt.Layers()[i+1].LayerType() == layers.LayerTypeTCP
		default:
			return false
		}
	}
	return false
}

func BenchmarkDecode(b *testing.B) {
	frame := build(b, make([]byte, 250), ether(layers.EthernetTypeIPv4), ip4(), tcpHeader())
	var p Packet
	b.ReportAllocs()
	for b.Loop() {
		if Decode(Ethernet, frame, len(frame), &p) != IsTCP {
			b.Fatal("not TCP")
		}
	}
}
