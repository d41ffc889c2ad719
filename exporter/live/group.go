// SPDX-License-Identifier: Apache-2.0

package live

import (
	"math"
	"slices"

	"github.com/modeltap/modeltap/observer/event"
)

// maxGroups bounds the servers and models that are told apart; the rest is
// "other".
const maxGroups = 128

// key names what is told apart.
type key struct{ server, model string }

var otherKey = key{"other", "other"}

// group is what one model of one server has done since the last tick.
type group struct {
	ttft, wait, duration histogram
	outcomes             [event.Outcomes]uint32
	input, output        int64 // tokens of ended requests
	seen                 int64 // second of the last tick that had something
	busy                 bool  // something has ended since the last tick
	now                  present
}

// add counts an ended exchange. Times that its end forbids to measure are left
// out, as in the metrics.
func (g *group) add(x *event.Exchange) {
	g.busy = true
	g.outcomes[x.Outcome]++
	if x.Outcome == event.Incomplete {
		return
	}
	if x.Stream && x.Start != 0 && x.FirstToken >= x.Start {
		g.ttft.observe(x.FirstToken - x.Start)
	}
	switch x.Outcome {
	case event.OK, event.ClientAbort, event.ServerAbort:
		if x.SocketWait >= 0 {
			g.wait.observe(x.SocketWait)
		}
	}
	switch x.Outcome {
	case event.OK, event.HTTPError, event.StreamError:
		if x.Start != 0 && x.End >= x.Start {
			g.duration.observe(x.End - x.Start)
		}
	}
	if n := x.Tokens[event.Input]; n.Known {
		g.input += n.N
	}
	if n := x.Tokens[event.Output]; n.Known {
		g.output += n.N
	}
}

// take returns what there is to tell of g since the last tick, which g then
// forgets. ok is false for nothing.
func (g *group) take(k key) (t Group, ok bool) {
	if !g.busy && g.now.empty() {
		return t, false
	}
	t = Group{
		Server: k.server, Model: k.model,
		Receiving: g.now.receiving, Waiting: g.now.waiting, Streaming: g.now.streaming, Stalled: g.now.stalled,
		Rate: math.Round(g.now.rate*100) / 100, Input: g.input, Output: g.output,
		TTFT: pack(g.ttft[:]), SocketWait: pack(g.wait[:]), Duration: pack(g.duration[:]), InterToken: pack(g.now.gaps[:]),
	}
	if g.busy {
		t.Outcomes = slices.Clone(g.outcomes[:])
	}
	*g = group{}
	return t, true
}

// groups are those of the last 15 minutes.
type groups map[key]*group

// of returns the group of a server and model, "other" beyond maxGroups.
func (g groups) of(server, model string) *group {
	if one := g[key{server, model}]; one != nil {
		return one
	}
	k := key{event.Label(server), event.Label(model)}
	if g[k] == nil && len(g) >= maxGroups {
		k = otherKey
	}
	if g[k] == nil {
		g[k] = &group{}
	}
	return g[k]
}
