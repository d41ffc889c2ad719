// SPDX-License-Identifier: Apache-2.0

package llm

import (
	"fmt"
	"regexp"
	"strings"
	"testing"

	"github.com/modeltap/modeltap/observer/event"
)

// eventStream tells whether the family's stream is server-sent events.
func (f *family) eventStream() bool { return f.joint == "\n\n" }

// lines plays the stream in rewritten form, a line each 10 ms.
func (f *family) lines(l *lab, rewrite func(i int, line string) string) *Exchange {
	e := l.ask(0, f.dialect, f.ask)
	e.ResponseHead(1, 200, []byte(f.contentType), nil, true)
	for i, line := range f.stream {
		e.say(int64(i+1)*10*ms, rewrite(i, line))
	}
	return e
}

func (f *family) ended(t *testing.T, l *lab, e *Exchange) {
	t.Helper()
	e.ResponseEnd(int64(len(f.stream))*10*ms, false)
	got := l.last(t)
	f.check(t, got)
	if got.FirstChunk != f.chunk*ms || got.FirstToken != f.first*ms || got.LastToken != f.last*ms {
		t.Errorf("first chunk %d, tokens from %d to %d ms, want %d, %d, %d",
			got.FirstChunk/ms, got.FirstToken/ms, got.LastToken/ms, f.chunk, f.first, f.last)
	}
}

// members finds where a member follows another, where JSON allows white space:
// nothing in the strings of the examples looks like it.
var members = regexp.MustCompile(`([^\\]["0-9\]}el]),"`)

// The lines of an event's data are joined by a line feed.
func TestFamiliesInSeveralDataLines(t *testing.T) {
	for name, f := range families {
		if !f.eventStream() {
			continue
		}
		t.Run(name, func(t *testing.T) {
			split := 0
			for _, begin := range []string{"data: ", "data:"} {
				l := newLab()
				e := f.lines(l, func(_ int, line string) string {
					out := members.ReplaceAllString(line, "$1,\n"+begin+`"`)
					if out != line {
						split++
					}
					return out + f.joint
				})
				f.ended(t, l, e)
			}
			if split == 0 {
				t.Error("no event has been split: the test shows nothing")
			}
		})
	}
}

// Keep-alives anywhere are nothing: they set no time and count no token.
func TestFamiliesWithPings(t *testing.T) {
	for name, f := range families {
		t.Run(name, func(t *testing.T) {
			l := newLab()
			ping := "\n"
			switch {
			case f.eventStream():
				ping = ": ping\n\n:\n\n\n"
			case f.joint == "\x00":
				ping = "\x00 \x00"
			}
			e := l.ask(0, f.dialect, f.ask)
			e.ResponseHead(1, 200, []byte(f.contentType), nil, true)
			e.say(2*ms, ping)
			for i, line := range f.stream {
				if f.eventStream() {
					line = strings.ReplaceAll(line, "\n", "\n:\n") // between the lines of an event
				}
				e.say(int64(i+1)*10*ms, line+f.joint)
				e.say(int64(i+1)*10*ms+ms, ping)
			}
			e.ResponseEnd(int64(len(f.stream))*10*ms+ms, false)
			got := l.last(t)
			f.check(t, got)
			if got.FirstChunk != f.chunk*ms || got.FirstToken != f.first*ms || got.LastToken != f.last*ms {
				t.Errorf("first chunk %d, tokens from %d to %d ms, want %d, %d, %d",
					got.FirstChunk/ms, got.FirstToken/ms, got.LastToken/ms, f.chunk, f.first, f.last)
			}
			if l.tally != (event.Tally{}) {
				t.Errorf("counted as wrong: %+v", l.tally)
			}
		})
	}
}

// A compressed answer has a duration and a size, and a counter says why it has
// nothing else.
func TestFamiliesCompressed(t *testing.T) {
	for name, f := range families {
		for _, encoding := range []string{"gzip", "br", "zstd", "deflate", "gzip, br"} {
			l := newLab()
			e := l.ask(0, f.dialect, f.ask)
			e.ResponseHead(1, 200, []byte(f.contentType), []byte(encoding), true)
			all, _ := f.bytesOf("\n") // whatever it is, it is not read
			e.say(10*ms, all)
			e.ResponseEnd(20*ms, false)
			got := l.last(t)
			if got.Outcome != event.OK || got.End != 20*ms || got.ResponseBytes != int64(len(all)) {
				t.Errorf("%s, %s: %+v", name, encoding, got)
			}
			if got.FirstChunk != 0 || got.FirstToken != 0 || got.Tokens[event.Output].Known || l.tally.Unobserved[event.UnobservedCompressed] != 1 {
				t.Errorf("%s, %s: times or tokens of what cannot be read: %+v, %v", name, encoding, got, l.tally.Unobserved)
			}
		}
		l := newLab()
		e := l.ask(0, f.dialect, f.ask)
		e.ResponseHead(1, 200, []byte(f.contentType), []byte("identity"), true)
		all, _ := f.bytesOf("\n")
		e.say(10*ms, all)
		e.ResponseEnd(20*ms, false)
		if l.last(t).FirstToken != 10*ms {
			t.Errorf("%s: identity is no compression", name)
		}
	}
}

