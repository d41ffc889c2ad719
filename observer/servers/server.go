// SPDX-License-Identifier: Apache-2.0

package servers

import (
	"sync/atomic"

	"github.com/modeltap/modeltap/observer/event"
	"github.com/modeltap/modeltap/observer/identity"
)

// Listener is one TCP socket that listens or is about to.
type Listener struct {
	// Key tells sockets apart: the socket cookie, or what stands for it. 0 is
	// none: packets alone showed it.
	Key uint64
	event.Place
	identity.Owner
	Verdict Verdict
	// Bound says that it was given a port and is known not to listen yet, as
	// vLLM's for the minutes in which it loads.
	Bound bool
	// Unnamed says that its Name is still being looked for.
	Unnamed bool
}

// Server is one model server, or a candidate for one: a port in one network
// namespace, however many processes and sockets serve it. The same *Server comes
// back after a restart. Its methods may be called from any goroutine.
type Server struct {
	Explicit bool // named by --target, not discovered

	table     *Table
	name      atomic.Pointer[string]
	standing  atomic.Int32
	belief    atomic.Int32
	rules     atomic.Pointer[Rules]
	info      atomic.Pointer[event.Server]
	confirmed atomic.Bool
	conns     atomic.Int64
	used      atomic.Int64 // the Table's tick when a connection last came or went
}

// What is believed of a Server that packets showed before its socket was known.
const (
	believed  int32 = iota
	doubted         // nobody has looked whose packets they are
	disproved       // they are no server's, see Verdict
)

// Name is bounded, never empty and its own. It may change until something is
// counted under it: packets may come before the owner is known. Label is what
// metrics use.
func (s *Server) Name() string { return *s.name.Load() }

// Rules returns the user's route rules for this server.
func (s *Server) Rules() *Rules { return s.rules.Load() }

// Confirmed says whether this is a server as far as is known: always for an
// explicit one.
func (s *Server) Confirmed() bool {
	switch s.belief.Load() {
	case doubted:
		return s.Explicit
	case disproved:
		return false
	}
	return s.Explicit || s.confirmed.Load()
}

// Disproved says that the connections of this Server turned out not to be those
// of a model server, so that nothing of them counts.
func (s *Server) Disproved() bool { return s.belief.Load() == disproved }

// Info describes the server as it is now.
func (s *Server) Info() event.Server { return *s.info.Load() }

// Opened takes note of a connection that is followed from now on. The server is
// captured until the last of them is Closed, whatever becomes of its sockets.
func (s *Server) Opened() { s.conns.Add(1) }

// Followed says whether connections to it are followed.
func (s *Server) Followed() bool { return s.conns.Load() > 0 }

// Closed takes note of the end of a connection that was Opened.
func (s *Server) Closed() {
	s.used.Store(s.table.tick.Load())
	s.conns.Add(-1)
}
