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
		a.Event()
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
				a.Event()
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

// Eight answers with usage correct the estimate of the ninth, and the check of
// its events.
func TestCalibration(t *testing.T) {
	var c Calibration
	for n := range 8 {
		if r, ok := c.Ratio(); ok || r != 1 || c.TokensPerEvent() != 1 {
			t.Fatalf("%g, %t, %g per event after %d answers", r, ok, c.TokensPerEvent(), n)
		}
		a := stream(70)
		a.Usage(10, 210, -1, -1)
		a.Learn(&c)
	}
	want := 210 / estimate(prose)
	if r, ok := c.Ratio(); !ok || math.Abs(r-want) > 1e-9 {
		t.Errorf("ratio %g %t, want %g", r, ok, want)
	}
	if n := c.TokensPerEvent(); math.Abs(n-3) > 1e-9 {
		t.Errorf("%g tokens per event, want 3", n)
	}
	a := stream(70)
	if got, want := a.Counts(&c)[event.Output], (event.Count{N: 210, Source: event.Estimated, Known: true}); got != want {
		t.Errorf("%+v, want %+v", got, want)
	}
	b := stream(200)
	if got := b.Counts(&c)[event.Output]; got.Source != event.Chunks {
		t.Errorf("%+v: the events fit the corrected estimate", got)
	}
	if a := stream(200); a.Counts(nil)[event.Output].Source == event.Chunks {
		t.Error("the events fit the uncorrected estimate, too")
	}
}

// What cannot teach does not.
func TestLearnsFromWholeEvidenceOnly(t *testing.T) {
	var c Calibration
	for range 20 {
		a := stream(100)
		a.Learn(&c)
		b := Account{Streamed: true}
		b.Usage(5, 100, -1, -1)
		b.Learn(&c)
	}
	if _, ok := c.Ratio(); ok {
		t.Error("calibrated by nothing")
	}
	for range 8 {
		a := stream(1)
		a.Streamed = false
		a.Usage(-1, 55, -1, -1)
		a.Learn(&c)
	}
	if _, ok := c.Ratio(); !ok || c.TokensPerEvent() != 1 {
		t.Error("answers that are no streams have text and no events")
	}
	if n := (*Calibration)(nil).TokensPerEvent(); n != 1 {
		t.Error(n)
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
		"usage":       {func(a *Account) { a.Usage(5, 0, -1, -1) }, false},
		"some ids":    {func(a *Account) { a.Event(); a.Exact(1) }, true},
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

// Reasoning that the server counts and never sends must not make the text look
// longer than it is; reasoning that it sends is text.
func TestHiddenReasoningTeachesNothing(t *testing.T) {
	for _, c := range []struct {
		name       string
		out, think int64
		reasoned   bool
		learnt     int64 // of the text, 0 for nothing
	}{
		{"none", 110, -1, false, 110},
		{"stated as none", 110, 0, false, 110},
		{"hidden", 1110, 1000, false, 110},
		{"sent", 110, 50, true, 110},
		{"nothing but hidden", 1000, 1000, false, 0},
		{"more hidden than all", 1000, 2000, false, 0},
	} {
		var got Calibration
		for range calibrated {
			a := stream(100)
			a.Reasoned = c.reasoned
			a.Usage(-1, c.out, c.think, -1)
			a.Learn(&got)
			if n := a.Counts(nil)[event.Output].N; n != c.out {
				t.Errorf("%s: %d tokens of output, want all %d", c.name, n, c.out)
			}
		}
		ratio, ok := got.Ratio()
		if want := float64(c.learnt) / estimate(prose); ok != (c.learnt > 0) || ok && math.Abs(ratio-want) > 1e-9 {
			t.Errorf("%s: ratio %g %t, want %g", c.name, ratio, ok, want)
		}
		if n, want := got.TokensPerEvent(), max(float64(c.learnt)/100, 1); math.Abs(n-want) > 1e-9 {
			t.Errorf("%s: %g tokens per event, want %g", c.name, n, want)
		}
	}
}

// A change of the model behind a name is followed.
func TestCalibrationFollows(t *testing.T) {
	var c Calibration
	for range 1000 {
		c.Observe(100, 100, 100)
	}
	for range 100 {
		c.Observe(200, 100, 100)
	}
	if r, _ := c.Ratio(); r < 1.9 || r > 2 {
		t.Errorf("ratio %g after 100 answers of ratio 2", r)
	}
	c.Observe(1, 0, 0)
	c.Observe(-1, 1, 1)
	if r, ok := c.Ratio(); !ok || math.IsNaN(r) || math.IsInf(r, 0) {
		t.Errorf("ratio %g", r)
	}
}
