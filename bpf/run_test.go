// SPDX-License-Identifier: Apache-2.0

package bpf

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/netip"
	"os"
	"testing"
	"time"
	"unsafe"

	"github.com/cilium/ebpf"
	"github.com/cilium/ebpf/ringbuf"
)

const serverPort, clientPort = 8000, 40404

// rig runs the programs on packets that a test has made up, without a socket
// (BPF_PROG_TEST_RUN): their socket has port 0, which is therefore watched.
type rig struct {
	*Tap
	reader *ringbuf.Reader
}

// rigs calls f with both objects.
func rigs(t *testing.T, o Options, f func(*testing.T, *rig)) {
	if os.Getuid() != 0 {
		t.Skip("needs root: loads BPF programs")
	}
	for _, unrolled := range []bool{false, true} {
		t.Run(fmt.Sprintf("unrolled=%v", unrolled), func(t *testing.T) {
			o.Unrolled = unrolled
			tap, err := Load(o)
			if err != nil {
				t.Fatal(err)
			}
			defer tap.Close()
			if err := tap.SetPorts([]uint16{0, serverPort}); err != nil {
				t.Fatal(err)
			}
			reader, err := ringbuf.NewReader(tap.Records())
			if err != nil {
				t.Fatal(err)
			}
			defer reader.Close()
			f(t, &rig{tap, reader})
		})
	}
}

// run passes packet (from the IP header on) through the program of dir and
// returns the records that came of it, payload behind.
func (r *rig) run(t *testing.T, dir int, packet []byte) (heads []Record, payload []byte) {
	t.Helper()
	if err := r.push(dir, packet); err != nil {
		t.Fatal(err)
	}
	r.reader.SetDeadline(time.Unix(1, 0)) // what is there is there
	for {
		record, err := r.reader.Read()
		if errors.Is(err, os.ErrDeadlineExceeded) {
			return heads, payload
		}
		if err != nil {
			t.Fatal(err)
		}
		head := *(*Record)(unsafe.Pointer(&record.RawSample[0]))
		heads = append(heads, head)
		payload = append(payload, record.RawSample[RecordSize:RecordSize+int(head.Captured)]...)
	}
}

// segment describes a packet to make.
type segment struct {
	from, to   netip.AddrPort
	flags      byte
	seq, ack   uint32
	window     uint16
	ipOptions  int // bytes, a multiple of 4
	tcpOptions int
	hopByHop   int // bytes of extension header, a multiple of 8
	protocol   byte
	payload    []byte
}

func (s segment) packet() []byte {
	tcp := make([]byte, 20+s.tcpOptions)
	binary.BigEndian.PutUint16(tcp, s.from.Port())
	binary.BigEndian.PutUint16(tcp[2:], s.to.Port())
	binary.BigEndian.PutUint32(tcp[4:], s.seq)
	binary.BigEndian.PutUint32(tcp[8:], s.ack)
	tcp[12], tcp[13] = byte(len(tcp)/4)<<4, s.flags
	binary.BigEndian.PutUint16(tcp[14:], s.window)
	tcp = append(tcp, s.payload...)
	if s.protocol == 0 {
		s.protocol = 6
	}
	if s.from.Addr().Is4() {
		ip := make([]byte, 20+s.ipOptions)
		ip[0] = 0x40 | byte(len(ip)/4)
		binary.BigEndian.PutUint16(ip[2:], uint16(len(ip)+len(tcp)))
		ip[9] = s.protocol
		copy(ip[12:], s.from.Addr().AsSlice())
		copy(ip[16:], s.to.Addr().AsSlice())
		return append(ip, tcp...)
	}
	ip := make([]byte, 40+s.hopByHop)
	ip[0], ip[6] = 0x60, s.protocol
	if s.hopByHop > 0 {
		ip[6], ip[40], ip[41] = 0, s.protocol, byte(s.hopByHop/8-1)
	}
	copy(ip[8:], s.from.Addr().AsSlice())
	copy(ip[24:], s.to.Addr().AsSlice())
	return append(ip, tcp...)
}

// sent returns a segment of the given direction over IPv4 or IPv6.
func sent(dir int, v6 bool) segment {
	client := netip.AddrPortFrom(netip.MustParseAddr("192.0.2.7"), clientPort)
	server := netip.AddrPortFrom(netip.MustParseAddr("198.51.100.9"), serverPort)
	if v6 {
		client = netip.AddrPortFrom(netip.MustParseAddr("2001:db8::7"), clientPort)
		server = netip.AddrPortFrom(netip.MustParseAddr("2001:db8::9"), serverPort)
	}
	s := segment{from: client, to: server, flags: 0x10, seq: 0xfffffff0, ack: 77, window: 512}
	if dir == 1 {
		s.from, s.to = s.to, s.from
	}
	return s
}

func text(n int) []byte {
	b := make([]byte, n)
	r := rand.New(rand.NewPCG(2, uint64(n)))
	for i := range b {
		b[i] = byte(r.Uint32())
	}
	return b
}

// checkRecords holds the records of one segment against it.
func checkRecords(t *testing.T, s segment, dir int, heads []Record, payload []byte) {
	t.Helper()
	if !bytes.Equal(payload, s.payload) {
		t.Fatalf("%d bytes captured of %d, or others", len(payload), len(s.payload))
	}
	server, client := s.to, s.from
	if dir == 1 {
		server, client = client, server
	}
	next := s.seq
	for i, h := range heads {
		flags := uint16(s.flags)
		if i < len(heads)-1 {
			flags &^= 0x0d // FIN, RST and PSH belong to the last piece
		}
		if dir == 1 {
			flags |= 1 << 9 // Ordered
		}
		if h.Kind != KindData || int(h.Dir) != dir || h.Flags != flags || h.Seq != next || h.Ack != s.ack || h.Len != uint32(h.Captured) {
			t.Errorf("piece %d: %+v", i, h)
		}
		if h.Server != server.Addr().As16() || h.Client != client.Addr().As16() ||
			h.ServerPort != server.Port() || h.ClientPort != client.Port() {
			t.Errorf("piece %d: flow %v:%d %v:%d", i, h.Server, h.ServerPort, h.Client, h.ClientPort)
		}
		if h.Time == 0 || h.Cookie == 0 {
			t.Errorf("piece %d: time %d, cookie %d", i, h.Time, h.Cookie)
		}
		next += h.Len
	}
}

// push runs the program of dir and leaves the ring alone.
func (r *rig) push(dir int, packet []byte) error {
	program, ether := r.objects.TapIngress, []byte{12: 0x08, 13: 0}
	if dir == 1 {
		program = r.objects.TapEgress
	}
	if packet[0]>>4 == 6 {
		ether[12], ether[13] = 0x86, 0xdd
	}
	verdict, err := program.Run(&ebpf.RunOptions{Data: append(ether, packet...)})
	if err == nil && verdict != 1 {
		return fmt.Errorf("verdict %d: a packet must always pass", verdict)
	}
	return err
}
