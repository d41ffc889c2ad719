// SPDX-License-Identifier: Apache-2.0

package stream

import (
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/modeltap/modeltap/observer/event"
)

// told returns the conversation in segments, one moment for each message.
func (g *generated) told(r *rand.Rand) (pieces []piece) {
	now := int64(0)
	for i := range g.request {
		for d, s := range []string{g.request[i], g.response[i]} {
			now += 7 * ms
			for len(s) > 0 {
				n := 1 + r.IntN(len(s))
				pieces = append(pieces, piece{event.Direction(d), now, []byte(s[:n])})
				s = s[n:]
			}
		}
	}
	return pieces
}

// TestJoinedHTTP1 joins generated conversations at every byte: what begins
// after that is measured as if nothing had been missed, what was missed is at
// most one incomplete request, and it is never taken for another protocol.
func TestJoinedHTTP1(t *testing.T) {
	for seed := range uint64(6) {
		r := rand.New(rand.NewPCG(seed, 2))
		g := generate(r)
		pieces := g.told(r)
		whole := newTalk()
		whole.hear(t, true, 0, pieces)
		asked := 0 // requests whose first byte was before the present one
		for i, p := range pieces {
			if p.dir == event.Request && (i == 0 || pieces[i-1].dir == event.Response) {
				asked++
			}
			first := i == 0 || pieces[i-1].dir != p.dir
			for at := range p.bytes {
				k := newTalk()
				k.hear(t, false, 0, append([]piece{{p.dir, p.time, p.bytes[at:]}}, pieces[i+1:]...))
				seen := asked
				if first && at == 0 && p.dir == event.Request {
					seen--
				}
				missed := 0
				if len(k.exchanges) > 0 && k.exchanges[0].Outcome == event.Incomplete {
					missed = 1
				}
				if got, want := describe(k.exchanges[missed:]), describe(whole.exchanges[seen:]); got != want {
					t.Fatalf("seed %d, joined at byte %d of segment %d, %.40q:\n got %s\nwant %s", seed, at, i, p.bytes[at:], got, want)
				}
				midway := p.dir == event.Response && (!first || at > 6)
				tail := k.tally == alone(event.UnobservedUnknown) && left(pieces[i+1:])+len(p.bytes)-at < 8
				if k.tally != (event.Tally{}) && !tail || midway && missed == 0 && !tail {
					t.Fatalf("seed %d, joined at byte %d of segment %d, %.40q: %+v, exchanges %s", seed, at, i, p.bytes[at:], k.tally, describe(k.exchanges))
				}
			}
		}
	}
}

func left(pieces []piece) (n int) {
	for _, p := range pieces {
		n += len(p.bytes)
	}
	return n
}

// TestBodiesThatLookLikeFrames: a body may look like anything, and what comes
// after it is measured.
func TestBodiesThatLookLikeFrames(t *testing.T) {
	for name, c := range map[string]struct {
		body string
		want event.Unobserved
	}{
		"WebSocket": {"\x81\x05hello", event.UnobservedWebSocket},
		"HTTP/2":    {"\x00\x00\x08\x06\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00", event.UnobservedHTTP2},
		"TLS":       {"\x17\x03\x03\x00\x05abcde", event.UnobservedTLS},
	} {
		body := piece{dir: event.Response, time: ms, bytes: []byte(c.body)}
		next := []piece{{time: 10 * ms, bytes: []byte(post("/v1/completions", `{"model":"m"}`))},
			{dir: event.Response, time: 30 * ms, bytes: []byte(jsonAnswer(200, `{"model":"m","choices":[]}`))}}
		for _, before := range []int{1, 2, 40} {
			pieces := append(slicesRepeat(body, before), next...)
			pieces = append(pieces, slicesRepeat(body, 1)...) // and once more, of another connection's kind
			for cut := range 40 {
				k := newTalk()
				told := pieces
				if cut > 0 { // the next head in two segments
					told = append(slicesRepeat(body, before), piece{time: 10 * ms, bytes: next[0].bytes[:cut]}, piece{time: 10 * ms, bytes: next[0].bytes[cut:]}, next[1])
				}
				k.hear(t, false, 0, told)
				want := alone(c.want)
				if before == 1 && name == "WebSocket" {
					want = event.Tally{} // no evidence yet
				}
				k.tally.ParseErrors, k.tally.Resyncs = want.ParseErrors, 0 // of the last piece
				if k.tally != want || len(k.exchanges) != 2 || k.exchanges[0].Outcome != event.Incomplete || k.exchanges[1].Outcome != event.OK || k.exchanges[1].Start != 10*ms {
					t.Fatalf("%s, %d times, cut at %d: %+v, exchanges %s", name, before, cut, k.tally, describe(k.exchanges))
				}
			}
		}
	}
}

func slicesRepeat(p piece, n int) (all []piece) {
	for range n {
		all = append(all, p)
	}
	return all
}

// TestJoinedText: of a server's text that ends with the connection it is likely
// that it was an answer; of a few bytes, or of others, nothing is known.
func TestJoinedText(t *testing.T) {
	for text, missed := range map[string]bool{
		`nswer": "of some length"}`:      true,
		strings.Repeat("é", 20)[1:]:      true,
		"data: {\"choices\":[]}\n\n":     true,
		"}":                              false,
		"\x00\x01\x02 of an image or so": false,
	} {
		k := newTalk()
		k.hear(t, false, 0, []piece{{dir: event.Response, bytes: []byte(text)}})
		if missed {
			if len(k.exchanges) != 1 || k.exchanges[0].Outcome != event.Incomplete || k.tally != (event.Tally{}) {
				t.Errorf("%q: %+v, exchanges %s", text, k.tally, describe(k.exchanges))
			}
		} else if k.tally != alone(event.UnobservedUnknown) || len(k.exchanges) != 0 {
			t.Errorf("%q: %+v, exchanges %s", text, k.tally, describe(k.exchanges))
		}
	}
}
