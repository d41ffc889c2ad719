// SPDX-License-Identifier: Apache-2.0

package observer

import (
	"testing"
	"time"

	"github.com/modeltap/modeltap/observer/event"
	"github.com/modeltap/modeltap/observer/servers"
	"github.com/modeltap/modeltap/observer/tokens"
)

// tokenizedWire is a wire whose model m0 has a tokenizer to which a byte is a
// token.
func tokenizedWire(t *testing.T, sink event.Sink, count tokens.Tokenizer) *wire {
	t.Helper()
	spec, err := servers.ParseSpec("s=8000")
	if err != nil {
		t.Fatal(err)
	}
	cfg := Config{Targets: []servers.Spec{spec}}
	if err := cfg.defaults(); err != nil {
		t.Fatal(err)
	}
	desk := tokens.NewDesk(map[string]tokens.Tokenizer{"m0": count}, false)
	table := servers.NewTable(servers.Options{Specs: cfg.Targets})
	return &wire{now: 1e9, pipe: newPipeline(&cfg, desk, sink, resolveIn(table))}
}

// A count that comes late reaches the sink with the timers, not with traffic of
// the same connection, and once.
func TestLateCountReachesTheSink(t *testing.T) {
	var l ledger
	w := tokenizedWire(t, &l, func(text []byte) (int64, bool) { return int64(len(text)), true })
	p := w.dial(8000)
	p.ask(chat("m0"))
	p.answer(sseHead + event1("m0") + event1("m0") + done)
	w.flush()
	for deadline := time.Now().Add(10 * time.Second); len(l.exchanges) == 0; {
		if time.Now().After(deadline) {
			t.Fatal("an answer that was counted is not reported")
		}
		w.flush() // what a source does while nothing comes
	}
	want := event.Count{N: int64(len(" word word")), Source: event.Exact, Known: true}
	if x := l.exchanges[0]; x.Tokens[event.Output] != want || x.Outcome != event.OK {
		t.Errorf("%+v", x)
	}
	w.pipe.close()
	if len(l.exchanges) != 1 {
		t.Errorf("reported %d times", len(l.exchanges))
	}
}

// At the end nothing is lost that waits for a tokenizer: it is reported by what
// else is known.
func TestShutdownReportsWhatWaits(t *testing.T) {
	var l ledger
	gate := make(chan struct{})
	w := tokenizedWire(t, &l, func(text []byte) (int64, bool) {
		<-gate
		return int64(len(text)), true
	})
	for range 5 {
		p := w.dial(8000)
		p.ask(chat("m0"))
		p.answer(sseHead + event1("m0") + event1("m0") + done)
	}
	open := w.dial(8000)
	open.ask(chat("m0"))
	open.answer(sseHead + event1("m0"))
	w.flush()
	if len(l.exchanges) != 0 {
		t.Fatalf("%d reported before they were counted", len(l.exchanges))
	}
	go close(gate) // close waits for what is being counted, and hurries the rest
	w.pipe.close()
	if got := l.outcomes(); got["ok"] != 5 || got["incomplete"] != 1 || len(l.exchanges) != 6 {
		t.Fatalf("outcomes %v", got)
	}
	lesser := 0
	for _, x := range l.exchanges {
		if c := x.Tokens[event.Output]; !c.Known || c.N == 0 {
			t.Errorf("no tokens: %+v", x)
		} else if c.Source != event.Exact {
			lesser++
		}
	}
	if n := w.pipe.snapshot(w.now).Tally.Untokenized[event.UntokenizedFailed]; int(n) != lesser {
		t.Errorf("%d answers by lesser evidence, counted as %d", lesser, n)
	}
}
