// SPDX-License-Identifier: Apache-2.0

// Package sniff tells from bytes what is spoken on a connection: from its first
// ones (Client, Server), or from pieces of its middle (Middle). It reads no
// more of a protocol than that takes.
package sniff

// Verdict is what bytes have told.
type Verdict uint8

const (
	// More: nothing yet, what follows will tell.
	More Verdict = iota
	// Preamble: bytes that stand before the protocol and are none of it.
	Preamble
	HTTP1
	HTTP2
	WebSocket
	TLS
	// Unknown: none of the others.
	Unknown
)
