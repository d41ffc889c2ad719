// SPDX-License-Identifier: Apache-2.0

package record

import (
	"bytes"
	"errors"
	"io"
	"net/netip"
	"testing"

	"github.com/google/gopacket/pcapgo"

	"github.com/modeltap/modeltap/observer/event"
	"github.com/modeltap/modeltap/observer/tcp"
)

var testFlow = event.Flow{
	Server: event.EndpointOf(netip.MustParseAddrPort("127.0.0.1:8000")),
	Client: event.EndpointOf(netip.MustParseAddrPort("127.0.0.1:40000")),
}

// talk builds the segments of one connection.
type talk struct {
	seq  [2]uint32
	time int64
	segs []event.Segment
}

func newTalk() *talk {
	t := &talk{seq: [2]uint32{0xffffff00, 5000}, time: 1e9}
	t.add(event.Request, event.SYN, nil)
	t.add(event.Response, event.SYN|event.ACK, nil)
	return t
}

func (t *talk) add(d event.Direction, f event.Flags, p []byte) {
	t.time += 1_000_001
	t.segs = append(t.segs, event.Segment{
		Time: t.time, Flow: testFlow, Dir: d, Seq: t.seq[d], Ack: t.seq[1-d], Flags: f, Len: uint32(len(p)), Payload: p,
	})
	t.seq[d] += uint32(len(p))
	if f&(event.SYN|event.FIN) != 0 {
		t.seq[d]++
	}
}

func (t *talk) data(d event.Direction, pieces ...string) {
	for _, p := range pieces {
		t.add(d, event.ACK|event.PSH, []byte(p))
	}
}

// file records segments and returns the file.
func file(t testing.TB, opt Options, segs []event.Segment) []byte {
	t.Helper()
	var out bytes.Buffer
	w, err := NewWriter(&out, opt)
	if err != nil {
		t.Fatal(err)
	}
	if err := w.Segments(segs); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

type captured struct {
	time int64
	tcp.Packet
}

// packets reads a file with gopacket's reader and our decoder.
func packets(t testing.TB, b []byte) []captured {
	t.Helper()
	r, err := pcapgo.NewNgReader(bytes.NewReader(b), pcapgo.DefaultNgReaderOptions)
	if err != nil {
		t.Fatal(err)
	}
	var out []captured
	for {
		data, ci, err := r.ReadPacketData()
		if errors.Is(err, io.EOF) {
			return out
		}
		if err != nil {
			t.Fatal(err)
		}
		p := captured{time: ci.Timestamp.UnixNano()}
		if v := tcp.Decode(tcp.Raw, data, ci.Length, &p.Packet); v != tcp.IsTCP {
			t.Fatalf("packet %d: verdict %d", len(out), v)
		}
		out = append(out, p)
	}
}

// streams joins the payloads of each direction.
func streams(all []captured) (s [2]string) {
	for _, p := range all {
		d := event.Request
		if p.Src == testFlow.Server {
			d = event.Response
		}
		s[d] += string(p.Payload)
	}
	return s
}

// masked records one conversation, each direction in the given pieces, and
// returns what a reader of the file sees.
func masked(t testing.TB, opt Options, request, response []string) (string, string) {
	t.Helper()
	c := newTalk()
	c.data(event.Request, request...)
	c.data(event.Response, response...)
	s := streams(packets(t, file(t, opt, c.segs)))
	return s[0], s[1]
}

// bytewise cuts s into pieces of one byte.
func bytewise(s string) []string {
	var out []string
	for i := range len(s) {
		out = append(out, s[i:i+1])
	}
	return out
}
