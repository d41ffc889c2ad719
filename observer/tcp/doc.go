// SPDX-License-Identifier: Apache-2.0

// Package tcp turns observed TCP segments (RFC 9293) back into two ordered
// byte streams for each connection. It knows no kernel, no clock and no file:
// time is what the segments and Expire say.
//
// # Position
//
// A SYN or SYN-ACK defines where a stream starts, in packets and files; where
// the source knows the socket it shows none and says which segment is the first
// of its direction (event.First). A direction without either
// starts where the other side's first acknowledgment says, if the connection
// was seen from its start, and else with the first data seen; data older than
// that counts as already read and is dropped. A connection that was joined in
// the middle therefore loses at most what was reordered in front of its first
// segment, and the parser above has to find a message boundary anyway.
//
// # Order
//
// Every byte is handed over once, in sequence order; of two copies the first
// wins. Data ahead of a hole is held until the hole is filled, until the other
// side acknowledges or reads what is missing (the hole is then a loss of
// capture), for Config.MaxWait, or until a limit is reached; then the hole is
// reported as Gap(n) and the rest follows. In a direction marked
// event.Ordered a hole is a loss at once. Handed-over time never goes
// backwards along one direction: a byte's time is the moment from which the
// application could read it.
//
// # Pieces
//
// A packet may come in several segments with consecutive sequence numbers.
// The first then carries its SYN and the last its FIN.
//
// # Identity
//
// A connection is a 4-tuple in a network namespace. The socket cookie is a
// cache in front of that and tells namesakes apart where the kernel does not
// name the namespace. With TCP_DEFER_ACCEPT and TCP Fast Open the first data
// carries the listener's cookie; a RST may carry that of an unrelated control
// socket, and no cookie of a SYN is looked at; everything else carries the
// connection's own. Conn.relation has the table.
//
// # End
//
// A connection ends with both FINs, with a RST that its receiver takes
// (Conn.believes), or some time after the release of its socket.
//
// # Room
//
// Connections are bounded by a budget that all shards share. Who goes for a
// newcomer, and who is refused, is told by Assembler.admit. What was given up or
// refused is remembered, so that it is counted once however long it goes on.
package tcp
