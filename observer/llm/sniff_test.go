// SPDX-License-Identifier: Apache-2.0

package llm

import (
	"testing"

	"github.com/modeltap/modeltap/observer/event"
)

// A body without a content type is JSON lines if its first chunk is one, and
// text otherwise, wherever the chunks are cut by segments.
func TestUntypedBodies(t *testing.T) {
	for name, c := range map[string]struct {
		chunks []string
		bytes  int64 // of text
		json   bool
	}{
		"text":                      {[]string{"Hello", " you"}, 9, false},
		"lines":                     {[]string{"{\"text\":\"Hello\"}\n", "{\"text\":\" you\"}\n"}, 9, true},
		"lines of all text so far":  {[]string{"{\"text\":\"Hel\"}\n", "{\"text\":\"Hello\"}\n", "{\"text\":\"Hello you\"}\n"}, 9, true},
		"lines in lists":            {[]string{"{\"text\":[\"Hello\"]}\n", "{\"text\":[\"Hello you\"]}\n"}, 9, true},
		"a text that is JSON":       {[]string{"{", "\"text\":", "\"x\"}"}, 12, false},
		"a text that begins so":     {[]string{"{curly", " braces}"}, 14, false},
		"a number":                  {[]string{"4", "2"}, 2, false},
		"white space, then text":    {[]string{"  ", "x"}, 3, false},
		"a document in two chunks":  {[]string{"{\"text\":\"Hello\"}\n", "{\"text\":", "\" you\"}\n"}, 9, true},
		"lines, then no more lines": {[]string{"{\"text\":\"Hello\"}\n", "oops"}, 5, true},
	} {
		t.Run(name, func(t *testing.T) {
			for _, step := range []int{1, 3, 1000} {
				l := newLab()
				e := l.ask(0, generic, `{"prompt":"x"}`)
				e.ResponseHead(1, 200, nil, nil, true)
				for i, chunk := range c.chunks {
					m := event.Mark{Time: int64(i+1) * 10 * ms}
					for p := []byte(chunk); len(p) > 0; p = p[min(step, len(p)):] {
						e.ResponseBody(m, p[:min(step, len(p))])
					}
					e.ChunkEnd(m)
				}
				if json := e.body == bodyChunkedJSON; json != c.json {
					t.Errorf("read as JSON: %v", json)
				}
				e.EndBody()
				e.decideText()
				if e.account.Bytes() != c.bytes {
					t.Errorf("%d bytes of text, want %d", e.account.Bytes(), c.bytes)
				}
				e.ResponseEnd(second, false)
				if got := l.last(t); got.FirstToken != 10*ms || got.Outcome != event.OK {
					t.Errorf("%+v", got)
				}
			}
		})
	}
}

func TestUntypedBodyWithALoss(t *testing.T) {
	l := newLab()
	e := l.ask(0, generic, `{"prompt":"x"}`)
	e.ResponseHead(1, 200, nil, nil, true)
	e.say(10*ms, `{"text":"He`)
	e.ResponseMissing(event.Mark{Time: 20 * ms}, 9)
	e.say(30*ms, "you")
	e.ChunkEnd(event.Mark{Time: 30 * ms})
	e.ChunkEnd(event.Mark{Time: 40 * ms})
	e.ResponseEnd(second, false)
	if got := l.last(t); got.Outcome != event.Incomplete {
		t.Errorf("%+v", got)
	}
}

func TestUntypedBodyEndsInItsFirstChunk(t *testing.T) {
	l := newLab()
	e := l.ask(0, generic, `{"prompt":"x"}`)
	e.ResponseHead(1, 200, nil, nil, true)
	e.say(10*ms, `Hello you`)
	e.ResponseEnd(second, false)
	if got := l.last(t); got.Outcome != event.OK || !got.Tokens[event.Output].Known {
		t.Errorf("%+v", got)
	}
}
