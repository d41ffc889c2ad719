// SPDX-License-Identifier: Apache-2.0

package http1

// Region tells what bytes are for.
type Region uint8

const (
	// RegionUnknown bytes were not understood, or are none of HTTP's business.
	RegionUnknown Region = iota
	// RegionHead bytes belong to a message head or are blank lines before it.
	// When a head comes in pieces, this is a surmise until Head or Lost.
	RegionHead
	// RegionFraming bytes are chunk sizes and the line ends around chunks.
	RegionFraming
	// RegionExtension bytes are a chunk extension and its line end.
	RegionExtension
	// RegionTrailer bytes are trailer fields.
	RegionTrailer
	// RegionBody bytes were handed to Body.
	RegionBody
)

var regions = [...]Region{
	stateHead: RegionHead, stateSync: RegionUnknown, stateLength: RegionBody, stateClose: RegionBody,
	stateSize: RegionFraming, stateSizeSpace: RegionFraming, stateExtension: RegionExtension,
	stateSizeLF: RegionFraming, stateData: RegionBody, stateDataCR: RegionFraming, stateDataLF: RegionFraming,
	stateTrailer: RegionTrailer, stateTrailerLF: RegionTrailer, stateTrailerRow: RegionTrailer,
	stateOpaque: RegionUnknown, stateDone: RegionUnknown,
}

// Walk is Write for those who care about every byte: after the Handler has
// been called for a run of bytes, f is called with that run, a slice of p, and
// what it is for. The runs are p, in order and without overlap.
func (x *Parser) Walk(p []byte, f func(r Region, run []byte)) {
	x.start()
	for len(p) > 0 {
		if x.state == stateSync {
			p = p[x.walkSync(p, f):]
			continue
		}
		before := x.state
		n := x.step(p)
		r := regions[before]
		if x.state == stateSync {
			r = RegionUnknown // it was no head or no framing after all
		}
		f(r, p[:n])
		p = p[n:]
	}
}

// walkSync consumes p up to the end of the next head. The head is known as
// such only if all of it is in p.
func (x *Parser) walkSync(p []byte, f func(r Region, run []byte)) int {
	n := 0
	for n < len(p) && x.state == stateSync {
		n += x.sync(p[n:])
	}
	head := 0
	if x.state != stateSync && x.pool.head.Size <= n {
		head = x.pool.head.Size
	}
	if n > head {
		f(RegionUnknown, p[:n-head])
	}
	if head > 0 {
		f(RegionHead, p[n-head:n])
	}
	return n
}
