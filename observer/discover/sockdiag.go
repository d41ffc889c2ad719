// SPDX-License-Identifier: Apache-2.0

package discover

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
	tcpConnected     = 1<<1 | 1<<2 | 1<<3 | 1<<4 | 1<<5 | 1<<8 | 1<<9 | 1<<11 // ESTABLISHED to FIN_WAIT2, CLOSE_WAIT to CLOSING
	diagMsgSize      = 72                                                     // struct inet_diag_msg
	diagCgroupID     = 21                                                     // INET_DIAG_CGROUP_ID, Linux 5.8
)

// diagRequest is struct nlmsghdr with struct inet_diag_req_v2.
type diagRequest struct {
	unix.NlMsghdr
	family, protocol, ext, pad uint8
	states                     uint32
	id                         [48]byte
}

// listening lists the TCP sockets that listen in the network namespace of the
// calling thread (NETLINK_SOCK_DIAG). The kernel keeps them in a table of their
// own, so that this costs no more than there are listeners. It needs no
// privilege.
func listening() ([]Socket, error) { return sockets(1 << tcpListen) }

// connected returns the cookies of the connections there. It costs a walk over
// all of them.
func connected() (map[uint64]bool, error) {
	all, err := sockets(tcpConnected)
	cookies := make(map[uint64]bool, len(all))
	for _, s := range all {
		cookies[s.Cookie] = true
	}
	return cookies, err
}

func sockets(states uint32) ([]Socket, error) {
	fd, err := unix.Socket(unix.AF_NETLINK, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, unix.NETLINK_SOCK_DIAG)
	if err != nil {
		return nil, fmt.Errorf("list TCP sockets: %w", err)
	}
	defer unix.Close(fd)
	var all []Socket
	for _, family := range []uint8{unix.AF_INET, unix.AF_INET6} {
		all, err = dump(fd, family, states, all)
		if err != nil && !(family == unix.AF_INET6 && errors.Is(err, unix.ENOENT)) { // no IPv6 here
			return nil, fmt.Errorf("list TCP sockets: %w", err)
		}
	}
	return all, nil
}

func dump(fd int, family uint8, states uint32, all []Socket) ([]Socket, error) {
	q := diagRequest{family: family, protocol: unix.IPPROTO_TCP, states: states}
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
func diagMessages(b []byte, all []Socket) (_ []Socket, done bool, _ error) {
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
func diagSocket(b []byte) (s Socket, ok bool) {
	if len(b) < diagMsgSize {
		return s, false
	}
	e := binary.NativeEndian
	addr := netip.AddrFrom16([16]byte(b[8:24])).Unmap()
	if b[0] == unix.AF_INET {
		addr = netip.AddrFrom4([4]byte(b[8:12]))
	}
	s.Local = netip.AddrPortFrom(addr, binary.BigEndian.Uint16(b[4:]))
	s.Cookie = uint64(e.Uint32(b[44:])) | uint64(e.Uint32(b[48:]))<<32
	s.Inode = uint64(e.Uint32(b[68:]))
	for attrs := b[diagMsgSize:]; len(attrs) >= 4; {
		size := int(e.Uint16(attrs))
		if size < 4 || size > len(attrs) {
			break
		}
		if e.Uint16(attrs[2:]) == diagCgroupID && size >= 12 {
			s.Group = e.Uint64(attrs[4:])
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
