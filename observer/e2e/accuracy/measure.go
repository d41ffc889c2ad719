// SPDX-License-Identifier: Apache-2.0

package main

import (
	"fmt"
	"os"
	"sync"
	"time"

	"github.com/modeltap/modeltap/observer/e2e/rig"
)

// bench is a model server under observation.
type bench struct {
	server   *rig.Server
	modeltap *rig.Modeltap
	target   string              // the server's name in modeltap
	model    string              // what its answers call the model
	own      func() (own, error) // reads what it counts itself
	asked    int                 // requests that modeltap must have counted
}

// own is what a server has counted itself since it started.
type own struct {
	prompt, predicted int64   // tokens
	answers           int64   // with the times below; 0 if it has none
	first, duration   float64 // sums, s
}

func (o own) since(before own) own {
	return own{o.prompt - before.prompt, o.predicted - before.predicted, o.answers - before.answers,
		o.first - before.first, o.duration - before.duration}
}

// pair is one request, as the client and modeltap recorded it.
type pair struct {
	answer *rig.Answer
	stated stated
	seen   rig.Exchange
}

// row is one case, measured.
type row struct {
	usecase
	model string
	pairs []pair
	own   own // what the server counted meanwhile
}

// all measures the cases one after another.
func (b *bench) all(cases []usecase) (rows []row, err error) {
	for _, c := range cases {
		fmt.Fprintln(os.Stderr, b.target+":", c.name)
		r, err := b.measure(c)
		if err != nil {
			return nil, fmt.Errorf("%s: %w\n%s: %s\nmodeltap: %s", c.name, err, b.target, b.server.Output(), b.modeltap.Output())
		}
		rows = append(rows, r)
	}
	return rows, nil
}

// measure asks the requests of a case and collects what is known of them.
func (b *bench) measure(c usecase) (row, error) {
	r := row{usecase: c, model: b.model, pairs: make([]pair, c.n)}
	before, err := b.own()
	if err != nil {
		return r, err
	}
	var wait sync.WaitGroup
	failed := make([]error, c.atOnce)
	for client := range c.atOnce {
		wait.Go(func() {
			for i := client; i < c.n && failed[client] == nil; i += c.atOnce {
				r.pairs[i].answer, failed[client] = b.ask(c.call(i), &r.pairs[i].stated)
			}
		})
	}
	wait.Wait()
	for _, err := range failed {
		if err != nil {
			return r, err
		}
	}
	b.asked += c.n
	if err := b.settle(); err != nil {
		return r, err
	}
	after, err := b.own()
	if err != nil {
		return r, err
	}
	r.own = after.since(before)
	seen, err := b.modeltap.Requests(b.target)
	if err != nil {
		return r, err
	}
	for i := range r.pairs {
		p := &r.pairs[i]
		found := false
		if p.seen, found = seen[p.answer.TraceID]; !found {
			return r, fmt.Errorf("modeltap does not list request %d, trace id %s", i, p.answer.TraceID)
		}
	}
	return r, nil
}

// ask sends one request on a connection of its own: the server closes it after
// a stream.
func (b *bench) ask(call rig.Call, s *stated) (*rig.Answer, error) {
	c, err := rig.Dial(b.server.Port)
	if err != nil {
		return nil, err
	}
	call.OnData = s.take
	a, err := c.Do(call)
	if !a.Aborted {
		c.Close()
	}
	if err == nil && a.Status != 200 {
		err = fmt.Errorf("%s was answered with %d", call.Target, a.Status)
	}
	return a, err
}

// settle waits until modeltap has nothing in flight: the server notices that a
// client has left only when it writes again.
func (b *bench) settle() error {
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for end := time.After(30 * time.Second); ; {
		m, err := b.modeltap.Scrape()
		if err != nil {
			return err
		}
		n := m.Value("model_requests_in_flight")
		if n == 0 {
			return nil
		}
		select {
		case <-end:
			return fmt.Errorf("%v requests are still in flight after 30 s", n)
		case <-tick.C:
		}
	}
}

// sound lists what modeltap's totals say that should not be.
func (b *bench) sound() (wrong []string, err error) {
	m, err := b.modeltap.Scrape()
	if err != nil {
		return nil, err
	}
	if n := m.Value("model_requests_total", "server", b.target); n != float64(b.asked) {
		wrong = append(wrong, fmt.Sprintf("modeltap counted %v requests, the clients sent %d", n, b.asked))
	}
	if n := m.Value("model_requests_total", "server", b.target, "model", b.model); n != float64(b.asked) {
		wrong = append(wrong, fmt.Sprintf("modeltap counted %v requests for %s of %d", n, b.model, b.asked))
	}
	for _, name := range []string{"modeltap_capture_lost_total", "modeltap_stream_gaps_total", "modeltap_stream_resyncs_total",
		"modeltap_parse_errors_total", "modeltap_panics_total", "modeltap_evictions_total", "modeltap_unobserved_connections_total"} {
		if n := m.Value(name); n != 0 {
			wrong = append(wrong, fmt.Sprintf("%s is %v", name, n))
		}
	}
	return wrong, nil
}
