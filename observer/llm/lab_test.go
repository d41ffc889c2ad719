// SPDX-License-Identifier: Apache-2.0

package llm

import (
	"fmt"
	"testing"
	"time"

	"github.com/modeltap/modeltap/observer/event"
	"github.com/modeltap/modeltap/observer/meter"
)

const (
	ms     = int64(1e6)
	second = int64(1e9)
)

// lab is a shard and what it reported.
type lab struct {
	Shard
	tally     event.Tally
	exchanges []event.Exchange
}

func (l *lab) Exchange(e *event.Exchange) { l.exchanges = append(l.exchanges, *e) }
func (l *lab) OtherRequest(string, int)   {}

func newLab() *lab {
	l := new(lab)
	l.Shard = Shard{
		Book: meter.NewBook(meter.NewLabels(8), int64(time.Hour), false),
		Sink: l, Tally: &l.tally, StallAfter: 10 * second,
	}
	return l
}

// ask opens an exchange at time t with a whole request.
func (l *lab) ask(t int64, d *Dialect, body string) *Exchange {
	e := l.Open("s", d, t, false)
	e.RequestBody([]byte(body))
	e.RequestEnd(t)
	return e
}

// stream opens an exchange at time t whose answer is an event stream.
func (l *lab) stream(t int64, d *Dialect) *Exchange {
	e := l.ask(t, d, `{"model":"m","stream":true}`)
	e.ResponseHead(t, 200, []byte("text/event-stream"), nil, true)
	return e
}

// say hands bytes of the answer over, at time t.
func (e *Exchange) say(t int64, body string) { e.ResponseBody(event.Mark{Time: t}, []byte(body)) }

// data hands one SSE event over.
func (e *Exchange) data(t int64, doc string) { e.say(t, "data: "+doc+"\n\n") }

// word is a content event of a choice.
func word(choice int, text string) string {
	return fmt.Sprintf(`{"model":"m","choices":[{"index":%d,"delta":{"content":%q}}]}`, choice, text)
}

// last returns the exchange that was reported last.
func (l *lab) last(t *testing.T) event.Exchange {
	t.Helper()
	if len(l.exchanges) == 0 {
		t.Fatal("no exchange was reported")
	}
	return l.exchanges[len(l.exchanges)-1]
}

// series returns the only series at time t, with the open exchanges in it.
func (l *lab) series(t *testing.T, at int64) event.Series {
	t.Helper()
	l.CountInFlight(at)
	all := l.Book.Snapshot(nil, at)
	if len(all) != 1 {
		t.Fatalf("%d series, want 1: %+v", len(all), all)
	}
	return all[0]
}

func observations(h event.Histogram) (n uint64) {
	for _, c := range h.Counts {
		n += c
	}
	return n
}

func count(n int64, s event.TokenSource) event.Count {
	return event.Count{N: n, Source: s, Known: true}
}
