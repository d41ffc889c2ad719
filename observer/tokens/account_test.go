// SPDX-License-Identifier: Apache-2.0

package tokens

import (
	"math"
	"strings"
	"testing"

	"github.com/modeltap/modeltap/observer/event"
)

var prose = strings.Repeat("The observer sees each packet when the kernel does. ", 10) // about 110 tokens

// stream is the account of a stream of prose in n events.
func stream(n int) Account {
	a := Account{Streamed: true}
	a.Text([]byte(prose))
	for range n {
		a.Event(a.Size())
	}
	return a
}

func TestBestEvidence(t *testing.T) {
	estimated := int64(estimate(prose) + 0.5)
	if estimated < 90 || estimated > 130 {
		t.Fatalf("%d tokens", estimated)
	}
	known := func(n int64, s event.TokenSource) event.Count { return event.Count{N: n, Source: s, Known: true} }
	for name, c := range map[string]struct {
		account func() Account
		want    event.Count
	}{
		"nothing":   {func() Account { return Account{} }, event.Count{}},
		"no events": {func() Account { return stream(0) }, known(estimated, event.Estimated)},
		"chunks":    {func() Account { return stream(105) }, known(105, event.Chunks)},
		"too few":   {func() Account { return stream(40) }, known(estimated, event.Estimated)},
		"too many":  {func() Account { return stream(300) }, known(estimated, event.Estimated)},
		"no stream": {func() Account { a := stream(105); a.Streamed = false; return a }, known(estimated, event.Estimated)},
		"exact": {func() Account {
			a := stream(50)
			for range 50 {
				a.Exact(2)
			}
			return a
		}, known(100, event.Exact)},
		"exact of some":             {func() Account { a := stream(105); a.Exact(7); return a }, known(105, event.Chunks)},
		"exact answer":              {func() Account { a := Account{}; a.Exact(9); return a }, known(9, event.Exact)},
		"tokenizer":                 {func() Account { a := stream(50); a.Tokenized(111); return a }, known(111, event.Exact)},
		"tokenizer, one event each": {func() Account { a := stream(105); a.Tokenized(0); return a }, known(0, event.Exact)},
		"ids before tokenizer":      {func() Account { a := stream(1); a.Exact(9); a.Tokenized(8); return a }, known(9, event.Exact)},
		"usage before tokenizer":    {func() Account { a := stream(1); a.Usage(-1, 7, -1, -1); a.Tokenized(8); return a }, known(7, event.Usage)},
		"usage":                     {func() Account { a := stream(105); a.Exact(1); a.Usage(-1, 99, -1, -1); return a }, known(99, event.Usage)},
		"last usage":                {func() Account { a := stream(3); a.Usage(5, 1, -1, -1); a.Usage(-1, 104, -1, -1); return a }, known(104, event.Usage)},
		"usage of zero":             {func() Account { a := Account{}; a.Usage(-1, 0, -1, -1); return a }, known(0, event.Usage)},
		"absurd usage":              {func() Account { a := Account{}; a.Usage(-1, math.MaxInt64, -1, -1); return a }, known(maxCount, event.Usage)},
		"events without text": {func() Account {
			a := Account{Streamed: true}
			for range 40 {
				a.Event(a.Size())
			}
			return a
		}, event.Count{}},
	} {
		a := c.account()
		if got := a.Counts(nil)[event.Output]; got != c.want {
			t.Errorf("%s: %+v, want %+v", name, got, c.want)
		}
	}
}

func TestStatedCounts(t *testing.T) {
	var a Account
	a.Usage(12, 7, 3, 0)
	got := a.Counts(nil)
	for tt, n := range map[event.TokenType]int64{event.Input: 12, event.Output: 7, event.Reasoning: 3, event.Cached: 0} {
		if want := (event.Count{N: n, Source: event.Usage, Known: true}); got[tt] != want {
			t.Errorf("%v: %+v, want %+v", tt, got[tt], want)
		}
	}
	var b Account
	if b.Counts(nil) != [event.TokenTypes]event.Count{} || b.Stated() != 0 || a.Stated() != 7 {
		t.Error("an empty account knows something")
	}
}

// Eight answers with usage correct the estimate of the ninth, and nothing else
// of it: its events are checked against its own text.
func TestCalibration(t *testing.T) {
	var c Calibration
	for n := range calibrated {
		if r, ok := c.Ratio(); ok || r != 1 {
			t.Fatalf("%g, %t after %d answers", r, ok, n)
		}
		a := stream(40)
		a.Usage(10, 210, -1, -1)
		a.Learn(&c)
	}
	want := 210 / estimate(prose)
	if r, ok := c.Ratio(); !ok || math.Abs(r-want) > 1e-6 {
		t.Errorf("ratio %g %t, want %g", r, ok, want)
	}
	a := stream(40)
	if got, want := a.Counts(&c)[event.Output], (event.Count{N: 210, Source: event.Estimated, Known: true}); got != want {
		t.Errorf("%+v, want %+v", got, want)
	}
	for n, chunks := range map[int]bool{40: false, 105: true, 200: false} {
		a := stream(n)
		if got := a.Counts(&c)[event.Output]; (got.Source == event.Chunks) != chunks {
			t.Errorf("%d events: %+v, want chunks %t as without calibration", n, got, chunks)
		}
	}
}

