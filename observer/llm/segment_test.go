// SPDX-License-Identifier: Apache-2.0

package llm

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/modeltap/modeltap/observer/event"
)

// Tokens that came in one segment share the time before it, in every dialect,
// whether the segment comes in one piece or in several.
func TestTokensOfOneSegment(t *testing.T) {
	const segments, each = 10, 3
	for name, s := range speeches {
		for _, whole := range []bool{true, false} {
			l := newLab()
			a := l.answer(s, second)
			for range segments {
				a.now += 60 * ms
				events := slices.Repeat([]string{s.before + fmt.Sprintf(s.text, " word") + s.joint}, each)
				if whole {
					events = []string{strings.Join(events, "")}
				}
				for _, e := range events {
					a.say(a.now, e)
				}
			}
			h := l.series(t, a.now)
			at := slices.Index(event.GapBuckets[:], 0.02)
			if h.InterToken.Counts[at] != (segments-1)*each || observations(h.InterToken) != (segments-1)*each || math.Abs(h.InterToken.Sum-0.54) > 1e-6 {
				t.Errorf("%s: %d gaps of 20 ms of %d, over %v s", name, h.InterToken.Counts[at], observations(h.InterToken), h.InterToken.Sum)
			}
			if n := observations(h.InterChunk); n != segments-1 || math.Abs(h.InterChunk.Sum-0.54) > 1e-6 {
				t.Errorf("%s: %d chunks over %v s", name, n, h.InterChunk.Sum)
			}
			a.finish()
			if out := l.last(t).Tokens[event.Output]; out != count(segments*each, event.Chunks) {
				t.Errorf("%s: %+v", name, out)
			}
		}
	}
}

// What a scrape has seen never goes down, though a token comes late for it.
func TestScrapeWithinASegment(t *testing.T) {
	l := newLab()
	e := l.stream(0, openAIChat)
	e.data(100*ms, word(0, "a"))
	e.data(140*ms, word(0, "b"))
	before := l.series(t, 140*ms).InterToken
	e.data(140*ms, word(0, "c"))
	after := l.series(t, 140*ms).InterToken
	for i := range after.Counts {
		if after.Counts[i] < before.Counts[i] {
			t.Errorf("bucket %d went from %d to %d", i, before.Counts[i], after.Counts[i])
		}
	}
	e.Discard()
}

// Choices of one answer run side by side: each has the step of the engine.
func TestStepsOfSeveralChoices(t *testing.T) {
	for n := 1; n <= 5; n++ {
		l := newLab()
		e := l.stream(0, openAIChat)
		for i := range int64(51) {
			for c := range n {
				e.data(100*ms+i*20*ms+int64(c)*ms/10, word(c, " word"))
			}
		}
		e.ResponseEnd(2*second, false)
		x := l.last(t)
		if x.Choices != n || math.Abs(float64(x.LastToken-x.FirstToken)/x.Steps()/1e6-20) > 0.1 {
			t.Errorf("%d choices: %d, %v steps in %d ms", n, x.Choices, x.Steps(), (x.LastToken-x.FirstToken)/ms)
		}
	}
}

// A byte order mark before a body changes nothing of it, however it is cut.
func TestByteOrderMark(t *testing.T) {
	const mark = "\xef\xbb\xbf"
	for name, f := range families {
		l := newLab()
		run := func(ask, contentType, body string, step int) event.Exchange {
			e := l.Open("s", f.dialect, 0, false)
			for len(ask) > 0 {
				n := min(step, len(ask))
				e.RequestBody([]byte(ask[:n]))
				ask = ask[n:]
			}
			e.RequestEnd(0)
			e.ResponseHead(1, 200, []byte(contentType), nil, true)
			for len(body) > 0 {
				n := min(step, len(body))
				e.say(ms, body[:n])
				body = body[n:]
			}
			e.ResponseEnd(2*ms, false)
			x := l.last(t)
			x.RequestBytes, x.ResponseBytes = 0, 0
			return x
		}
		all, _ := f.bytesOf("\n")
		for _, step := range []int{1, 2, len(all) + len(mark)} {
			if got, want := run(mark+f.ask, f.contentType, mark+all, step), run(f.ask, f.contentType, all, step); got != want {
				t.Errorf("%s: with the mark\n%+v, without\n%+v", name, got, want)
			}
			if f.whole == "" {
				continue
			}
			if got, want := run(f.ask, "application/json", mark+f.whole, step), run(f.ask, "application/json", f.whole, step); got != want {
				t.Errorf("%s, one document: with the mark\n%+v, without\n%+v", name, got, want)
			}
		}
	}
}

// What Python's json writes for numbers that JSON has not voids no event.
func TestNotANumber(t *testing.T) {
	for name, s := range speeches {
		for _, n := range []string{"NaN", "Infinity", "-Infinity"} {
			l := newLab()
			a := l.answer(s, 0)
			for range 9 {
				doc := fmt.Sprintf(s.text, " word")
				a.event(20*ms, doc[:len(doc)-1]+`,"score":[`+n+`],"logprob":`+n+`}`)
			}
			a.finish()
			if got := l.last(t); got.Tokens[event.Output] != count(9, event.Chunks) || got.FirstToken != 20*ms || l.tally.ParseErrors != (event.Tally{}).ParseErrors {
				t.Errorf("%s, %s: %+v, first token %d, errors %v", name, n, got.Tokens[event.Output], got.FirstToken, l.tally.ParseErrors)
			}
		}
	}
}
