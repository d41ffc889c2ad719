// SPDX-License-Identifier: Apache-2.0

package pcapfile

import (
	"bytes"
	"cmp"

	"github.com/modeltap/modeltap/observer/event"
	"github.com/modeltap/modeltap/observer/tcp"
)

// maxRoles bounds each of the two generations of remembered connections.
const maxRoles = 65536

// roles finds out which side of each connection is the server. In this order:
// what the caller says, the handshake, the first bytes of either side, and as
// a guess that later evidence overrules, the lower port.
type roles struct {
	server   func(event.Endpoint) bool
	now, old map[pair]bool
}

// pair is a connection without direction, the lesser endpoint first; its
// value in roles says whether that one is the server.
type pair struct{ a, b event.Endpoint }

func compare(x, y event.Endpoint) int {
	return cmp.Or(cmp.Compare(x.Port, y.Port), bytes.Compare(x.IP[:], y.IP[:]))
}

// of returns flow and direction of p; false when it is not to be observed.
func (r *roles) of(p *tcp.Packet) (event.Flow, event.Direction, bool) {
	toServer := event.Flow{Server: p.Dst, Client: p.Src}
	toClient := event.Flow{Server: p.Src, Client: p.Dst}
	if r.server != nil {
		switch dst, src := r.server(p.Dst), r.server(p.Src); {
		case dst && !src:
			return toServer, event.Request, true
		case src && !dst:
			return toClient, event.Response, true
		case !src && !dst:
			return event.Flow{}, 0, false
		}
	}
	fromLess := compare(p.Src, p.Dst) < 0
	k := pair{p.Src, p.Dst}
	if !fromLess {
		k = pair{p.Dst, p.Src}
	}
	fromServer, known := evidence(p)
	if known {
		r.remember(k, fromServer == fromLess)
	} else if less, ok := r.recall(k); ok {
		fromServer = less == fromLess
	} else if p.Len == 0 {
		return event.Flow{}, 0, false
	} else {
		fromServer = fromLess
	}
	if fromServer {
		return toClient, event.Response, true
	}
	return toServer, event.Request, true
}

// evidence says what p alone shows about its sender.
func evidence(p *tcp.Packet) (fromServer, known bool) {
	if p.Flags&event.SYN != 0 {
		return p.Flags&event.ACK != 0, true
	}
	if bytes.HasPrefix(p.Payload, []byte("HTTP/1.")) {
		return true, true
	}
	if len(p.Payload) < 4 || p.Payload[0] < 'A' || p.Payload[0] > 'Z' {
		return false, false
	}
	for _, m := range [...]string{"GET /", "POST /", "PUT /", "HEAD /", "DELETE /", "OPTIONS ", "PATCH /", "PRI * HTTP/2"} {
		if bytes.HasPrefix(p.Payload, []byte(m)) {
			return false, true
		}
	}
	return false, false
}

func (r *roles) recall(k pair) (less, ok bool) {
	if less, ok = r.now[k]; ok {
		return less, true
	}
	if less, ok = r.old[k]; ok {
		r.remember(k, less)
	}
	return less, ok
}

func (r *roles) remember(k pair, less bool) {
	if len(r.now) >= maxRoles || r.now == nil {
		r.now, r.old = make(map[pair]bool), r.now
	}
	r.now[k] = less
}
