// SPDX-License-Identifier: Apache-2.0

package live

import (
	"cmp"
	"slices"
	"time"

	"github.com/modeltap/modeltap/observer/event"
)

// maxRecent is the number of ended requests that the page has.
const maxRecent = 200

// Request is an ended request as the page shows it. Times are in seconds from
// its first byte, null where not seen. What is measured of a request that did
// not end well is shown here, where it stands beside its outcome.
type Request struct {
	Number     uint64   `json:"n"` // counts from the start of modeltap; 0 while it runs
	Started    float64  `json:"started"`
	Server     string   `json:"server"`
	Model      string   `json:"model"`
	API        string   `json:"api"`
	Code       int      `json:"code"` // 0 for none
	Stream     bool     `json:"stream"`
	Outcome    string   `json:"outcome"`
	Complete   *float64 `json:"complete"`    // last byte of the request
	SocketWait *float64 `json:"socket_wait"` // from there until the application had read it
	FirstToken *float64 `json:"first_token"`
	LastToken  *float64 `json:"last_token"`
	End        *float64 `json:"end"`
	Input      *int64   `json:"input_tokens"`
	Output     *int64   `json:"output_tokens"`
	Source     string   `json:"token_source,omitempty"`
	Finish     string   `json:"finish_reason,omitempty"`
	Slow       bool     `json:"backpressure,omitempty"` // the client or path was slow
}

// ended is an exchange with the wall-clock time of its start, zero where that is
// unknown: the time of when it came, whatever the clock does later.
type ended struct {
	event.Exchange
	started time.Time
}

// recent holds the last exchanges by value.
type recent struct {
	slots []ended
	total uint64 // how many there have been
}

func (r *recent) put(x *event.Exchange, started time.Time) {
	if len(r.slots) < maxRecent {
		r.slots = append(r.slots, ended{*x, started})
	} else {
		r.slots[r.total%maxRecent] = ended{*x, started}
	}
	r.total++
}

// startOf is the wall-clock time at which x began.
func startOf(x *event.Exchange, wall func(int64) time.Time) (t time.Time) {
	if x.Start != 0 {
		t = wall(x.Start)
	}
	return t
}

// after returns those that are held of the ones after the n-th, newest first.
func (r *recent) after(n uint64) []Request {
	if n > r.total {
		n = 0 // of a modeltap before this one
	}
	have := min(r.total-n, uint64(len(r.slots)))
	out := make([]Request, 0, have)
	for i := range have {
		at := r.total - 1 - i
		s := &r.slots[at%maxRecent]
		out = append(out, requestOf(&s.Exchange, at+1, s.started))
	}
	return out
}

func requestOf(x *event.Exchange, number uint64, started time.Time) Request {
	r := Request{
		Number: number, Server: event.Label(x.Server), Model: event.Label(x.Model), API: event.Label(x.API),
		Code: x.Status, Stream: x.Stream, Outcome: x.Outcome.String(), Slow: x.Backpressure,
		Complete: after(x.Start, x.Complete), FirstToken: after(x.Start, x.FirstToken),
		LastToken: after(x.Start, x.LastToken), End: after(x.Start, x.End),
	}
	if !started.IsZero() {
		r.Started = float64(started.UnixMilli()) / 1e3
	}
	if x.SocketWait >= 0 {
		r.SocketWait = new(time.Duration(x.SocketWait).Seconds())
	}
	if n := x.Tokens[event.Input]; n.Known {
		r.Input, r.Source = new(n.N), n.Source.String()
	}
	if n := x.Tokens[event.Output]; n.Known {
		r.Output, r.Source = new(n.N), n.Source.String()
	}
	most := uint8(0)
	for i, n := range x.Finish {
		if n > most {
			most, r.Finish = n, event.Finish(i).String()
		}
	}
	return r
}

// maxRunning is the number of running requests that the page has.
const maxRunning = 32

// runningOf returns the open exchanges as of now, the oldest first. Their end is
// how long they have lasted.
func runningOf(s *event.Snapshot, wall func(int64) time.Time) []Request {
	open := slices.Clone(s.Open)
	slices.SortFunc(open, func(a, b event.Exchange) int { return cmp.Compare(a.Start, b.Start) })
	out := make([]Request, 0, min(len(open), maxRunning))
	for i := range open[:min(len(open), maxRunning)] {
		x := &open[i]
		r := requestOf(x, 0, startOf(x, wall))
		r.Outcome, r.End = running, after(x.Start, s.Now)
		r.Stream = r.Stream || x.FirstToken != 0
		out = append(out, r)
	}
	return out
}

// running stands for an outcome that there is not yet.
const running = "running"

func after(start, t int64) *float64 {
	if start == 0 || t < start {
		return nil
	}
	return new(time.Duration(t - start).Seconds())
}
