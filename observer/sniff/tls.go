// SPDX-License-Identifier: Apache-2.0

package sniff

import "github.com/modeltap/modeltap/observer/event"

// Content types of TLS records (RFC 8446 section 5.1).
const (
	recordChangeCipherSpec = 0x14
	recordHandshake        = 0x16
	recordApplicationData  = 0x17
)

// hello tells whether b, whose first byte is that of a handshake, begins one.
func hello(b []byte) Verdict {
	switch {
	case len(b) < 2:
		return More
	case b[1] == 3:
		return TLS
	}
	return Unknown
}

// tlsRecord reads the header of a TLS record (RFC 8446 section 5.1, RFC 5246
// section 6.2).
func tlsRecord(_ *chain, _ event.Direction, b []byte) (unit, bool) {
	const size, longest = 5, 1<<14 + 2048
	if b[0] < recordChangeCipherSpec || b[0] > recordApplicationData || len(b) > 1 && b[1] != 3 || len(b) > 2 && (b[2] < 1 || b[2] > 4) {
		return unit{}, false
	}
	if len(b) < size {
		return unit{}, true
	}
	n := int64(b[3])<<8 | int64(b[4])
	return unit{size: size + n, weight: 18, exact: 12}, n > 0 && n <= longest
}
