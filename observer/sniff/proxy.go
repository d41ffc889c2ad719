// SPDX-License-Identifier: Apache-2.0

package sniff

import "bytes"

const (
	// proxySignature begins a header of version 2 of the PROXY protocol
	// (haproxy, doc/proxy-protocol.txt section 2.2).
	proxySignature = "\r\n\r\n\x00\r\nQUIT\n"
	// proxyFixed is the size of what is before its addresses and TLVs, of which
	// it says the length in 16 bits.
	proxyFixed = len(proxySignature) + 4
	// proxyLine is the longest header of version 1 (section 2.1), CRLF included.
	proxyLine = 107
)

// proxyHeader tells whether b begins with a header of the PROXY protocol, by
// which a relay names the client before it passes on what that says: Preamble
// and its size, More, or Unknown.
func proxyHeader(b []byte) (Verdict, int) {
	switch {
	case len(b) == 0:
	case begins(b, proxySignature):
		if len(b) < proxyFixed {
			return More, 0
		}
		// Version 2, command LOCAL or PROXY. Whatever address family is named,
		// UNSPEC and unheard-of ones too, the length counts.
		if b[12] == 0x20 || b[12] == 0x21 {
			return Preamble, proxyFixed + int(b[14])<<8 + int(b[15])
		}
	case begins(b, "PROXY TCP4 "), begins(b, "PROXY TCP6 "), begins(b, "PROXY UNKNOWN"):
		if i := bytes.Index(b[:min(len(b), proxyLine)], []byte("\r\n")); i >= 0 {
			return Preamble, i + 2
		}
		if len(b) < proxyLine {
			return More, 0
		}
	}
	return Unknown, 0
}