// A type that the route does not promise is no reason to fail, nor to make
// something up.
func TestFamiliesOfAnotherType(t *testing.T) {
	for name, f := range families {
		for _, kind := range []string{"application/octet-stream", "image/png", "video/mp4", "application/json", "nonsense", ";", "text/html"} {
			for _, chunked := range []bool{true, false} {
				l := newLab()
				e := l.ask(0, f.dialect, f.ask)
				e.ResponseHead(1, 200, []byte(kind), nil, chunked)
				all, _ := f.bytesOf("\n")
				e.say(10*ms, all)
				e.ChunkEnd(event.Mark{Time: 10 * ms})
				e.ResponseEnd(20*ms, false)
				got := l.last(t)
				if len(l.exchanges) != 1 || got.ResponseBytes != int64(len(all)) || got.End != 20*ms {
					t.Errorf("%s as %s: %+v", name, kind, got)
				}
				if got.FirstToken != 0 && !got.Stream {
					t.Errorf("%s as %s: a first token of no stream", name, kind)
				}
			}
		}
		l := newLab()
		e := l.ask(0, f.dialect, f.ask)
		e.ResponseHead(1, 200, []byte("text/event-stream"), nil, true)
		e.say(10*ms, f.whole) // a document without a field name is no event
		e.ResponseEnd(20*ms, false)
		if got := l.last(t); f.eventStream() && f.dialect.Stream == 0 && got.FirstToken != 0 {
			t.Errorf("%s: a bare document as a stream of events: %+v", name, got)
		}
	}
}

var (
	numbers = regexp.MustCompile(`:[0-9]+([,}\]])`)
	strs    = regexp.MustCompile(`:"[^"\\]*"([,}\]])`)
)

// Members of the right name with values that nobody promised.
func TestFamiliesWithOtherValues(t *testing.T) {
	for name, f := range families {
		for _, c := range []struct {
			what string
			from *regexp.Regexp
			to   string
		}{
			{"negative numbers", numbers, ":-5$1"}, {"huge numbers", numbers, ":99999999999999999999$1"}, {"large exponents", numbers, ":1e300$1"},
			{"strings for numbers", numbers, `:"5"$1`}, {"null for numbers", numbers, ":null$1"}, {"lists for numbers", numbers, ":[1,[2]]$1"},
			{"numbers for strings", strs, ":7$1"}, {"null for strings", strs, ":null$1"}, {"objects for strings", strs, `:{"text":{"content":[]}}$1`},
			{"lists for strings", strs, `:["a",["b"],3]$1`}, {"true for strings", strs, ":true$1"},
		} {
			t.Run(name+"/"+c.what, func(t *testing.T) {
				rewrite := func(_ int, line string) string { return c.from.ReplaceAllString(line, c.to) + f.joint }
				l := newLab()
				e := f.lines(l, rewrite)
				e.ResponseEnd(second, false)
				l.plausible(t)
				l = newLab()
				e = l.ask(0, f.dialect, c.from.ReplaceAllString(f.ask, c.to))
				e.ResponseHead(1, 200, []byte("application/json"), nil, false)
				e.say(2*ms, c.from.ReplaceAllString(f.whole, c.to))
				e.ResponseEnd(second, false)
				l.plausible(t)
			})
		}
	}
}

// plausible fails for what no exchange can be.
func (l *lab) plausible(t *testing.T) {
	t.Helper()
	if len(l.exchanges) != 1 || l.InFlight() != 0 {
		t.Fatalf("%d exchanges, %d in flight", len(l.exchanges), l.InFlight())
	}
	x := l.exchanges[0]
	for tt, n := range x.Tokens {
		if n.N < 0 || n.N > maxCount*8 || n.N > 0 && !n.Known {
			t.Errorf("%v tokens %+v", event.TokenType(tt), n)
		}
	}
	if x.FirstToken != 0 && (x.FirstToken < x.FirstChunk || x.LastToken < x.FirstToken || x.End < x.LastToken) {
		t.Errorf("times out of order: %+v", x)
	}
	l.CountInFlight(2 * second)
	for _, s := range l.Book.Snapshot(nil, 2*second) {
		if s.TokensPerSecond < 0 {
			t.Errorf("%v tokens/s", s.TokensPerSecond)
		}
	}
}