// The tokens of an event: one while the events agree with the text so far, else
// its share of it; the whole of the text in the end.
func TestTokensOfAnEvent(t *testing.T) {
	for _, c := range []struct {
		name, event string
		n           int
		agree       bool
	}{
		{"one token", " word", 300, true},
		{"two letters of one token", "wo", 300, true},
		{"four words", " four words in each", 300, false},
		{"a chunk of text", prose, 20, false},
	} {
		a := Account{Streamed: true}
		sum := 0.0
		for i := range c.n {
			a.Text([]byte(c.event))
			n := a.Event(a.Size())
			if c.agree && n > 1 || n < 0 {
				t.Fatalf("%s: %g tokens in event %d", c.name, n, i)
			}
			sum += n
		}
		if got := a.Estimate(); !c.agree && math.Abs(sum-got) > 2*slack+got/float64(c.n) {
			t.Errorf("%s: %g tokens in all events, %g in the text", c.name, sum, got)
		}
	}
}

// No answer moves the ratio far, whatever it states, and most answers decide.
func TestOddAnswersMoveNothing(t *testing.T) {
	var c Calibration
	for range remembered {
		c.Observe(100, 100)
	}
	for i := range remembered/2 - 1 {
		c.Observe(maxCount, float64(1+i))
		if r, _ := c.Ratio(); r != 1 {
			t.Fatalf("ratio %g after %d absurd answers", r, i+1)
		}
	}
	for _, stated := range []int64{0, maxCount} {
		for range 2 * remembered {
			c.Observe(stated, 100)
		}
		if r, ok := c.Ratio(); !ok || r < 1.0/maxRatio || r > maxRatio {
			t.Errorf("ratio %g where all state %d", r, stated)
		}
	}
	before := c
	c.Observe(1, 0)
	c.Observe(-1, 1)
	if c != before {
		t.Error("answers without text or without count teach")
	}
}

// A change of the model behind a name is followed.
func TestCalibrationFollows(t *testing.T) {
	var c Calibration
	for range 1000 {
		c.Observe(100, 100)
	}
	for range remembered/2 + 1 {
		c.Observe(200, 100)
	}
	if r, _ := c.Ratio(); r != 2 {
		t.Errorf("ratio %g, want that of most of the last %d", r, remembered)
	}
}

// What is not fit to teach does not; its own count stays what the server said.
func TestUnfitAnswersTeachNothing(t *testing.T) {
	fit := func(a *Account) { a.Usage(-1, 110, -1, -1) }
	for name, c := range map[string]struct {
		answer func(*Account)
		learns bool
	}{
		"fit":                        {fit, true},
		"no stream":                  {func(a *Account) { fit(a); a.Streamed = false }, true},
		"reasoning stated as none":   {func(a *Account) { a.Usage(-1, 110, 0, -1) }, true},
		"reasoning sent":             {func(a *Account) { a.Usage(-1, 110, 50, -1); a.Reasoned = true }, true},
		"nothing stated":             {func(*Account) {}, false},
		"0 stated":                   {func(a *Account) { a.Usage(-1, 0, -1, -1) }, false},
		"no text":                    {func(a *Account) { fit(a); a.Meter = Meter{} }, false},
		"tool calls":                 {func(a *Account) { fit(a); a.Tools = true }, false},
		"several choices":            {func(a *Account) { fit(a); a.Several = true }, false},
		"text that was not read":     {func(a *Account) { fit(a); a.Partial = true }, false},
		"the prompt again":           {func(a *Account) { fit(a); a.Echo = 1 }, false},
		"reasoning hidden":           {func(a *Account) { a.Usage(-1, 1110, 1000, -1) }, false},
		"reasoning hidden, unstated": {func(a *Account) { a.Usage(-1, 200, -1, -1) }, false},
		"absurd":                     {func(a *Account) { a.Streamed = false; a.Usage(-1, 2e6, -1, -1) }, false},
	} {
		var got Calibration
		for range calibrated {
			a := stream(100)
			c.answer(&a)
			a.Learn(&got)
		}
		if _, ok := got.Ratio(); ok != c.learns {
			t.Errorf("%s: learns %t", name, ok)
		}
	}
}

// A count of 0 beside text is what servers state that do not count.
func TestZeroBesideTextIsUnstated(t *testing.T) {
	a := stream(105)
	a.Usage(0, 0, 0, 0)
	a.Reasoned = true
	got := a.Counts(nil)
	if got[event.Output].Source != event.Chunks || got[event.Reasoning].Known || !a.WantsTokenizer() {
		t.Errorf("%+v", got)
	}
	a.Usage(-1, 104, 9, -1)
	a.Usage(0, 0, 0, 0) // the last event of some servers that have counted before
	if got := a.Counts(nil); got[event.Output].N != 104 || got[event.Reasoning].N != 9 || a.WantsTokenizer() {
		t.Errorf("%+v", got)
	}
}

// A tokenizer is asked only where it would know better.
func TestWantsTokenizer(t *testing.T) {
	for name, c := range map[string]struct {
		account func(*Account)
		want    bool
	}{
		"text":        {func(*Account) {}, true},
		"input usage": {func(a *Account) { a.Usage(5, -1, -1, -1) }, true},
		"usage":       {func(a *Account) { a.Usage(5, 7, -1, -1) }, false},
		"the prompt":  {func(a *Account) { a.Echo = 5 }, false},
		"some ids":    {func(a *Account) { a.Event(a.Size()); a.Exact(1) }, true},
		"all ids":     {func(a *Account) { a.Exact(1); a.Exact(1); a.Exact(1) }, false},
		"no text":     {func(a *Account) { a.Meter = Meter{} }, false},
	} {
		a := stream(2)
		c.account(&a)
		if got := a.WantsTokenizer(); got != c.want {
			t.Errorf("%s: %t", name, got)
		}
	}
}
