// SPDX-License-Identifier: Apache-2.0

package record_test

import (
	"bytes"
	"io"
	"math/rand/v2"
	"net/netip"
	"testing"

	"github.com/google/gopacket"
	"github.com/google/gopacket/layers"
	"github.com/google/gopacket/pcapgo"

	"github.com/modeltap/modeltap/observer/event"
	"github.com/modeltap/modeltap/observer/record"
	"github.com/modeltap/modeltap/observer/source/pcapfile"
)

// write records segments in batches of the given size.
func write(t testing.TB, opt record.Options, segs []event.Segment, batch int) []byte {
	t.Helper()
	var out bytes.Buffer
	w, err := record.NewWriter(&out, opt)
	if err != nil {
		t.Fatal(err)
	}
	for len(segs) > 0 {
		n := min(batch, len(segs))
		if err := w.Segments(segs[:n]); err != nil {
			t.Fatal(err)
		}
		segs = segs[n:]
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

// read returns the segments that our own reader makes of a file.
func read(t testing.TB, file []byte) []event.Segment {
	t.Helper()
	var all []event.Segment
	src := pcapfile.New(pcapfile.Config{
		Path: "-", Stdin: bytes.NewReader(file),
		Server: func(e event.Endpoint) bool { return e.Port == 8000 },
	})
	if err := src.Run(t.Context(), func(batch []event.Segment, _ int64) {
		for _, s := range batch {
			s.Payload = bytes.Clone(s.Payload)
			all = append(all, s)
		}
	}, nil); err != nil {
		t.Fatal(err)
	}
	return all
}

// someSegments are of several connections of both address families, of every
// size that a packet has, cut off and skipped ones among them. Each is short
// enough for one packet.
func someSegments(rnd *rand.Rand) []event.Segment {
	clients := []string{"127.0.0.1:40000", "10.9.8.7:50000", "[::1]:40001", "[2001:db8::9]:40002", "[::ffff:10.0.0.9]:40003"}
	servers := []string{"127.0.0.1:8000", "10.0.0.1:8000", "[::1]:8000", "[2001:db8::1]:8000", "[::ffff:10.0.0.1]:8000"}
	var segs []event.Segment
	now := int64(1_700_000_000_000_000_000)
	for range 300 {
		i := rnd.IntN(len(clients))
		now += rnd.Int64N(1e9)
		s := event.Segment{
			Time: now, Dir: event.Direction(rnd.IntN(2)), Seq: rnd.Uint32(), Ack: rnd.Uint32(),
			Flow:    event.Flow{Client: event.EndpointOf(netip.MustParseAddrPort(clients[i])), Server: event.EndpointOf(netip.MustParseAddrPort(servers[i]))},
			Flags:   event.ACK | []event.Flags{0, event.PSH, event.FIN, event.RST, event.SYN}[rnd.IntN(5)],
			Payload: bytes.Repeat([]byte("secret "), rnd.IntN(1+1<<rnd.IntN(12))),
		}
		s.Len = uint32(len(s.Payload))
		switch rnd.IntN(6) {
		case 0: // cut off by the source
			s.Payload = s.Payload[:rnd.IntN(len(s.Payload)+1)]
		case 1:
			s.Payload, s.Flags = nil, s.Flags|event.Skipped
		}
		segs = append(segs, s)
	}
	return segs
}

// TestEveryReaderReadsIt writes segments of every kind and reads them with
// gopacket, layer by layer, and with our own reader.
func TestEveryReaderReadsIt(t *testing.T) {
	for seed := range uint64(5) {
		segs := someSegments(rand.New(rand.NewPCG(seed, 1)))
		file := write(t, record.Options{}, segs, 7)
		if bytes.Contains(file, []byte("secret")) {
			t.Fatal("the secret is in the file")
		}
		ours := read(t, file)
		r, err := pcapgo.NewNgReader(bytes.NewReader(file), pcapgo.DefaultNgReaderOptions)
		if err != nil {
			t.Fatal(err)
		}
		if len(ours) != len(segs) {
			t.Fatalf("our reader finds %d segments, want %d", len(ours), len(segs))
		}
		for i, want := range segs {
			have := uint32(len(want.Payload))
			if want.Flags&event.Skipped != 0 {
				have = want.Len // stands in the file as bytes without meaning
			}
			got := ours[i]
			if got.Time != want.Time || got.Flow != want.Flow || got.Dir != want.Dir || got.Seq != want.Seq || got.Ack != want.Ack ||
				got.Flags&0xff != want.Flags&0xff || got.Len != want.Len || uint32(len(got.Payload)) != have {
				t.Fatalf("segment %d: our reader says %+v, want %+v", i, got, want)
			}
			data, ci, err := r.ReadPacketData()
			if err != nil {
				t.Fatal(err)
			}
			if ci.Timestamp.UnixNano() != want.Time {
				t.Fatalf("segment %d: gopacket says %v, want %d", i, ci.Timestamp, want.Time)
			}
			checkLayers(t, i, data, ci, want, have)
		}
		if _, _, err := r.ReadPacketData(); err != io.EOF {
			t.Errorf("gopacket, behind the last packet: %v", err)
		}
	}
}

// checkLayers reads one packet as Wireshark would.
func checkLayers(t *testing.T, i int, data []byte, ci gopacket.CaptureInfo, want event.Segment, have uint32) {
	t.Helper()
	first := layers.LayerTypeIPv4
	if data[0]>>4 == 6 {
		first = layers.LayerTypeIPv6
	}
	p := gopacket.NewPacket(data, first, gopacket.Default)
	tcp, ok := p.Layer(layers.LayerTypeTCP).(*layers.TCP)
	if !ok {
		t.Fatalf("segment %d: no TCP in %v", i, p)
	}
	if tcp.Seq != want.Seq || tcp.FIN != (want.Flags&event.FIN != 0) || tcp.SYN != (want.Flags&event.SYN != 0) || tcp.RST != (want.Flags&event.RST != 0) {
		t.Fatalf("segment %d: gopacket says %+v", i, tcp)
	}
	if n := uint32(len(tcp.LayerPayload())); n != have || uint32(ci.Length-ci.CaptureLength) != want.Len-have {
		t.Fatalf("segment %d: %d bytes and %d cut off, want %d and %d", i, n, ci.Length-ci.CaptureLength, have, want.Len-have)
	}
	src, _ := netip.AddrFromSlice(p.NetworkLayer().NetworkFlow().Src().Raw())
	from := want.Flow.Client
	if want.Dir == event.Response {
		from = want.Flow.Server
	}
	if src.Unmap() != from.AddrPort().Addr() || uint16(tcp.SrcPort) != from.Port {
		t.Fatalf("segment %d: from %v:%d, want %v", i, src, tcp.SrcPort, from.AddrPort())
	}
	if ci.Length == ci.CaptureLength {
		if err := tcp.SetNetworkLayerForChecksum(p.NetworkLayer()); err != nil {
			t.Fatal(err)
		}
		// Over a header that has its checksum, the sum is 0 (RFC 9293 section 3.1).
		if sum, err := tcp.ComputeChecksum(); err != nil || sum != 0 {
			t.Fatalf("segment %d: checksum off by %#x, %v", i, sum, err)
		}
	}
}

// TestMaskingTwice: a recording of a replayed recording is the recording.
func TestMaskingTwice(t *testing.T) {
	for _, size := range []int{1 << 20, 97, 7} {
		once := write(t, record.Options{}, talk(size), 5)
		again := write(t, record.Options{}, read(t, once), 11)
		if !bytes.Equal(once, again) {
			t.Errorf("segments of %d bytes: masked text is masked otherwise", size)
		}
	}
}
