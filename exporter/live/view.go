// SPDX-License-Identifier: Apache-2.0

package live

import (
	"cmp"
	"encoding/json"
	"slices"
	"time"

	"github.com/modeltap/modeltap/observer/event"
)

// viewWindow is what the figures of the page without scripts are of.
const viewWindow = 5 * time.Minute

// viewRequests is how many requests that page shows.
const viewRequests = 25

// View is what the page has without scripts, as text.
type View struct {
	Version, Hostname, Time string
	Metrics                 string // relative address
	Pprof                   bool
	Window                  string
	Servers                 []Row
	Watched                 []Server // servers of which there is nothing to tell yet
	Requests                []Line
	Capture                 string
}

// Row is one server and model.
type Row struct {
	Server, Model, Requests, Failed  string
	TTFT50, TTFT95, ITL50, ITL95     string
	SocketWait99, Waiting, Streaming string
	TokensPerSecond                  string
}

// Line is one ended request.
type Line struct {
	Time, Server, Model, API, Outcome, Code string
	SocketWait, FirstToken, Total, In, Out  string
}

// sum is what a group did over many ticks.
type sum struct {
	key
	ended, failed uint64
	ttft, wait    [timeBuckets]uint64
	gaps          [gapBuckets]uint64
	last          Group // of the newest tick
}

// failedOutcome tells which ends are the server's fault.
func failedOutcome(o event.Outcome) bool {
	return o == event.HTTPError || o == event.StreamError || o == event.ServerAbort
}

func outcomeNames() []string {
	names := make([]string, event.Outcomes)
	for i := range names {
		names[i] = event.Outcome(i).String()
	}
	return names
}

func (s *sum) add(g *Group) {
	for o, n := range g.Outcomes {
		s.ended += uint64(n)
		if failedOutcome(event.Outcome(o)) {
			s.failed += uint64(n)
		}
	}
	g.TTFT.addTo(s.ttft[:])
	g.SocketWait.addTo(s.wait[:])
	g.InterToken.addTo(s.gaps[:])
}

// sums adds up the groups of ticks that are newer than from. Lost is what
// capture missed in them.
func sums(ticks []kept, from int64) (all []*sum, span float64, lost uint64, last Tick) {
	by := map[key]*sum{}
	for i := range ticks {
		var t Tick
		if json.Unmarshal(ticks[i].json, &t) != nil {
			continue
		}
		last = t
		recent := t.Second > from
		if recent {
			span += t.Span
			if t.Capture != nil {
				lost += t.Capture.Lost
			}
		}
		for j := range t.Groups {
			g := &t.Groups[j]
			k := key{g.Server, g.Model}
			s := by[k]
			if s == nil {
				s = &sum{key: k}
				by[k] = s
				all = append(all, s)
			}
			if recent {
				s.add(g)
			}
			if i == len(ticks)-1 {
				s.last = *g
			}
		}
	}
	slices.SortFunc(all, func(a, b *sum) int { return cmp.Or(cmp.Compare(a.server, b.server), cmp.Compare(a.model, b.model)) })
	return all, span, lost, last
}

func (s *sum) row(span float64, state bool) Row {
	r := Row{
		Server: s.server, Model: s.model, Requests: rate(float64(s.ended), span), Failed: rate(float64(s.failed), span),
		TTFT50: seconds(quantile(.5, s.ttft[:], timeBounds[:])), TTFT95: seconds(quantile(.95, s.ttft[:], timeBounds[:])),
		ITL50: seconds(quantile(.5, s.gaps[:], gapBounds)), ITL95: seconds(quantile(.95, s.gaps[:], gapBounds)),
		SocketWait99: seconds(quantile(.99, s.wait[:], timeBounds[:])),
		Waiting:      none, Streaming: none, TokensPerSecond: none,
	}
	if state {
		r.Waiting, r.Streaming = number(float64(s.last.Receiving+s.last.Waiting)), number(float64(s.last.Streaming))
		r.TokensPerSecond = number(s.last.Rate)
	}
	return r
}

// view makes the page's figures from what is kept.
func (l *Live) view() View {
	l.mu.Lock()
	ticks := slices.Clone(l.history.ticks)
	servers := slices.Clone(l.servers)
	requests := l.recent.after(0)
	l.mu.Unlock()
	now := l.opts.Now()
	v := View{
		Version: l.opts.Version, Hostname: l.opts.Hostname, Time: now.UTC().Format("2006-01-02 15:04:05 UTC"),
		Metrics: relative(l.opts.TelemetryPath), Pprof: l.opts.Pprof, Window: "5 minutes",
	}
	all, span, lost, last := sums(ticks, now.Unix()-int64(viewWindow/time.Second))
	seen := map[string]bool{}
	for _, s := range all {
		seen[s.server] = true
		v.Servers = append(v.Servers, s.row(span, last.State))
	}
	for _, s := range servers {
		if !seen[s.Name] {
			v.Watched = append(v.Watched, s)
		}
	}
	for i := range requests[:min(len(requests), viewRequests)] {
		v.Requests = append(v.Requests, lineOf(&requests[i]))
	}
	switch {
	case last.Capture == nil:
		v.Capture = "capture is not attached yet"
	case lost > 0:
		v.Capture = last.Capture.Source + " capture, " + number(float64(lost)) + " records lost"
	default:
		v.Capture = last.Capture.Source + " capture, nothing lost"
	}
	return v
}

func lineOf(r *Request) Line {
	l := Line{
		Time: none, Server: r.Server, Model: r.Model, API: r.API, Outcome: outcomeText(r.Outcome), Code: none,
		SocketWait: optional(r.SocketWait), FirstToken: optional(r.FirstToken), Total: optional(r.End), In: none, Out: none,
	}
	if !r.Stream {
		l.FirstToken = none
	}
	if r.Started > 0 {
		l.Time = time.UnixMilli(int64(r.Started * 1e3)).UTC().Format("15:04:05")
	}
	if r.Code > 0 {
		l.Code = number(float64(r.Code))
	}
	if r.Input != nil {
		l.In = number(float64(*r.Input))
	}
	if r.Output != nil {
		l.Out = approximately(r.Source) + number(float64(*r.Output))
	}
	return l
}
