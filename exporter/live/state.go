// SPDX-License-Identifier: Apache-2.0

package live

import (
	"cmp"
	"slices"

	"github.com/modeltap/modeltap/observer/event"
)

// seriesKey names a series of the observer.
type seriesKey struct{ server, model, api string }

// counts are those of a histogram that only grows.
type counts struct {
	n    [gapBuckets]uint64
	mark bool // it was in the last snapshot
}

// deltas turns what the observer counts since its start into what happened
// since the last tick. Only the goroutine that ticks uses it.
type deltas struct {
	gaps                map[seriesKey]*counts
	packets, lost, hole uint64
}

// present is the part of a group that comes from the observer's state.
type present struct {
	receiving, waiting, streaming, stalled int
	rate                                   float64
	gaps                                   [gapBuckets]uint64
}

func (p *present) empty() bool {
	return p.receiving+p.waiting+p.streaming+p.stalled == 0 && p.rate == 0 && p.gaps == [gapBuckets]uint64{}
}

func (p *present) add(q *present) {
	p.receiving += q.receiving
	p.waiting += q.waiting
	p.streaming += q.streaming
	p.stalled += q.stalled
	p.rate += q.rate
	for i, n := range q.gaps {
		p.gaps[i] += n
	}
}

// series returns what s has, by server and model.
func (d *deltas) series(s []event.Series) map[key]*present {
	into := make(map[key]*present, len(s))
	if d.gaps == nil {
		d.gaps = map[seriesKey]*counts{}
	}
	for i := range s {
		r := &s[i]
		k := key{event.Label(r.Server), event.Label(r.Model)}
		p := into[k]
		if p == nil {
			p = &present{}
			into[k] = p
		}
		p.receiving += r.Receiving
		p.waiting += r.Waiting
		p.streaming += r.Streaming
		p.stalled += r.Stalled
		p.rate += r.TokensPerSecond
		d.since(seriesKey{r.Server, r.Model, r.API}, &r.InterToken.Counts, &p.gaps)
	}
	for k, c := range d.gaps {
		if !c.mark {
			delete(d.gaps, k) // the observer has forgotten it, and counts anew
		}
		c.mark = false
	}
	return into
}

// since adds to sum what now has more than at the last tick. A count that went
// down began anew.
func (d *deltas) since(k seriesKey, now, sum *[gapBuckets]uint64) {
	last := d.gaps[k]
	if last == nil {
		last = &counts{}
		d.gaps[k] = last
	}
	for i, n := range now {
		if n < last.n[i] {
			last.n = [gapBuckets]uint64{}
			break
		}
	}
	for i, n := range now {
		sum[i] += n - last.n[i]
	}
	last.n, last.mark = *now, true
}

func (d *deltas) capture(s *event.Snapshot) *Capture {
	var packets, lost uint64
	source := ""
	for i := range s.Sources {
		r := &s.Sources[i]
		source = r.Source
		for dir := range r.Packets {
			packets += r.Packets[dir]
			lost += r.RingFull[dir] + r.CopyFailed[dir] + r.QueueFull[dir]
		}
	}
	c := &Capture{
		Source: event.Label(source), Connections: s.Connections,
		Packets: grown(packets, d.packets), Lost: grown(lost, d.lost), Gaps: grown(s.Tally.Gaps, d.hole),
	}
	d.packets, d.lost, d.hole = packets, lost, s.Tally.Gaps
	return c
}

func grown(now, before uint64) uint64 {
	if now < before {
		return now
	}
	return now - before
}

// Server is a model server that is being observed.
type Server struct {
	Name      string `json:"server"`
	Comm      string `json:"comm,omitempty"`
	Port      int    `json:"port,omitempty"`
	Pod       string `json:"pod,omitempty"`
	Namespace string `json:"namespace,omitempty"`
	Container string `json:"container,omitempty"`
	Unit      string `json:"unit,omitempty"`
	Listening bool   `json:"listening"`
}

// serversOf returns the servers in the order of their names.
func serversOf(all []event.Server) []Server {
	out := make([]Server, len(all))
	for i := range all {
		s := &all[i]
		out[i] = Server{
			Name: event.Label(s.Name), Comm: event.Label(s.Comm), Port: int(s.Port), Pod: event.Label(s.Pod), Namespace: event.Label(s.Namespace),
			Container: event.Label(s.Container), Unit: event.Label(s.Unit), Listening: s.Listening || !s.Target,
		}
	}
	slices.SortFunc(out, func(a, b Server) int {
		return cmp.Or(cmp.Compare(a.Name, b.Name), cmp.Compare(a.Port, b.Port), cmp.Compare(a.Comm, b.Comm))
	})
	return out
}
