// SPDX-License-Identifier: Apache-2.0

package stream

import (
	"encoding/hex"

	"github.com/modeltap/modeltap/observer/event"
)

// follow notes the trace that the request belongs to.
func (k *call) follow(header []byte) {
	p, ok := parentOf(header)
	switch {
	case !ok:
	case k.ex != nil:
		k.ex.Trace(p)
	case k.suspect.is:
		k.suspect.parent, k.suspect.traced = p, true
	}
}

// parentOf reads a traceparent header (W3C Trace Context section 3.2.2):
// version "-" trace-id "-" parent-id "-" flags.
func parentOf(h []byte) (p event.Parent, ok bool) {
	if len(h) < 55 || h[2] != '-' || h[35] != '-' || h[52] != '-' {
		return p, false
	}
	var flags [1]byte
	for _, f := range [...]struct {
		dst []byte
		src []byte
	}{{p.Trace[:], h[3:35]}, {p.Span[:], h[36:52]}, {flags[:], h[53:55]}} {
		if _, err := hex.Decode(f.dst, f.src); err != nil {
			return p, false
		}
	}
	p.Sampled = flags[0]&1 != 0
	return p, p.Trace != [16]byte{} && p.Span != [8]byte{}
}