// Either side may leave after any event.
func TestFamiliesAbandoned(t *testing.T) {
	for name, f := range families {
		for stop := range len(f.stream) + 1 {
			for _, o := range []event.Outcome{event.ClientAbort, event.ServerAbort, event.Incomplete} {
				l := newLab()
				e := l.ask(0, f.dialect, f.ask)
				e.ResponseHead(1, 200, []byte(f.contentType), nil, true)
				for i, line := range f.stream[:stop] {
					e.say(int64(i+1)*10*ms, line+f.joint)
				}
				final := e.over()
				e.Abort(second, o)
				l.plausible(t)
				got := l.last(t)
				want := o
				if o == event.ClientAbort && final {
					want = event.OK // it had all it wanted
				}
				if got.Outcome != want {
					t.Errorf("%s, after %d of %d events: %v, want %v", name, stop, len(f.stream), got.Outcome, want)
				}
				if stop == 0 && (got.FirstToken != 0 || got.Tokens[event.Output].Known) {
					t.Errorf("%s: tokens of nothing: %+v", name, got)
				}
				if n := got.Tokens[event.Output]; n.Known && n.N > max(f.out.N, 3) {
					t.Errorf("%s, after %d events: %d tokens of %d", name, stop, n.N, f.out.N)
				}
			}
		}
	}
}

// After a loss nothing is known of what was in it: no gap is measured across.
func TestFamiliesWithALoss(t *testing.T) {
	for name, f := range families {
		for at := range f.stream {
			l := newLab()
			e := l.ask(0, f.dialect, f.ask)
			e.ResponseHead(1, 200, []byte(f.contentType), nil, true)
			var before, after uint64
			for i, line := range f.stream {
				if i == at {
					if e.series != nil {
						before = observations(l.series(t, ms).InterChunk)
					}
					e.ResponseMissing(event.Mark{Time: int64(i+1) * 10 * ms}, len(line+f.joint))
					continue
				}
				e.say(int64(i+1)*10*ms, line+f.joint)
				if i == at+1 && e.series != nil && before > 0 {
					if after = observations(l.series(t, ms).InterChunk); after != before {
						t.Errorf("%s, event %d lost: a gap across the loss", name, at)
					}
				}
			}
			e.ResponseEnd(second, false)
			l.plausible(t)
			if got := l.last(t); got.Outcome != event.Incomplete || got.ResponseBytes == 0 {
				t.Errorf("%s, event %d lost: %v", name, at, got.Outcome)
			}
		}
	}
}

// An error may come in place of any event.
func TestFamiliesFailAnywhere(t *testing.T) {
	for name, f := range families {
		fault := f.fault
		if fault == "" {
			fault = `{"type":"error","error":{"type":"overloaded_error","message":"Overloaded"}}`
		}
		if f.eventStream() {
			fault = "data: " + fault
		}
		for at := range f.stream {
			l := newLab()
			e := l.ask(0, f.dialect, f.ask)
			e.ResponseHead(1, 200, []byte(f.contentType), nil, true)
			for i, line := range f.stream[:at] {
				e.say(int64(i+1)*10*ms, line+f.joint)
			}
			text := e.account.Bytes()
			e.say(int64(at+1)*10*ms, fault+f.joint)
			if e.account.Bytes() != text {
				t.Errorf("%s: the text of an error counts as output", name)
			}
			e.ResponseEnd(second, false)
			l.plausible(t)
			if got := l.last(t); got.Outcome != event.StreamError {
				t.Errorf("%s, in place of event %d: %v", name, at, got.Outcome)
			}
		}
	}
}

// A cut at any byte changes nothing.
func TestFamiliesCutAnywhere(t *testing.T) {
	for name, f := range families {
		all, _ := f.bytesOf("\n")
		run := func(cut int) string {
			l := newLab()
			e := l.ask(0, f.dialect, f.ask)
			e.ResponseHead(1, 200, []byte(f.contentType), nil, true)
			e.say(10*ms, all[:cut])
			e.say(10*ms, all[cut:])
			e.ResponseEnd(20*ms, false)
			return fmt.Sprintf("%+v %+v", l.exchanges, l.tally)
		}
		whole := run(0)
		for cut := 1; cut < len(all); cut++ {
			if got := run(cut); got != whole {
				t.Fatalf("%s, cut at %d: %s\nwant %s", name, cut, got, whole)
			}
		}
	}
}
