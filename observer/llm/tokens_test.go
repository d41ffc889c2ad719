// SPDX-License-Identifier: Apache-2.0

package llm

import (
	"fmt"
	"math"
	"strings"
	"testing"

	"github.com/modeltap/modeltap/observer/event"
	"github.com/modeltap/modeltap/observer/tokens"
)

const mergedText = " some words come together"

// merged is a stream of n events, 100 ms apart, of which each holds four words.
// With stated above 0 the server says how many tokens they were.
func (l *lab) merged(start int64, n int, stated int64) {
	e := l.stream(start, openAIChat)
	for i := range n {
		e.data(start+int64(i+1)*100*ms, word(0, mergedText))
	}
	end := start + int64(n+1)*100*ms
	if stated > 0 {
		e.data(end, fmt.Sprintf(`{"choices":[],"usage":{"prompt_tokens":5,"completion_tokens":%d}}`, stated))
	}
	e.data(end, "[DONE]")
	e.ResponseEnd(end, false)
}

// A stream that puts several tokens in an event is found out by its own text,
// before anything was stated and whatever was; what other answers stated
// corrects its total alone.
func TestMergedTokens(t *testing.T) {
	l := newLab()
	now := second
	var text tokens.Meter
	text.Write([]byte(strings.Repeat(mergedText, 11)))
	each := func(stated int64) (observed uint64, sum float64, out event.Count) {
		before := event.Histogram{}
		if len(l.exchanges) > 0 {
			before = l.series(t, now).InterToken
		}
		l.merged(now, 11, stated)
		now += 2 * second
		after := l.series(t, now).InterToken
		return observations(after) - observations(before), after.Sum - before.Sum, l.last(t).Tokens[event.Output]
	}
	for i, stated := range []int64{0, 44, 44, 44, 44, 44, 44, 44, 44, 0} {
		n, sum, out := each(stated)
		if math.Abs(float64(n)-text.Estimate()*10/11) > 2 || math.Abs(sum-1) > 1e-6 {
			t.Errorf("answer %d: %d observations over %v s, want 10/11 of %v over 1", i, n, sum, text.Estimate())
		}
		want := count(44, event.Usage)
		if stated == 0 {
			want.Source = event.Estimated
		}
		if i == 0 {
			want.N = int64(text.Estimate() + 0.5)
		}
		if out != want {
			t.Errorf("answer %d: output %+v, want %+v", i, out, want)
		}
	}
	if got, want := l.series(t, now).Calibration, 44/text.Estimate(); math.Abs(got-want) > 1e-6 {
		t.Errorf("calibration ratio %v, want %v", got, want)
	}
}

func TestContinuousUsage(t *testing.T) {
	usage := func(choice int, text string, n int) string {
		return fmt.Sprintf(`{"model":"m","choices":[{"index":%d,"delta":{"content":%q}}],"usage":{"prompt_tokens":3,"completion_tokens":%d}}`, choice, text, n)
	}
	for name, c := range map[string]struct {
		events []string // 100 ms apart
		tokens uint64   // inter-token observations
		sum    float64
		out    event.Count
	}{
		"each event":       {[]string{usage(0, "", 0), usage(0, "a", 1), usage(0, "b c d", 4), usage(0, "e f", 6)}, 5, 0.2, count(6, event.Usage)},
		"choices in turn":  {[]string{usage(0, "a", 1), usage(1, "a", 1), usage(0, "b c d", 4), usage(1, "b", 2), usage(0, "", 5)}, 4, 0.4, count(5, event.Usage)},
		"at the end alone": {[]string{word(0, "a"), word(0, "b"), usage(0, "c", 40)}, 2, 0.2, count(40, event.Usage)},
		"that goes down":   {[]string{usage(0, "a", 9), usage(0, "b", 2), usage(0, "c", 1)}, 2, 0.2, count(1, event.Usage)},
	} {
		t.Run(name, func(t *testing.T) {
			l := newLab()
			e := l.stream(second, openAIChat)
			now := second
			for _, ev := range c.events {
				now += 100 * ms
				e.data(now, ev)
			}
			e.ResponseEnd(now, false)
			s := l.series(t, now)
			if n := observations(s.InterToken); n != c.tokens || math.Abs(s.InterToken.Sum-c.sum) > 1e-6 {
				t.Errorf("%d observations over %v s, want %d over %v", n, s.InterToken.Sum, c.tokens, c.sum)
			}
			if got := l.last(t).Tokens[event.Output]; got != c.out {
				t.Errorf("output %+v, want %+v", got, c.out)
			}
			if s.TokensPerSecond < 0 || math.Abs(s.TokensPerSecond*10-float64(c.out.N)) > 0.01 {
				t.Errorf("live rate of %v tokens, want %d", s.TokensPerSecond*10, c.out.N)
			}
		})
	}
}

