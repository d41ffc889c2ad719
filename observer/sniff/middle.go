// SPDX-License-Identifier: Apache-2.0

package sniff

import "github.com/modeltap/modeltap/observer/event"

const (
	// enough is the evidence, in bits, on which a Middle decides: one chance in
	// 16 million that bytes of a body look like that. They are looked at where
	// pieces begin only, and text never passes.
	enough = 24
	// some is what tells at the end, where nothing else can: of evidence for
	// frames, and of bytes of text.
	some, words = 12, 8
	// sample is how much of what the server sends is looked at for that.
	sample = 4096
)

// Middle finds out what is spoken on a connection that was joined in its
// middle, by the chain of frames, records or chunks that begins with a segment.
type Middle struct {
	chains [languages][2]chain
	anew   chain
	seen   bool // anything
	binary bool // in what the server sent
	text   int  // bytes that the server sent before that
}

// language is what a chain is read as.
type language uint8

const (
	http2Frames language = iota
	websocketFrames
	tlsRecords
	http1Chunks
	languages
)

var (
	readers  = [languages]reader{http2Frame, websocketFrame, tlsRecord, http1Chunk}
	verdicts = [languages]Verdict{HTTP2, WebSocket, TLS, HTTP1}
)

// Look takes the next piece of one direction, which is best a whole segment.
func (m *Middle) Look(d event.Direction, p []byte) Verdict {
	m.seen = true
	if d == event.Response && !m.binary && m.text < sample {
		m.binary = hasControls(p)
		m.text += len(p)
	}
	if d == event.Request && len(p) >= len(preface) && begins(p, preface) {
		return HTTP2
	}
	for l := range m.chains {
		m.chains[l][d].follow(&m.anew, readers[l], d, p)
		if m.bits(l) >= enough {
			return verdicts[l]
		}
	}
	return More
}

// bits returns the evidence for a language, of both directions.
func (m *Middle) bits(l int) int {
	return m.chains[l][event.Request].bits + m.chains[l][event.Response].bits
}

// Missing takes note that the next n bytes of d are not to be had.
func (m *Middle) Missing(d event.Direction, n int) {
	for l := range m.chains {
		m.chains[l][d].missing(int64(n))
	}
}

// End returns what is most likely when nothing more will come: a protocol for
// which something spoke, HTTP1 if what the server sent may be the text of an
// answer, else Unknown; More if nothing was seen.
func (m *Middle) End() Verdict {
	v, most := Unknown, some-1
	switch {
	case !m.seen:
		return More
	case !m.binary && m.text >= words:
		v = HTTP1
	}
	for l := range m.chains {
		if n := max(m.bits(l), m.chains[l][0].most, m.chains[l][1].most); n > most {
			v, most = verdicts[l], n
		}
	}
	return v
}

// hasControls tells whether p holds control characters that no text has.
func hasControls(p []byte) bool {
	for _, c := range p {
		if c < ' ' && c != '\t' && c != '\n' && c != '\r' && c != '\f' && c != 0x1b {
			return true
		}
	}
	return false
}
