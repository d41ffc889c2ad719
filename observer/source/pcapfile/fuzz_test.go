// SPDX-License-Identifier: Apache-2.0

package pcapfile

import (
	"bytes"
	"testing"
	"time"

	"github.com/google/gopacket"
	"github.com/google/gopacket/layers"
	"github.com/google/gopacket/pcapgo"
)

// readAll reads a file by next and copies its packets.
func readAll(b, buf []byte) (frames []frame, err error) {
	in, err := newInput(bytes.NewReader(b))
	if err != nil {
		return nil, err
	}
	open := openPcap
	if bytes.HasPrefix(b, []byte("\n\r\r\n")) {
		open = openPcapng
	}
	read, err := open(in)
	if err != nil {
		return nil, err
	}
	for {
		var f frame
		if err := read(&f, buf); err != nil {
			return frames, err
		}
		f.data = bytes.Clone(f.data)
		frames = append(frames, f)
	}
}

// FuzzRead compares with pcapgo as far as that gets without panic: a packet
// that both read is the same.
func FuzzRead(f *testing.F) {
	frames := conversation(f)
	f.Add(pcapOf(f, true, frames))
	f.Add(pcapOf(f, false, frames[:1]))
	f.Add(pcapngOf(f, frames))
	buf := make([]byte, maxFrame)
	f.Fuzz(func(t *testing.T, b []byte) {
		if len(b) > 1 && b[0] == 0x1f && b[1] == 0x8b {
			return // the fuzzer's business is not gzip
		}
		ours, _ := readAll(b, buf)
		for i, theirs := range second(b, len(ours)) {
			if !bytes.Equal(ours[i].data, theirs.data) || ours[i].wire != theirs.wire {
				t.Fatalf("packet %d: %d of %d bytes, want %d of %d", i, len(ours[i].data), ours[i].wire, len(theirs.data), theirs.wire)
			}
		}
	})
}

// second reads up to n packets of b with pcapgo. Beyond what our reader
// accepts it is not asked: it allocates what a damaged length says.
func second(b []byte, n int) (frames []frame) {
	defer func() { _ = recover() }() // its own faults
	var src gopacket.PacketDataSource
	if bytes.HasPrefix(b, []byte("\n\r\r\n")) {
		r, err := pcapgo.NewNgReader(bytes.NewReader(b), pcapgo.NgReaderOptions{WantMixedLinkType: true})
		if err != nil {
			return nil
		}
		src = r
	} else {
		r, err := pcapgo.NewReader(bytes.NewReader(b))
		if err != nil {
			return nil
		}
		src = r
	}
	for len(frames) < n {
		data, ci, err := src.ReadPacketData()
		if err != nil {
			break
		}
		if len(ci.AncillaryData) > 0 {
			if _, err := linkOf(uint32(ci.AncillaryData[0].(layers.LinkType))); err != nil {
				continue
			}
		}
		frames = append(frames, frame{data: data, wire: ci.Length, time: ci.Timestamp.UnixNano()})
	}
	return frames
}

func TestTimesLikePcapgo(t *testing.T) {
	for name, b := range map[string][]byte{
		"µs": pcapOf(t, false, conversation(t)), "ns": pcapOf(t, true, conversation(t)), "ng": pcapngOf(t, conversation(t)),
	} {
		ours, _ := readAll(b, make([]byte, maxFrame))
		theirs := second(b, len(ours))
		if len(ours) != 4 || len(theirs) != 4 {
			t.Fatalf("%s: %d and %d packets", name, len(ours), len(theirs))
		}
		for i := range ours {
			if ours[i].time != theirs[i].time {
				t.Errorf("%s: %d and %d", name, ours[i].time, theirs[i].time)
			}
		}
	}
}

func TestTimeResolutions(t *testing.T) {
	for _, c := range []struct {
		i     iface
		units uint64
		want  time.Duration
	}{
		{iface{resol: 6}, 1_500_000, 1500 * time.Millisecond},
		{iface{resol: 9}, 1_500_000_001, 1500*time.Millisecond + 1},
		{iface{resol: 12}, 1_500_000_001_999, 1500*time.Millisecond + 1},
		{iface{resol: 0x80 | 10}, 1536, 1500 * time.Millisecond},
		{iface{resol: 0x80 | 63}, 3 << 62, 1500 * time.Millisecond},
		{iface{resol: 3, offset: 10}, 1500, 11500 * time.Millisecond},
		{iface{resol: 0, offset: -10}, 30, 20 * time.Second},
	} {
		if got := c.i.time(c.units); got != int64(c.want) {
			t.Errorf("resolution %#x: %d is %d ns, want %d", c.i.resol, c.units, got, int64(c.want))
		}
	}
}