// The live rate moves with each event and is right once the count is known.
func TestLiveRate(t *testing.T) {
	for name, c := range map[string]struct {
		end  func(e *Exchange, at int64)
		want float64 // tokens of the window
	}{
		"more than events": {func(e *Exchange, at int64) {
			e.data(at, `{"choices":[],"usage":{"completion_tokens":25}}`)
			e.ResponseEnd(at, false)
		}, 25},
		"fewer than events": {func(e *Exchange, at int64) {
			e.data(at, `{"choices":[],"usage":{"completion_tokens":3}}`)
			e.ResponseEnd(at, false)
		}, 3},
		"as many": {func(e *Exchange, at int64) { e.ResponseEnd(at, false) }, 5},
		"cut off": {func(e *Exchange, at int64) { e.Abort(at, event.ClientAbort) }, 5},
	} {
		t.Run(name, func(t *testing.T) {
			l := newLab()
			e := l.stream(20*second, openAIChat)
			now := 20 * second
			for i := range 5 {
				now += 500 * ms
				e.data(now, word(0, " word"))
				if got := l.series(t, now).TokensPerSecond * 10; math.Abs(got-float64(i+1)) > 1e-6 {
					t.Fatalf("after %d tokens the window holds %v", i+1, got)
				}
			}
			c.end(e, now+100*ms)
			if got := l.series(t, now+100*ms).TokensPerSecond * 10; math.Abs(got-c.want) > 1e-6 {
				t.Errorf("the window holds %v tokens, want %v", got, c.want)
			}
			if got := l.last(t).Tokens[event.Output].N; float64(got) != c.want {
				t.Errorf("%d tokens are counted, want %v", got, c.want)
			}
		})
	}
}

// The text of an event that is cut or broken is void.
func TestVoidEventsLeaveNoText(t *testing.T) {
	const long = "a long text that would be many tokens if it counted for anything at all"
	for name, void := range map[string]func(e *Exchange){
		"broken": func(e *Exchange) { e.data(5, word(0, long)[:100]+"]") },
		"lost": func(e *Exchange) {
			e.say(5, "data: "+word(0, long)[:100])
			e.ResponseMissing(event.Mark{Time: 6}, 10)
			e.say(7, "\n\n")
		},
		"too deep": func(e *Exchange) { e.data(5, word(0, long)[:80]+`"}}],"x":`+strings.Repeat("[", 100)) },
	} {
		t.Run(name, func(t *testing.T) {
			l := newLab()
			e := l.stream(1, openAIChat)
			void(e)
			for i := range int64(4) {
				e.data(10+i, word(0, " w"))
			}
			e.ResponseEnd(20, false)
			if got := l.last(t).Tokens[event.Output]; got != count(4, event.Chunks) {
				t.Errorf("output %+v, want the 4 events that were whole", got)
			}
		})
	}
}

func TestLiveRateLeavesOutWhatIsNoText(t *testing.T) {
	l := newLab()
	e := l.ask(second, generic, `{}`)
	e.ResponseHead(second, 200, []byte("text/html"), nil, true)
	for i := range int64(5) {
		m := event.Mark{Time: 2*second + i*100*ms}
		e.ResponseBody(m, []byte("<p>some text</p>"))
		e.ChunkEnd(m)
	}
	e.ResponseEnd(3*second, false)
	if got := l.last(t); got.Tokens[event.Output].Known || !got.Stream || got.FirstToken != 2*second {
		t.Errorf("want a stream without a token count: %+v", got)
	}
	if s := l.series(t, 3*second); s.TokensPerSecond != 0 || observations(s.InterChunk) != 4 {
		t.Errorf("rate %v, %d gaps; want 0 and 4", s.TokensPerSecond, observations(s.InterChunk))
	}
}

