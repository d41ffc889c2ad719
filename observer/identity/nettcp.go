// SPDX-License-Identifier: Apache-2.0

package identity

import (
	"bufio"
	"encoding/binary"
	"encoding/hex"
	"io"
	"net/netip"
	"os"
	"strconv"
	"strings"
)

// Socket is a listening TCP socket as procfs shows it.
type Socket struct {
	Inode uint64
	Local netip.AddrPort
}

// Listening lists the TCP sockets that listen in the network namespace of a
// process, "self" or its id, without privilege, at 5 ms a file: the kernel
// walks its table of all connections.
func (p Proc) Listening(process string) []Socket {
	var all []Socket
	for _, table := range []string{"tcp", "tcp6"} {
		f, err := os.Open(p.path(process, "net", table))
		if err != nil {
			continue
		}
		part, err := parseNetTCP(f)
		_ = f.Close()
		if err == nil {
			all = append(all, part...)
		}
	}
	return all
}

// parseNetTCP reads /proc/PID/net/tcp or tcp6 and returns the sockets that
// listen (net/ipv4/tcp_ipv4.c, get_tcp4_sock). Addresses are printed as 32-bit
// words in host order.
func parseNetTCP(r io.Reader) ([]Socket, error) {
	var all []Socket
	lines := bufio.NewScanner(r)
	for lines.Scan() {
		f := strings.Fields(lines.Text())
		if len(f) < 10 || f[3] != "0A" {
			continue
		}
		local, ok := parseNetAddr(f[1])
		inode, err := strconv.ParseUint(f[9], 10, 64)
		if ok && err == nil {
			all = append(all, Socket{inode, local})
		}
	}
	return all, lines.Err()
}

func parseNetAddr(s string) (netip.AddrPort, bool) {
	host, port, _ := strings.Cut(s, ":")
	raw, err := hex.DecodeString(host)
	p, err2 := strconv.ParseUint(port, 16, 16)
	if err != nil || err2 != nil {
		return netip.AddrPort{}, false
	}
	for i := 0; i+4 <= len(raw); i += 4 {
		binary.BigEndian.PutUint32(raw[i:], binary.NativeEndian.Uint32(raw[i:]))
	}
	addr, ok := netip.AddrFromSlice(raw)
	return netip.AddrPortFrom(addr.Unmap(), uint16(p)), ok
}
