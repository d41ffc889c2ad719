// SPDX-License-Identifier: Apache-2.0

package stream

import (
	"github.com/modeltap/modeltap/observer/event"
	"github.com/modeltap/modeltap/observer/tcp"
)

// protocol is what is spoken on a pair of byte streams, as far as it is
// followed: a connection's own, or what it carries inside. Its calls are those
// of tcp.Handler, and close and kill are the last: they give all memory back.
type protocol interface {
	data(d event.Direction, m event.Mark, p []byte)
	skip(d event.Direction, m event.Mark, n int)
	gap(d event.Direction, m event.Mark, n int)
	fin(d event.Direction, m event.Mark)
	read(t int64, pos uint64)
	// held returns the bytes of memory kept for what is unfinished, beside the
	// open calls.
	held() int
	// close ends the open calls.
	close(t int64, why tcp.CloseReason)
	// kill forgets the open calls, without counting them.
	kill()
}

// opaque is a protocol that is not followed.
type opaque struct{}

func (opaque) data(event.Direction, event.Mark, []byte) {}
func (opaque) skip(event.Direction, event.Mark, int)    {}
func (opaque) gap(event.Direction, event.Mark, int)     {}
func (opaque) fin(event.Direction, event.Mark)          {}
func (opaque) read(int64, uint64)                       {}
func (opaque) held() int                                { return 0 }
func (opaque) close(int64, tcp.CloseReason)             {}
func (opaque) kill()                                    {}
