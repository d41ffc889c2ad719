// SPDX-License-Identifier: Apache-2.0

package target

import (
	"net/netip"
	"strconv"
	"strings"
	"sync/atomic"
	"unicode/utf8"

	"github.com/modeltap/modeltap/observer/event"
)

// Server is one model server, or a candidate for one: a port in one network
// namespace or cgroup, however many processes and sockets serve it. The same
// *Server comes back after a restart. Its methods may be called from any
// goroutine.
type Server struct {
	Name     string // bounded, never empty, its own; Label is what metrics use
	Explicit bool   // named by --target, not discovered

	table     *Table
	standing  atomic.Int32
	paths     atomic.Pointer[Paths]
	info      atomic.Pointer[event.Server]
	confirmed atomic.Bool
	used      atomic.Int64 // the Table's tick at the last Resolve
}

// Paths returns the route rules of this server.
func (s *Server) Paths() *Paths { return s.paths.Load() }

// Confirmed says whether this is a server: always for an explicit one.
func (s *Server) Confirmed() bool { return s.Explicit || s.confirmed.Load() }

// Info describes the server as it is now.
func (s *Server) Info() event.Server { return *s.info.Load() }

// Identity is what is known of a listener's owner; all of it may be empty.
type Identity struct {
	PID     int
	Comm    string
	Process Process
	Place   Place
	Name    Name
}

// Listener is one listening (or bound) TCP socket.
type Listener struct {
	// Key tells sockets apart: the socket cookie, or what stands for it.
	Key    uint64
	Group  uint64 // cgroup id of the socket, 0 unknown
	NetNS  uint64 // network namespace cookie, 0 unknown
	NSNode uint64 // network namespace inode, 0 unknown; used where cookies are not known
	Local  netip.AddrPort
	Identity
}

// label is the "server" label before duplicates are told apart.
func label(id Identity, port uint16) string {
	at := ":" + strconv.Itoa(int(port))
	switch {
	case id.Name.Pod != "" && id.Name.Container != "":
		return bounded(id.Name.Namespace+"/"+id.Name.Pod+"/"+id.Name.Container, "")
	case id.Name.Pod != "":
		return bounded(id.Name.Namespace+"/"+id.Name.Pod, at)
	case id.Name.Container != "":
		return bounded(id.Name.Container, at)
	case id.Process.Name != "":
		return bounded(id.Process.Name, at)
	case id.Place.Unit != "":
		return bounded(strings.TrimSuffix(id.Place.Unit, ".service"), at)
	}
	return "port-" + at[1:]
}

// suffixRoom is kept free in every label for the "-N" of a duplicate.
const suffixRoom = len("-65535")

// bounded makes name a label and joins suffix to it, within the bound.
func bounded(name, suffix string) string {
	name = event.Label(name)
	if room := event.MaxLabel - suffixRoom - len(suffix); len(name) > room {
		for room > 0 && !utf8.RuneStart(name[room]) {
			room--
		}
		name = name[:room]
	}
	return name + suffix
}
