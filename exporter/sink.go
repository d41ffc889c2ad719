// SPDX-License-Identifier: Apache-2.0

package exporter

import (
	"encoding/hex"
	"strconv"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/modeltap/modeltap/observer/event"
)

var _ event.Sink = (*Exporter)(nil)

// key is the identity of a model metric, fit to be label values.
type key struct{ server, model, api string }

func keyOf(server, model, api string) key {
	return key{event.Label(server), event.Label(model), event.Label(api)}
}

type requestKey struct {
	status  int
	stream  bool
	outcome event.Outcome
}

// child caches the metrics of one identity, so that an exchange builds no label
// slice. Metrics appear when they are first fed.
type child struct {
	key key
	activity
	requests map[requestKey]prometheus.Counter
	tokens   [event.TokenTypes][event.TokenSources]prometheus.Counter
	finish   [event.Finishes]prometheus.Counter
	duration [2]prometheus.Observer
	plain    [histograms]prometheus.Observer
	goal     *Objective // nil for none
	met      [objectives][2]prometheus.Counter
}

// Exchange implements event.Sink. The lock is held throughout, so that no
// observation is lost to a series that expires at the same time.
func (e *Exporter) Exchange(x *event.Exchange) {
	var started time.Time
	if x.Start != 0 && e.opts.Wall != nil {
		started = e.opts.Wall(x.Start)
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	// The observer's labels are fit already, but for a sink that is fed by
	// others: what is not found as it stands is looked for as a label.
	c := e.children[key{x.Server, x.Model, x.API}]
	if c == nil {
		c = e.child(keyOf(x.Server, x.Model, x.API))
	}
	c.used = true
	c.count(e.requests, x)
	c.observe(e.requests, x)
	e.recent.put(x, started)
}

// child returns the metrics of k, made when there are none.
func (e *Exporter) child(k key) *child {
	c := e.children[k]
	if c == nil {
		e.sweepUnscraped(e.opts.Now())
		c = &child{key: k, requests: make(map[requestKey]prometheus.Counter), goal: e.goalOf(k)}
		e.children[k] = c
	}
	return c
}

func (c *child) count(v *requestVecs, x *event.Exchange) {
	k := requestKey{x.Status, x.Stream, x.Outcome}
	n := c.requests[k]
	if n == nil {
		n = v.requests.WithLabelValues(c.with(code(x.Status), strconv.FormatBool(x.Stream), x.Outcome.String())...)
		c.requests[k] = n
	}
	n.Inc()
	for t, count := range x.Tokens {
		if !count.Known || count.N <= 0 {
			continue
		}
		m := &c.tokens[t][count.Source]
		if *m == nil {
			*m = v.tokens.WithLabelValues(c.with(event.TokenType(t).String(), count.Source.String())...)
		}
		(*m).Add(float64(count.N))
	}
	for r, n := range x.Finish {
		if n == 0 {
			continue
		}
		m := &c.finish[r]
		if *m == nil {
			*m = v.finish.WithLabelValues(c.with(event.Finish(r).String())...)
		}
		(*m).Add(float64(n))
	}
}

func (c *child) observe(v *requestVecs, x *event.Exchange) {
	var exemplar prometheus.Labels
	if x.HasTraceID && x.Outcome != event.Incomplete {
		exemplar = prometheus.Labels{"trace_id": hex.EncodeToString(x.TraceID[:])}
	}
	f := figuresOf(x)
	c.judge(v.met, x, &f)
	if f.duration >= 0 {
		stream := 0
		if x.Stream {
			stream = 1
		}
		if c.duration[stream] == nil {
			c.duration[stream] = v.duration.WithLabelValues(c.with(strconv.FormatBool(x.Stream))...)
		}
		observe(c.duration[stream], f.duration, exemplar)
	}
	for h, value := range [histograms]float64{
		timeToFirstToken:   f.firstToken,
		timeToFirstChunk:   f.firstChunk,
		timePerOutputToken: f.perToken,
		socketWait:         f.socketWait,
		inputTokens:        f.input,
		outputTokens:       f.output,
		outputRate:         f.rate,
		requestSize:        f.requestSize,
		responseSize:       f.responseSize,
	} {
		if value < 0 {
			continue
		}
		if c.plain[h] == nil {
			c.plain[h] = v.plain[h].WithLabelValues(c.with()...)
		}
		observe(c.plain[h], value, exemplar)
	}
}

func (c *child) with(extra ...string) []string {
	return append([]string{c.key.server, c.key.model, c.key.api}, extra...)
}

func observe(o prometheus.Observer, v float64, exemplar prometheus.Labels) {
	if exemplar == nil {
		o.Observe(v)
		return
	}
	o.(prometheus.ExemplarObserver).ObserveWithExemplar(v, exemplar)
}

type otherKey struct {
	server string
	status int
}

type otherChild struct {
	activity
	n prometheus.Counter
}

// OtherRequest implements event.Sink.
func (e *Exporter) OtherRequest(server string, status int) {
	e.mu.Lock()
	defer e.mu.Unlock()
	k := otherKey{event.Label(server), status}
	c := e.others[k]
	if c == nil {
		e.sweepUnscraped(e.opts.Now())
		c = &otherChild{n: e.requests.other.WithLabelValues(k.server, code(status))}
		e.others[k] = c
	}
	c.used = true
	c.n.Inc()
}

// code is the value of the "code" label. RFC 9110 section 15: three digits.
func code(status int) string {
	if status < 100 || status > 999 {
		return "none"
	}
	return strconv.Itoa(status)
}
