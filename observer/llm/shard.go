// SPDX-License-Identifier: Apache-2.0

package llm

import (
	"unsafe"

	"github.com/modeltap/modeltap/observer/budget"
	"github.com/modeltap/modeltap/observer/event"
	"github.com/modeltap/modeltap/observer/jsonscan"
	"github.com/modeltap/modeltap/observer/meter"
	"github.com/modeltap/modeltap/observer/tokens"
)

const (
	// maxSpare bounds the exchanges and scanners kept for reuse.
	maxSpare = 256
	// keepArray is how many elements an array of an exchange kept for reuse may
	// have.
	keepArray = 4
	// ownScanners is how many scanners a shard may lend before they are
	// charged. Most documents lie whole in one segment and need one.
	ownScanners = 16

	exchangeSize = int(unsafe.Sizeof(Exchange{}))
	choiceSize   = int(unsafe.Sizeof(choice{}))
	partSize     = int(unsafe.Sizeof(part{}))
	scannerSize  = int(unsafe.Sizeof(jsonscan.Scanner{}))
)

// Shard is what the exchanges of one shard share. It is not safe for
// concurrent use.
type Shard struct {
	Book  *meter.Book
	Sink  event.Sink
	Tally *event.Tally
	// StallAfter is the time in ns without a token after which an open stream
	// counts as stalled.
	StallAfter int64
	// Budget is charged for the exchanges; nil has no limit.
	Budget *budget.Share
	// Tray counts answers with the tokenizers of their models; nil has none.
	Tray *tokens.Tray

	open     Exchange // head of the list of open exchanges
	opened   int
	shown    uint64 // snapshots taken
	spare    []*Exchange
	scanners []*jsonscan.Scanner
	lent     int    // scanners
	nowhere  choice // stands for one that there was no room for
}

// scanner lends a scanner. Most documents lie whole in one segment, so the one
// handed out is nearly always the one that came back last and is still in the
// processor's cache, however many streams there are.
//
// It is charged as Running whatever is left: to refuse it would blind a stream
// that runs. See room for what begins.
func (s *Shard) scanner() *jsonscan.Scanner {
	if s.lent++; s.lent > ownScanners {
		s.Budget.Force(scannerSize, budget.Running)
	}
	if n := len(s.scanners); n > 0 {
		sc := s.scanners[n-1]
		s.scanners = s.scanners[:n-1]
		return sc
	}
	return new(jsonscan.Scanner)
}

// room says whether another scanner may be lent for something new.
func (s *Shard) room() bool {
	if s.lent < ownScanners {
		return true
	}
	if !s.Budget.Take(scannerSize, budget.Running) {
		s.Tally.Evictions[event.EvictBuffer]++
		return false
	}
	s.Budget.Give(scannerSize, budget.Running)
	return true
}

func (s *Shard) giveBack(sc *jsonscan.Scanner) {
	if s.lent > ownScanners {
		s.Budget.Give(scannerSize, budget.Running)
	}
	s.lent--
	if len(s.scanners) < maxSpare {
		s.scanners = append(s.scanners, sc)
	}
}

// take returns an exchange that is charged for claim, nil when that is refused.
func (s *Shard) take(claim budget.Claim) *Exchange {
	if !s.Budget.Take(exchangeSize, claim) {
		return nil
	}
	return s.taken(claim)
}

// taken returns an exchange, of which exchangeSize has been charged for claim.
func (s *Shard) taken(claim budget.Claim) *Exchange {
	var e *Exchange
	if n := len(s.spare); n > 0 {
		e = s.spare[n-1]
		s.spare = s.spare[:n-1]
	} else {
		e = new(Exchange)
	}
	e.claim, e.extent = claim, e.arrays()
	s.Budget.Force(e.extent, budget.Running)
	if s.open.next == nil {
		s.open.next, s.open.prev = &s.open, &s.open
	}
	e.shard = s
	e.prev, e.next = s.open.prev, &s.open
	e.prev.next, e.next.prev = e, e
	s.opened++
	return e
}

func (s *Shard) drop(e *Exchange) {
	if e.shard == nil {
		return
	}
	if e.kept != nil {
		s.Tray.Release(e.kept)
	}
	e.prev.next, e.next.prev = e.next, e.prev
	s.opened--
	s.Budget.Give(exchangeSize, e.claim)
	s.Budget.Give(e.extent, budget.Running)
	choices, parts := e.choices[:0], e.doc.parts[:0]
	if cap(choices) > keepArray {
		choices = nil
	}
	if cap(parts) > keepArray {
		parts = nil
	}
	*e = Exchange{choices: choices, doc: document{parts: parts}}
	if len(s.spare) < maxSpare {
		s.spare = append(s.spare, e)
	}
}

// InFlight returns the number of open exchanges.
func (s *Shard) InFlight() int { return s.opened }

// Running appends the oldest exchanges that are open, at most event.MaxOpen, as far
// as they have been seen. CountInFlight comes before.
func (s *Shard) Running(dst []event.Exchange, now int64) []event.Exchange {
	if s.open.next == nil {
		return dst
	}
	n := 0
	for e := s.open.next; e != &s.open && n < event.MaxOpen; e = e.next {
		if e.provisional {
			continue
		}
		n++
		x := e.rec
		x.End, x.Stream = 0, e.streams()
		if e.series != nil {
			x.Model = e.series.Model
		} else {
			x.Model = s.Book.Known(e.rec.Server, e.dialect.API, e.model(), now).Model
		}
		dst = append(dst, x)
	}
	return dst
}

// CountInFlight adds each open exchange to its series, for a snapshot.
func (s *Shard) CountInFlight(now int64) {
	s.shown++
	if s.open.next == nil {
		return
	}
	for e := s.open.next; e != &s.open; e = e.next {
		if e.provisional {
			continue
		}
		series := e.series
		if series == nil {
			series = s.Book.Known(e.rec.Server, e.dialect.API, e.model(), now)
		}
		series.Touch(now)
		series.InFlight(e.state(), e.stalled(now))
	}
}
