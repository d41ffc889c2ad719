// SPDX-License-Identifier: Apache-2.0

package figures

import (
	"cmp"
	"math"
	"slices"
	"time"
)

// MaxRows bounds the servers and models told apart. More than that is left
// out, and Figures.Cut says so.
const MaxRows = 1024

// Key names a row. Instance is empty unless the scrape is of several daemons
// (a federation).
type Key struct{ Instance, Server, Model string }

// Figures is what two scrapes say. NaN stands for unknown.
type Figures struct {
	At   time.Time
	Over time.Duration // between the scrapes; 0 while there is one
	Rows []Row         // by server and model
	GPUs []GPU
	Host Host
	Self Self
	Cut  bool // there was more than is shown
}

// Row is one model of one server.
type Row struct {
	Key
	Requests, Errors float64 // ended a second; errors are the server's own
	TTFT, ITL        Histogram
	SocketWait       Histogram
	Duration, TPOT   Histogram

	Receiving, Waiting, Streaming, Stalled float64
	TokensPerSecond                        float64 // output

	Outcomes []Count // by outcome and code
	Tokens   []Count // by type and source
	Finish   []Count // by reason
	APIs     []string
	Process  Process
}

// Count is a counter: its value and how fast it grows.
type Count struct {
	Name  string
	Total float64
	Rate  float64 // a second
}

// Process is what is known of a server's processes.
type Process struct {
	Info                           Labels // of model_server_info; nil where there is none
	Processes, Resident, CPU, VRAM float64
}

// rowSet builds rows.
type rowSet struct {
	pair
	sums
	rows map[Key]*Row
	cut  bool
}

func (rs *rowSet) row(l Labels) *Row {
	k := Key{l["instance"], l["server"], l["model"]}
	r := rs.rows[k]
	if r == nil {
		if len(rs.rows) >= MaxRows {
			rs.cut = true
			return &Row{}
		}
		nan := math.NaN()
		r = &Row{Key: k, Requests: nan, Errors: nan, TokensPerSecond: nan, Process: Process{nil, nan, nan, nan, nan}}
		rs.rows[k] = r
	}
	return r
}

// Between returns what from and to, a later scrape of the same daemon, say
// together; what to says alone while from is nil.
func Between(from, to *Scrape) *Figures {
	p := pair{from, to}
	rs := &rowSet{pair: p, sums: sums{}, rows: map[Key]*Row{}}
	rs.requests()
	rs.histograms()
	rs.gauges()
	rs.servers()
	f := &Figures{At: to.At, Over: p.over(), GPUs: gpus(p), Host: host(p), Self: self(p)}
	for _, r := range rs.rows {
		f.Rows = append(f.Rows, *r)
	}
	slices.SortFunc(f.Rows, func(a, b Row) int { return compareKeys(a.Key, b.Key) })
	f.Cut = rs.cut || to.Cut
	return f
}

func compareKeys(a, b Key) int {
	return cmp.Or(cmp.Compare(a.Instance, b.Instance), cmp.Compare(a.Server, b.Server), cmp.Compare(a.Model, b.Model))
}

// rate returns a growth a second.
func (p pair) rate(delta float64) float64 {
	if s := p.seconds(); s > 0 {
		return delta / s
	}
	return math.NaN()
}

// sums adds up fields that are NaN until something is added; what cannot be told
// makes the whole sum unknown.
type sums map[*float64]bool

func (s sums) add(to *float64, v float64) {
	if !s[to] {
		*to, s[to] = 0, true
	}
	*to += v
}

// count adds a counter to those of its name.
func (p pair) count(to *[]Count, name string, c change) {
	for i := range *to {
		if x := &(*to)[i]; x.Name == name {
			x.Total += c.now
			x.Rate += p.rate(c.delta)
			return
		}
	}
	*to = append(*to, Count{name, c.now, p.rate(c.delta)})
}

// sortCounts puts the largest first.
func sortCounts(c []Count) {
	slices.SortFunc(c, func(a, b Count) int {
		return cmp.Or(cmp.Compare(b.Total, a.Total), cmp.Compare(a.Name, b.Name))
	})
}
