// SPDX-License-Identifier: Apache-2.0

package bpf

import (
	"fmt"
	"net/netip"
	"testing"
)

// TestPayload sends each size at and beside the border of a size class through
// each form of header. A test run takes a packet of one page at most: the
// larger classes and the pieces are tested with real sockets, by the reader.
func TestPayload(t *testing.T) {
	sizes := []int{1, 2, 63, 250}
	for _, class := range []int{128, 264, 512, 1024, 2048} {
		sizes = append(sizes, class-1, class, class+1)
	}
	forms := map[string]func(*segment){
		"plain":       func(*segment) {},
		"TCP options": func(s *segment) { s.tcpOptions = 40 },
		"IP options":  func(s *segment) { s.ipOptions = 40; s.hopByHop = 24 },
		"FIN":         func(s *segment) { s.flags |= 0x09 },
	}
	rigs(t, Options{MaxRequestBytes: 1 << 30}, func(t *testing.T, r *rig) {
		for name, form := range forms {
			for i := range 4 {
				dir, v6 := i&1, i&2 != 0
				for _, n := range sizes {
					s := sent(dir, v6)
					s.payload = text(n)
					form(&s)
					t.Run(fmt.Sprintf("%s/%v/v6=%v/%d", name, dir, v6, n), func(t *testing.T) {
						heads, payload := r.run(t, dir, s.packet())
						if len(heads) != 1 {
							t.Errorf("%d records, want 1", len(heads))
						}
						checkRecords(t, s, dir, heads, payload)
					})
				}
			}
		}
	})
}

func TestWithoutPayload(t *testing.T) {
	rigs(t, Options{}, func(t *testing.T, r *rig) {
		for flags, want := range map[byte]int{0x10: 0, 0x18: 0, 0x02: 1, 0x12: 1, 0x11: 1, 0x04: 1, 0x14: 1} {
			for i := range 4 {
				dir := i & 1
				s := sent(dir, i&2 != 0)
				s.flags = flags
				heads, payload := r.run(t, dir, s.packet())
				if len(heads) != want {
					t.Errorf("flags %#x, direction %d: %d records, want %d", flags, dir, len(heads), want)
				}
				checkRecords(t, s, dir, heads, payload)
			}
		}
		// A window of zero on a pure acknowledgment is taken note of, silently.
		s := sent(0, false)
		s.window = 0
		if heads, _ := r.run(t, 0, s.packet()); len(heads) != 0 {
			t.Errorf("%d records of a closed window", len(heads))
		}
	})
}

func TestPassesOver(t *testing.T) {
	withPort := func(a netip.AddrPort, port uint16) netip.AddrPort { return netip.AddrPortFrom(a.Addr(), port) }
	cases := map[string]func(*segment, int){
		"UDP": func(s *segment, _ int) { s.protocol = 17 },
		"other port": func(s *segment, dir int) {
			if dir == 0 {
				s.to = withPort(s.to, serverPort+1)
			} else {
				s.from = withPort(s.from, serverPort+1)
			}
		},
		// The client's side of a conversation on one host.
		"other side": func(s *segment, _ int) { s.from, s.to = s.to, s.from },
	}
	rigs(t, Options{}, func(t *testing.T, r *rig) {
		for name, change := range cases {
			for i := range 4 {
				dir := i & 1
				s := sent(dir, i&2 != 0)
				s.payload = text(100)
				change(&s, dir)
				if heads, _ := r.run(t, dir, s.packet()); len(heads) != 0 {
					t.Errorf("%s, direction %d: recorded %+v", name, dir, heads)
				}
			}
		}
		for _, cut := range []int{20, 30, 39} {
			s := sent(0, false)
			packet := s.packet()[:cut]
			if heads, _ := r.run(t, 0, packet); len(heads) != 0 {
				t.Errorf("a packet of %d bytes: recorded %+v", cut, heads)
			}
		}
		if c, err := r.Counters(); err != nil || c != (Counters{}) {
			t.Errorf("counted %+v, %v", c, err)
		}
	})
}

// TestFullRing fills a ring that nobody reads.
func TestFullRing(t *testing.T) {
	rigs(t, Options{RingSize: 1 << 14, MaxRequestBytes: 1 << 30}, func(t *testing.T, r *rig) {
		r.reader.Close()
		const runs, size = 100, 1000
		s := sent(0, false)
		s.payload = text(size)
		for range runs {
			if err := r.push(0, s.packet()); err != nil {
				t.Fatal(err)
			}
		}
		c, err := r.Counters()
		if err != nil {
			t.Fatal(err)
		}
		// 1000 bytes take a slot of 1024, its head and the kernel's 8.
		slots := uint64((1 << 14) / (1024 + RecordSize + 8))
		if c.Packets[0] != runs || c.Bytes[0] != runs*size || c.RingFull[0] < runs-slots || c.RingFull[0] > runs-slots+1 ||
			c.RingFullBytes[0] != size*c.RingFull[0] || c.CopyFailed[0] != 0 || c.Packets[1] != 0 {
			t.Errorf("counted %+v", c)
		}
	})
}
