// SPDX-License-Identifier: Apache-2.0

package tcp

import (
	"math"

	"github.com/modeltap/modeltap/observer/event"
)

// Handler consumes the two streams of one connection. All calls come from the
// goroutine that calls the Assembler; it must not call the Assembler back.
type Handler interface {
	// Data hands over the next bytes; p is valid during the call only.
	Data(d event.Direction, m event.Mark, p []byte)
	// Skip reports n bytes that were left out on purpose.
	Skip(d event.Direction, m event.Mark, n int)
	// Gap reports n bytes that the capture lost.
	Gap(d event.Direction, m event.Mark, n int)
	// FIN reports that d ended in order.
	FIN(d event.Direction, m event.Mark)
	// Read reports that at time t the application had read the request
	// direction up to position pos, where what Data, Skip and Gap handed over
	// has the positions 0 up to, and without, their sum.
	Read(t int64, pos uint64)
	// Close is the last call. Data that waited for a hole comes before it.
	Close(t int64, why CloseReason)
}

// CloseReason tells why a connection ended.
type CloseReason uint8

const (
	// Finished: both sides sent FIN, or the server did and then nothing came
	// for Config.Linger.
	Finished CloseReason = iota
	ResetByClient
	ResetByServer
	// Released: the application closed the socket, and nothing came for
	// Config.Linger.
	Released
	Idle
	// Evicted: another connection took its place.
	Evicted
	// Replaced: a new connection appeared on the same 4-tuple.
	Replaced
	// Shutdown: Assembler.Close was called.
	Shutdown
	// Panicked is for owners that report what KillCurrent dropped; the
	// Assembler itself never passes it.
	Panicked
)

// String returns a lower-case word for logs.
func (r CloseReason) String() string {
	return [...]string{"finished", "reset_by_client", "reset_by_server", "released",
		"idle", "evicted", "replaced", "shutdown", "panicked"}[r]
}

// unlisted is the stamp of a connection in no list.
const unlisted = math.MinInt64

// State says what would be lost with a connection.
type State uint8

const (
	Resting State = iota // nothing: no request is open on it
	Waiting              // memory is kept for something unfinished, until more comes
	Busy                 // a request is open; it is never given up for another
)

// Conn is one tracked connection. Its exported fields are read-only, and it
// must not be used after Handler.Close has returned.
//
// Its hot fields lie in four cache lines: one for what it is, one for where it
// is listed, and one for each direction.
type Conn struct {
	Flow event.Flow
	// Whole says that positions count from the first byte of the stream: the
	// handshake was seen, or the source told which byte was the first.
	Whole bool
	// Rejoined says that this connection was given up in its middle and has
	// come again: what was open on it then has been counted.
	Rejoined bool
	// State is set by the Handler.
	State State

	listed  State // when it was put where it is
	leaving bool  // the server has closed its socket, or its side
	ended   bool  // Handler.Close was called
	door    bool  // Cookie may be that of the listener
	place   place
	holding int32 // 1 + index in Assembler.holding, 0 when not there

	// Cookie is the connection's own socket cookie, 0 until it is known.
	Cookie uint64
	Group  uint64
	NetNS  uint64

	handler Handler
	stamp   int64 // order in its list: last activity, or start of the linger
	// since is when a RST came that may be a stranger's, 0 for none since the
	// last data; of a connection that is leaving, when that began.
	since      int64
	chain      *Conn // next of the same key
	prev, next *Conn // list neighbours
	dirs       [2]direction
}

// direction is one stream of a connection.
type direction struct {
	pos   uint64 // bytes handed over as Data, Skip or Gap
	time  int64  // of the last of them
	since int64  // start of the wait for the first hole
	next  uint32 // sequence number at pos
	acked uint32 // last acknowledgment number of the other side
	fin   uint32 // sequence number of the FIN, valid with finSeen

	open, finSeen, finDone bool

	bytes      int32  // memory of the held blocks
	head, tail *block // data ahead of a hole, by sequence, without overlap
}

// waiting says that something came in behind a hole.
func (d *direction) waiting() bool {
	return d.head != nil || d.finSeen && !d.finDone
}

// start returns the sequence number of position 0.
func (d *direction) start() uint32 { return d.next - uint32(d.pos) }

const (
	// reach is how far from the expected place a segment may lie to be taken
	// for one of the same connection on that ground alone: above what receive
	// windows allow in practice, and small in the space of random initial
	// sequence numbers.
	reach = 1 << 24
	// maxJump bounds a forward hole that the acknowledgment number vouches
	// for: the largest window (RFC 7323 section 2.3).
	maxJump = 1 << 30
)

func near(a, b uint32) bool {
	diff := int32(a - b)
	return -reach <= diff && diff <= reach
}

// plausible says whether s can belong to c by its numbers.
func (c *Conn) plausible(s *event.Segment) bool {
	d, o := &c.dirs[s.Dir], &c.dirs[1-s.Dir]
	ackNear := s.Flags&event.ACK != 0 && o.open && near(s.Ack, o.next)
	if !d.open {
		return !o.open || s.Flags&event.ACK == 0 || ackNear
	}
	diff := int32(s.Seq - d.next)
	return near(s.Seq, d.next) || ackNear && diff > 0 && diff <= maxJump
}