func TestInputEstimate(t *testing.T) {
	sentence := "the quick brown fox jumps over the lazy dog again" // ten words
	for name, c := range map[string]struct {
		d        *Dialect
		body     string
		min, max int64 // both 0: unknown
	}{
		"completion":          {openAICompletions, `{"prompt":"` + sentence + `"}`, 9, 14},
		"several prompts":     {openAICompletions, `{"prompt":["` + sentence + `","` + sentence + `"]}`, 18, 28},
		"token ids":           {openAICompletions, `{"prompt":[5,6,7]}`, 3, 3},
		"messages":            {openAIChat, `{"messages":[{"role":"system","content":"` + sentence + `"},{"role":"user","content":[{"type":"text","text":"` + sentence + `"}]}]}`, 26, 36},
		"an image is no text": {openAIChat, `{"messages":[{"content":[{"type":"image_url","image_url":{"url":"data:` + strings.Repeat("A", 9000) + `"}},{"type":"text","text":"` + sentence + `"}]}]}`, 13, 18},
		"input":               {openAIResponses, `{"instructions":"` + sentence + `","input":"` + sentence + `"}`, 18, 28},
		"generic":             {generic, `{"question":"` + sentence + `","model":"m","temperature":0.5}`, 9, 14},
		"generic messages":    {generic, `{"messages":[{"role":"user","content":"` + sentence + `"}]}`, 9, 14},
		"generic, nested":     {generic, `{"data":{"prompt":"` + sentence + `"}}`, 9, 14},
		"nothing known":       {generic, `{"x":"` + sentence + `"}`, 0, 0},
		"no JSON":             {generic, sentence, 0, 0},
		"white space first":   {generic, "\r\n " + `{"text":"` + sentence + `"}`, 9, 14},
	} {
		t.Run(name, func(t *testing.T) {
			for _, piece := range []int{1, 7, len(c.body)} {
				l := newLab()
				e := l.Open("s", c.d, 1, false)
				for p := []byte(c.body); len(p) > 0; p = p[min(piece, len(p)):] {
					e.RequestBody(p[:min(piece, len(p))])
				}
				e.RequestEnd(2)
				e.ResponseHead(3, 200, []byte("application/json"), nil, false)
				e.say(4, `{}`)
				e.ResponseEnd(4, false)
				got := l.last(t)
				in := got.Tokens[event.Input]
				source := event.Estimated
				if name == "token ids" {
					source = event.Exact
				}
				if in.Known != (c.max > 0) || in.N < c.min || in.N > c.max || in.Known && in.Source != source {
					t.Errorf("in pieces of %d: input %+v, want %d to %d, %v", piece, in, c.min, c.max, source)
				}
				if got.RequestBytes != int64(len(c.body)) {
					t.Errorf("request of %d bytes, want %d", got.RequestBytes, len(c.body))
				}
			}
		})
	}
}

func TestInputOfPartlySeenRequests(t *testing.T) {
	l := newLab()
	e := l.Open("s", openAIChat, 1, false)
	e.RequestBody([]byte(`{"model":"m","messages":[{"content":"a very long`))
	e.RequestMissing(1 << 20)
	e.RequestBody([]byte(`{"messages":[{"content":"looks like a beginning"}]}`))
	e.RequestEnd(2)
	e.ResponseHead(3, 200, []byte("application/json"), nil, false)
	e.say(4, `{}`)
	e.ResponseEnd(4, false)
	if got := l.last(t).Tokens[event.Input]; got.Known {
		t.Errorf("input %+v, want none: it was not seen", got)
	}
	if got := l.last(t).Model; got != "m" {
		t.Errorf("model %q, want what came before the hole", got)
	}
	if l.tally.ParseErrors != (event.Tally{}).ParseErrors {
		t.Errorf("errors %v of a request that was whole", l.tally.ParseErrors)
	}
}
