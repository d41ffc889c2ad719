// SPDX-License-Identifier: Apache-2.0

package meter

import (
	"github.com/modeltap/modeltap/observer/event"
	"github.com/modeltap/modeltap/observer/tokens"
)

// Key names a series. Values are label values that Labels has bounded.
type Key struct {
	Server, API, Model string
}

// Series holds the per-token figures of one (server, api, model).
type Series struct {
	Key
	InterToken, InterChunk Histogram
	Calibration            *tokens.Calibration // shared by the apis of a (server, model)

	rate     rate
	lastSeen int64
	inFlight [3]int
	stalled  int
}

// Tokens counts n output tokens at time now, in ns, for the live rate.
func (s *Series) Tokens(now int64, n float64) { s.rate.add(now, n) }

// Reconcile corrects the live rate by n tokens once the true count of a
// request that answered from start to end (ns) is known.
func (s *Series) Reconcile(start, end int64, n float64) { s.rate.spread(start, end, n) }

// Touch notes activity at time now, in ns, so that the series does not expire.
func (s *Series) Touch(now int64) { s.lastSeen = max(s.lastSeen, now) }

// State is the part of its life that an open exchange is in.
type State uint8

const (
	Receiving State = iota
	Waiting
	Streaming
)

// InFlight counts an open exchange in the snapshot being taken.
func (s *Series) InFlight(st State, stalled bool) {
	s.inFlight[st]++
	if stalled {
		s.stalled++
	}
}

func (s *Series) snapshot(now int64) event.Series {
	e := event.Series{
		Server: s.Server, API: s.API, Model: s.Model,
		InterToken: s.InterToken.Snapshot(), InterChunk: s.InterChunk.Snapshot(),
		TokensPerSecond: s.rate.perSecond(now),
		Receiving:       s.inFlight[Receiving],
		Waiting:         s.inFlight[Waiting],
		Streaming:       s.inFlight[Streaming],
		Stalled:         s.stalled,
	}
	if ratio, ok := s.Calibration.Ratio(); ok {
		e.Calibration = ratio
	}
	s.inFlight, s.stalled = [3]int{}, 0
	return e
}
