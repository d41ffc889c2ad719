// SPDX-License-Identifier: Apache-2.0

//go:build linux

package cgroup

import (
	"encoding/binary"
	"fmt"
	"net"
	"net/netip"
	"os"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

const (
	fin, syn, rst, psh, ack = 0x01, 0x02, 0x04, 0x08, 0x10

	wireMTU = 60000
)

// wire is the far end of a network of which the namespace is the near end: the
// test makes every packet that arrives there, and sees every one that leaves.
type wire struct {
	namespace
	tun  *os.File
	sent chan []byte // by the namespace; what exceeds the buffer is lost
}

var (
	near = map[bool]netip.Addr{false: netip.MustParseAddr("192.0.2.1"), true: netip.MustParseAddr("2001:db8::1")} // by IPv6
	far  = map[bool]netip.Addr{false: netip.MustParseAddr("192.0.2.2"), true: netip.MustParseAddr("2001:db8::2")}
)

func newWire(t *testing.T, name string) *wire {
	t.Helper()
	w := &wire{namespace: newNamespace(t, name), sent: make(chan []byte, 1<<14)}
	w.do(t, func() error {
		fd, err := unix.Open("/dev/net/tun", unix.O_RDWR|unix.O_CLOEXEC|unix.O_NONBLOCK, 0)
		if err != nil {
			return err
		}
		r, err := unix.NewIfreq("wire")
		if err != nil {
			return err
		}
		r.SetUint16(unix.IFF_TUN | unix.IFF_NO_PI)
		if err := unix.IoctlIfreq(fd, unix.TUNSETIFF, r); err != nil {
			return err
		}
		w.tun = os.NewFile(uintptr(fd), "tun")
		return nil
	})
	t.Cleanup(func() { w.tun.Close() })
	w.ip(t, "addr", "add", "192.0.2.1/24", "dev", "wire")
	w.ip(t, "addr", "add", "2001:db8::1/64", "dev", "wire", "nodad")
	w.ip(t, "link", "set", "wire", "up", "mtu", fmt.Sprint(wireMTU))
	go func() {
		for {
			b := make([]byte, 1<<16)
			n, err := w.tun.Read(b)
			if err != nil {
				return
			}
			select {
			case w.sent <- b[:n]:
			default:
			}
		}
	}()
	return w
}

func (w *wire) put(t *testing.T, packet []byte) {
	t.Helper()
	if _, err := w.tun.Write(packet); err != nil {
		t.Fatal(err)
	}
}

// packet describes a TCP packet to make.
type packet struct {
	from, to   netip.AddrPort
	flags      byte
	seq, ack   uint32
	window     uint16
	ipOptions  int // bytes of padding, a multiple of 4
	hopByHop   int // bytes of extension header, a multiple of 8
	tcpOptions []byte
	payload    []byte
}

func (p packet) raw() []byte {
	options := append([]byte(nil), p.tcpOptions...)
	for len(options)%4 != 0 {
		options = append(options, 1)
	}
	tcp := make([]byte, 20, 20+len(options)+len(p.payload))
	e := binary.BigEndian
	e.PutUint16(tcp, p.from.Port())
	e.PutUint16(tcp[2:], p.to.Port())
	e.PutUint32(tcp[4:], p.seq)
	e.PutUint32(tcp[8:], p.ack)
	tcp[12], tcp[13] = byte(5+len(options)/4)<<4, p.flags
	e.PutUint16(tcp[14:], p.window)
	tcp = append(append(tcp, options...), p.payload...)
	source, dest := p.from.Addr().AsSlice(), p.to.Addr().AsSlice()
	pseudo := append(append([]byte(nil), source...), dest...)
	pseudo = append(pseudo, 0, 6, byte(len(tcp)>>8), byte(len(tcp)))
	e.PutUint16(tcp[16:], checksum(pseudo, tcp))
	if p.from.Addr().Is4() {
		ip := make([]byte, 20+p.ipOptions)
		ip[0], ip[8], ip[9] = 0x40|byte(len(ip)/4), 64, 6
		for i := 20; i < len(ip); i++ {
			ip[i] = 1
		}
		e.PutUint16(ip[2:], uint16(len(ip)+len(tcp)))
		copy(ip[12:], source)
		copy(ip[16:], dest)
		e.PutUint16(ip[10:], checksum(ip))
		return append(ip, tcp...)
	}
	ip := make([]byte, 40+p.hopByHop)
	ip[0], ip[6], ip[7] = 0x60, 6, 64
	if p.hopByHop > 0 {
		ip[6], ip[40], ip[41] = 0, 6, byte(p.hopByHop/8-1)
		ip[42], ip[43] = 1, byte(p.hopByHop-4) // PadN
	}
	e.PutUint16(ip[4:], uint16(p.hopByHop+len(tcp)))
	copy(ip[8:], source)
	copy(ip[24:], dest)
	return append(ip, tcp...)
}

// checksum is that of RFC 1071, over parts of which all but the last are even.
func checksum(parts ...[]byte) uint16 {
	var sum uint32
	for _, b := range parts {
		for i := 0; i+1 < len(b); i += 2 {
			sum += uint32(binary.BigEndian.Uint16(b[i:]))
		}
		if len(b)%2 != 0 {
			sum += uint32(b[len(b)-1]) << 8
		}
	}
	for sum>>16 != 0 {
		sum = sum&0xffff + sum>>16
	}
	return ^uint16(sum)
}

// peer is a client at the far end, and what it knows of its connection.
type peer struct {
	w    *wire
	t    *testing.T
	form func(*packet) // of each packet that it sends, may be nil

	local, remote netip.AddrPort
	seq, ack      uint32 // the next to send, the next to receive
	begin         uint32 // sequence number of the first byte of payload
	got           []byte
	flags         byte // all that were received since they were last looked at
}

const firstSeq = 0xfffffff0 // the stream soon passes zero

func (w *wire) peer(t *testing.T, v6 bool, local, remote uint16) *peer {
	return &peer{w: w, t: t, local: netip.AddrPortFrom(far[v6], local), remote: netip.AddrPortFrom(near[v6], remote),
		seq: firstSeq, begin: firstSeq + 1}
}

// send sends n bytes ahead of what was sent so far.
func (p *peer) send(ahead int, flags byte, payload []byte, options ...byte) {
	p.t.Helper()
	s := packet{from: p.local, to: p.remote, flags: flags, seq: p.seq + uint32(ahead), window: 0xffff, payload: payload, tcpOptions: options}
	if flags&ack != 0 {
		s.ack = p.ack
	}
	if p.form != nil {
		p.form(&s)
	}
	p.w.put(p.t, s.raw())
}

// write sends the next bytes.
func (p *peer) write(payload []byte) {
	p.t.Helper()
	p.send(0, ack|psh, payload)
	p.seq += uint32(len(payload))
}

// receive waits for the next packet to this peer, and takes what it says.
func (p *peer) receive(wait time.Duration) (flags byte, payload []byte, ok bool) {
	deadline := time.After(wait)
	for {
		select {
		case b := <-p.w.sent:
			at := 40
			if b[0]>>4 == 4 {
				at = int(b[0]&15) * 4
			}
			if len(b) < at+20 || binary.BigEndian.Uint16(b[at+2:]) != p.local.Port() {
				continue
			}
			tcp := b[at:]
			flags, payload = tcp[13], tcp[tcp[12]>>4*4:]
			seq := binary.BigEndian.Uint32(tcp[4:])
			p.flags |= flags
			if flags&syn != 0 {
				p.ack = seq + 1
			} else if seq == p.ack {
				p.ack += uint32(len(payload))
				p.got = append(p.got, payload...)
				if flags&fin != 0 {
					p.ack++
				}
			}
			return flags, payload, true
		case <-deadline:
			return 0, nil, false
		}
	}
}

// await receives until a packet has one of the flags.
func (p *peer) await(flags byte) {
	p.t.Helper()
	for {
		got, _, ok := p.receive(5 * time.Second)
		if !ok {
			p.t.Fatalf("no packet with flags %#x came", flags)
		}
		if got&flags != 0 {
			return
		}
	}
}

// quiet receives, and acknowledges data, until nothing has come for a while.
func (p *peer) quiet() {
	p.t.Helper()
	for {
		flags, payload, ok := p.receive(50 * time.Millisecond)
		if !ok {
			return
		}
		if len(payload) > 0 || flags&fin != 0 {
			p.send(0, ack, nil)
		}
	}
}

// knock does the handshake up to what ends it.
func (p *peer) knock(options ...byte) {
	p.t.Helper()
	p.send(0, syn, nil, append([]byte{2, 4, 0xea, 0}, options...)...)
	p.seq = p.begin
	p.await(syn)
}

func (p *peer) connect() {
	p.t.Helper()
	p.knock()
	p.send(0, ack, nil)
}

// listen listens in the namespace, on all addresses of the family.
func (w *wire) listen(t *testing.T, v6 bool, set ...[3]int) (net.Listener, uint16) {
	t.Helper()
	var l net.Listener
	w.do(t, func() error {
		domain := unix.AF_INET
		var at unix.Sockaddr = &unix.SockaddrInet4{}
		if v6 {
			domain, at = unix.AF_INET6, &unix.SockaddrInet6{}
		}
		fd, err := unix.Socket(domain, unix.SOCK_STREAM|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, 0)
		if err != nil {
			return err
		}
		file := os.NewFile(uintptr(fd), "listener")
		defer file.Close()
		if err := unix.Bind(fd, at); err != nil {
			return err
		}
		for _, o := range set {
			if err := unix.SetsockoptInt(fd, o[0], o[1], o[2]); err != nil {
				return err
			}
		}
		if err := unix.Listen(fd, 4096); err != nil {
			return err
		}
		l, err = net.FileListener(file)
		return err
	})
	t.Cleanup(func() { l.Close() })
	return l, port(l.Addr())
}

// setting writes to a file below /proc/sys/net of the namespace.
func (w *wire) setting(t *testing.T, name, value string) {
	t.Helper()
	w.do(t, func() error { return os.WriteFile("/proc/sys/net/"+name, []byte(value), 0) })
}
