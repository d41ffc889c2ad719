// SPDX-License-Identifier: Apache-2.0

package target

import (
	"encoding/binary"
	"errors"
	"fmt"
	"net/netip"
	"unsafe"

	"golang.org/x/sys/unix"
)

// Of include/uapi/linux/sock_diag.h, inet_diag.h and net/tcp_states.h.
const (
	sockDiagByFamily = 20
	tcpListen        = 10
	diagMsgSize      = 72 // struct inet_diag_msg
	diagCgroupID     = 21 // INET_DIAG_CGROUP_ID, Linux 5.8
)

// diagRequest is struct nlmsghdr with struct inet_diag_req_v2.
type diagRequest struct {
	unix.NlMsghdr
	family, protocol, ext, pad uint8
	states                     uint32
	id                         [48]byte
}

// tcpSocket is a listening socket as the kernel lists it.
type tcpSocket struct {
	cookie, group, inode uint64
	local                netip.AddrPort
}

// listening lists the TCP sockets that listen in the network namespace of the
// calling thread (NETLINK_SOCK_DIAG). The kernel keeps them in a table of their
// own, so that this costs no more than there are listeners. It needs no
// privilege.
func listening() ([]tcpSocket, error) {
	fd, err := unix.Socket(unix.AF_NETLINK, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, unix.NETLINK_SOCK_DIAG)
	if err != nil {
		return nil, fmt.Errorf("list listening sockets: %w", err)
	}
	defer unix.Close(fd)
	var all []tcpSocket
	for _, family := range []uint8{unix.AF_INET, unix.AF_INET6} {
		all, err = dump(fd, family, all)
		if err != nil && !(family == unix.AF_INET6 && errors.Is(err, unix.ENOENT)) { // no IPv6 here
			return nil, fmt.Errorf("list listening sockets: %w", err)
		}
	}
	return all, nil
}

func dump(fd int, family uint8, all []tcpSocket) ([]tcpSocket, error) {
	q := diagRequest{family: family, protocol: unix.IPPROTO_TCP, states: 1 << tcpListen}
	q.Len, q.Type, q.Flags = uint32(unsafe.Sizeof(q)), sockDiagByFamily, unix.NLM_F_REQUEST|unix.NLM_F_DUMP
	raw := unsafe.Slice((*byte)(unsafe.Pointer(&q)), unsafe.Sizeof(q))
	if err := unix.Sendto(fd, raw, 0, &unix.SockaddrNetlink{Family: unix.AF_NETLINK}); err != nil {
		return all, err
	}
	buf := make([]byte, 32<<10)
	for {
		n, _, err := unix.Recvfrom(fd, buf, 0)
		if errors.Is(err, unix.EINTR) {
			continue
		}
		if err != nil {
			return all, err
		}
		var done bool
		if all, done, err = diagMessages(buf[:n], all); done || err != nil {
			return all, err
		}
	}
}

// diagMessages reads the netlink messages of one datagram.
func diagMessages(b []byte, all []tcpSocket) (_ []tcpSocket, done bool, _ error) {
	e := binary.NativeEndian
	for len(b) >= unix.SizeofNlMsghdr {
		size := int(e.Uint32(b))
		if size < unix.SizeofNlMsghdr || size > len(b) {
			return all, false, errors.New("malformed netlink message")
		}
		body := b[unix.SizeofNlMsghdr:size]
		switch e.Uint16(b[4:]) {
		case unix.NLMSG_DONE:
			return all, true, nil
		case unix.NLMSG_ERROR:
			if len(body) < 4 {
				return all, false, errors.New("malformed netlink message")
			}
			return all, true, unix.Errno(-int32(e.Uint32(body)))
		case sockDiagByFamily:
			if s, ok := diagSocket(body); ok {
				all = append(all, s)
			}
		}
		b = b[min((size+3)&^3, len(b)):]
	}
	return all, false, nil
}

// diagSocket reads a struct inet_diag_msg and its attributes.
func diagSocket(b []byte) (s tcpSocket, ok bool) {
	if len(b) < diagMsgSize {
		return s, false
	}
	e := binary.NativeEndian
	addr := netip.AddrFrom16([16]byte(b[8:24])).Unmap()
	if b[0] == unix.AF_INET {
		addr = netip.AddrFrom4([4]byte(b[8:12]))
	}
	s.local = netip.AddrPortFrom(addr, binary.BigEndian.Uint16(b[4:]))
	s.cookie = uint64(e.Uint32(b[44:])) | uint64(e.Uint32(b[48:]))<<32
	s.inode = uint64(e.Uint32(b[68:]))
	for attrs := b[diagMsgSize:]; len(attrs) >= 4; {
		size := int(e.Uint16(attrs))
		if size < 4 || size > len(attrs) {
			break
		}
		if e.Uint16(attrs[2:]) == diagCgroupID && size >= 12 {
			s.group = e.Uint64(attrs[4:])
		}
		attrs = attrs[min((size+3)&^3, len(attrs)):]
	}
	return s, true
}

// netnsCookie returns the cookie of the calling thread's network namespace, 0
// before Linux 5.14.
func netnsCookie() uint64 {
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return 0
	}
	defer unix.Close(fd)
	cookie, err := unix.GetsockoptUint64(fd, unix.SOL_SOCKET, unix.SO_NETNS_COOKIE)
	if err != nil {
		return 0
	}
	return cookie
}
