// SPDX-License-Identifier: Apache-2.0

package target

import (
	"bufio"
	"encoding/binary"
	"encoding/hex"
	"io"
	"net/netip"
	"strconv"
	"strings"
)

// netSocket is a line of /proc/net/tcp or tcp6.
type netSocket struct {
	inode uint64
	local netip.AddrPort
}

// parseNetTCP reads /proc/PID/net/tcp or tcp6 and returns the sockets that
// listen (net/ipv4/tcp_ipv4.c, get_tcp4_sock). Addresses are printed as 32-bit
// words in host order.
func parseNetTCP(r io.Reader) ([]netSocket, error) {
	var all []netSocket
	lines := bufio.NewScanner(r)
	for lines.Scan() {
		f := strings.Fields(lines.Text())
		if len(f) < 10 || f[3] != "0A" {
			continue
		}
		local, ok := parseNetAddr(f[1])
		inode, err := strconv.ParseUint(f[9], 10, 64)
		if ok && err == nil {
			all = append(all, netSocket{inode, local})
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
