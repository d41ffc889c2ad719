// SPDX-License-Identifier: Apache-2.0

package llm

import (
	"fmt"
	"strings"
	"testing"

	"github.com/modeltap/modeltap/observer/event"
	"github.com/modeltap/modeltap/observer/tokens"
)

// texts streams each text as an event of a hand-written service, 10 ms apart.
func (l *lab) texts(d *Dialect, texts []string) *Exchange {
	e := l.stream(0, d)
	for i, s := range texts {
		e.data(int64(i+1)*10*ms, fmt.Sprintf(`{"text":%q}`, s))
	}
	return e
}

// grow returns what a server that repeats all text sends of these pieces.
func grow(pieces ...string) (all []string) {
	for i := range pieces {
		all = append(all, strings.Join(pieces[:i+1], ""))
	}
	return all
}

func TestTextsToldApart(t *testing.T) {
	words := strings.SplitAfter("the quick brown fox jumps over the lazy dog and runs on", " ")
	for name, c := range map[string]struct {
		texts []string
		want  string // the text there is in the end
		news  int    // events with new text
	}{
		"deltas":                          {words, strings.Join(words, ""), len(words)},
		"all so far":                      {grow(words...), strings.Join(words, ""), len(words)},
		"all so far, from a short one":    {grow("a", "b", "c"), "abc", 3},
		"two events, the second longer":   {grow("Hel", "lo"), "Hello", 2},
		"one event":                       {[]string{"Hello"}, "Hello", 1},
		"the same delta again":            {[]string{"ha", "ha", "ha"}, "hahaha", 3},
		"two equal deltas":                {[]string{"ha", "ha"}, "haha", 2},
		"a delta that begins as the last": {[]string{"1", "12", "3"}, "1123", 3},
		"all so far, an event repeated":   {[]string{"a", "ab", "abc", "abc", "abcd"}, "abcd", 4},
		"a long first text":               {grow("a text of more than a few bytes", " and more"), "a text of more than a few bytes and more", 2},
		"no text between":                 {[]string{"a", "", "ab", "", "abc"}, "abc", 3},
		"another script":                  {grow("你", "好", "世界"), "你好世界", 3},
	} {
		t.Run(name, func(t *testing.T) {
			l := newLab()
			e := l.texts(generic, c.texts)
			e.decideText()
			var want tokens.Meter
			want.Write([]byte(c.want))
			if got := e.account.Meter; got.Bytes() != want.Bytes() || got.Estimate() != want.Estimate() {
				t.Errorf("%d bytes, %g tokens of text, want %d, %g", got.Bytes(), got.Estimate(), want.Bytes(), want.Estimate())
			}
			e.ResponseEnd(second, false)
			s := l.series(t, second)
			if got := int(observations(s.InterChunk)) + 1; got != c.news {
				t.Errorf("%d events of new text, want %d", got, c.news)
			}
		})
	}
}

// A character may be replaced once the bytes that complete it are there, and a
// text be cut back to where a stop sequence began.
func TestTextsRewritten(t *testing.T) {
	l := newLab()
	e := l.texts(generic, []string{"ab", "abc", "abcd", "abcd\ufffd", "abcd你", "abcd你 and more"})
	if got := e.account.Bytes(); got < 15 || got > 18 {
		t.Errorf("%d bytes of text, want 16 and as much as the character that was replaced", got)
	}
	if e.pieces != 6 {
		t.Errorf("%d events, want 6", e.pieces)
	}
	e.data(second, `{"text":"abcd你 and","choices":[],"model":"m"}`)
	before := e.account.Bytes()
	e.data(2*second, `{"text":"abcd你 and"}`)
	if e.account.Bytes() != before {
		t.Errorf("a text cut back added %d bytes", e.account.Bytes()-before)
	}
	e.Discard()
}

// Texts of several choices that come with their index behind them.
func TestTextsOfChoices(t *testing.T) {
	l := newLab()
	e := l.stream(0, sglang)
	event1 := func(i int, text string, n int) string {
		return fmt.Sprintf(`{"text":%q,"meta_info":{"prompt_tokens":7,"completion_tokens":%d},"index":%d}`, text, n, i)
	}
	left, right := grow("Once", " upon", " a", " time"), grow("Never", " was", " there", " one")
	for i := range left {
		e.data(int64(i*20+10)*ms, event1(0, left[i], i+1))
		e.data(int64(i*20+20)*ms, event1(1, right[i], 2*i+1))
	}
	if got, want := int(e.account.Bytes()), len(left[3])+len(right[3]); got < want-6 || got > want {
		t.Errorf("%d bytes of text, want %d", got, want)
	}
	e.data(second, `[DONE]`)
	e.ResponseEnd(second, false)
	if got := l.last(t).Tokens[event.Output]; got != count(4+7, event.Usage) {
		t.Errorf("output %+v, want what both choices count", got)
	}
	if got := l.last(t).Tokens[event.Input]; got != count(14, event.Usage) {
		t.Errorf("input %+v, want that of both prompts", got)
	}
}

// The input of several answers to one prompt counts once, in a stream and in
// one document.
func TestTokensOfSeveralAnswers(t *testing.T) {
	const ask = `{"text":"x","sampling_params":{"n":2}}`
	one := func(i, n int) string {
		return fmt.Sprintf(`{"text":"Once","meta_info":{"prompt_tokens":7,"completion_tokens":%d,"finish_reason":{"type":"length"}},"index":%d}`, n, i)
	}
	l := newLab()
	e := l.ask(0, sharedGenerate, ask)
	e.ResponseHead(1, 200, []byte("application/json"), nil, false)
	e.say(2, "["+one(0, 3)+","+one(1, 5)+"]")
	e.ResponseEnd(2, false)
	e = l.ask(0, sharedGenerate, ask)
	e.ResponseHead(1, 200, []byte("text/event-stream"), nil, true)
	e.data(2, one(0, 3))
	e.data(2, one(1, 5))
	e.ResponseEnd(2, false)
	for _, got := range l.exchanges {
		if got.API != "sglang" || got.Tokens[event.Output] != count(8, event.Usage) || got.Tokens[event.Input] != count(7, event.Usage) || got.Finish[event.FinishLength] != 2 {
			t.Errorf("%+v", got)
		}
	}
}

// The tokenizer sees the text once, however it was sent.
func TestRepeatedTextIsTokenizedOnce(t *testing.T) {
	for name, texts := range map[string][]string{
		"all so far":     grow("the quick", " brown fox", " jumps over", " the lazy dog"),
		"two events":     grow("the quick brown", " fox jumps over the lazy dog"),
		"two short ones": grow("t", "he quick brown fox jumps over the lazy dog"),
	} {
		l, seen := tokenizing("m")
		e := l.texts(generic, texts)
		e.ResponseEnd(second, false)
		l.Settle(true)
		want := "the quick brown fox jumps over the lazy dog"
		if len(*seen) != 1 || (*seen)[0] != want {
			t.Errorf("%s: the tokenizer saw %q, want the text once", name, *seen)
		}
		if got := l.last(t).Tokens[event.Output]; got != count(9, event.Exact) {
			t.Errorf("%s: output %+v, want 9 tokens", name, got)
		}
	}
}
