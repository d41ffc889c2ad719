// SPDX-License-Identifier: Apache-2.0

package llm

import (
	"slices"
	"strings"
	"testing"

	"github.com/modeltap/modeltap/observer/event"
)

// everyDialect are those that routes lead to and those that requests choose.
func everyDialect() []*Dialect {
	return slices.Concat(dialects[:], []*Dialect{generic, tgi, sglang, gradioCall, gradioRun})
}

// Whatever is asked, the size is right, nothing is made up, and the answer is
// still read.
func TestRequestsOfAnyShape(t *testing.T) {
	for _, d := range everyDialect() {
		for name, body := range map[string]string{
			"nothing":           "",
			"white space":       " \r\n\t ",
			"no JSON":           "model=gpt&prompt=hello",
			"a form":            "--x\r\nContent-Disposition: form-data; name=\"model\"\r\n\r\nwhisper\r\n--x--",
			"a string":          `"prompt"`,
			"a list":            `[{"prompt":"x","model":"m"}]`,
			"another shape":     `{"a":{"b":[1,2,{"c":null}]},"d":true}`,
			"broken":            `{"model":"m","prompt":"x`,
			"more than one":     `{"prompt":"x"}{"prompt":"y"}`,
			"other types":       `{"model":5,"prompt":{"x":1},"messages":"no","inputs":7,"data":{},"text":[1],"input_ids":"x","sampling_params":[]}`,
			"binary":            "\x00\x01\xff\xfe{",
			"deep":              strings.Repeat(`{"messages":[`, 200),
			"a name of a label": `{"model":"` + strings.Repeat("m", 5000) + `"}`,
		} {
			for _, step := range []int{1, 7, 1 << 20} {
				l := newLab()
				e := l.Open("s", d, 1, false)
				for p := []byte(body); len(p) > 0; p = p[min(step, len(p)):] {
					e.RequestBody(p[:min(step, len(p))])
				}
				e.RequestEnd(2)
				e.ResponseHead(3, 200, []byte("application/json"), nil, false)
				e.say(4, `{"choices":[]}`)
				e.ResponseEnd(5, false)
				got := l.last(t)
				if got.RequestBytes != int64(len(body)) || got.Outcome != event.OK || len(got.Model) > 128 {
					t.Errorf("%s, %s in pieces of %d: %+v", d.API, name, step, got)
				}
				if in := got.Tokens[event.Input]; in.N < 0 || in.Known && in.N == 0 {
					t.Errorf("%s, %s: input %+v", d.API, name, in)
				}
			}
		}
	}
}

// A prompt of a megabyte is counted and not kept; one of which a part was lost
// is not guessed at.
func TestLargeRequests(t *testing.T) {
	prompt := strings.Repeat("many words in a row ", 50_000)
	for _, d := range everyDialect() {
		body := `{"model":"m","prompt":"` + prompt + `","messages":[{"role":"user","content":"` + prompt + `"}],"inputs":"` + prompt + `","input":"` +
			prompt + `","text_input":"` + prompt + `","data":["` + prompt + `"],"text":"` + prompt + `","sampling_params":{}}`
		l := newLab()
		e := l.Open("s", d, 1, false)
		e.RequestBody([]byte(body))
		e.RequestEnd(2)
		e.ResponseHead(3, 200, []byte("application/json"), nil, false)
		e.say(4, `{}`)
		e.ResponseEnd(5, false)
		if got := l.last(t); got.RequestBytes != int64(len(body)) || got.Tokens[event.Input].Known && got.Tokens[event.Input].N < 100_000 {
			t.Errorf("%s: %d bytes, input %+v", d.API, got.RequestBytes, got.Tokens[event.Input])
		}
		l = newLab()
		e = l.Open("s", d, 1, false)
		e.RequestBody([]byte(body[:len(body)/2]))
		e.RequestMissing(1000)
		e.RequestBody([]byte(body[len(body)/2+1000:]))
		e.RequestEnd(2)
		e.ResponseHead(3, 200, []byte("application/json"), nil, false)
		e.say(4, `{}`)
		e.ResponseEnd(5, false)
		if got := l.last(t); got.RequestBytes != int64(len(body)) || got.Tokens[event.Input].Known {
			t.Errorf("%s, with a loss: %d bytes, input %+v", d.API, got.RequestBytes, got.Tokens[event.Input])
		}
	}
}

// An answer that comes while the request is still being sent ends its reading.
func TestAnswersBeforeTheRequestEnds(t *testing.T) {
	for _, d := range everyDialect() {
		l := newLab()
		e := l.Open("s", d, 1, false)
		e.RequestBody([]byte(`{"model":"m","prompt":"begun`))
		e.ResponseHead(3, 413, []byte("application/json"), nil, false)
		e.say(4, `{"error":{"message":"too large"}}`)
		e.RequestBody([]byte(` and ended"}`))
		e.RequestEnd(5)
		e.ResponseEnd(6, false)
		got := l.last(t)
		if got.Outcome != event.HTTPError || got.Status != 413 || got.Tokens[event.Output].Known || got.RequestBytes != 40 {
			t.Errorf("%s: %+v", d.API, got)
		}
	}
}

// One shard takes exchanges of all APIs in turn, and what one leaves in an
// Exchange that is used again is not seen by the next.
func TestExchangesLeaveNothingBehind(t *testing.T) {
	alone := map[string]event.Exchange{}
	for name, f := range families {
		l := newLab()
		e := f.play(l, "\n", 1<<20)
		e.ResponseEnd(second, false)
		alone[name] = l.last(t)
	}
	l := newLab()
	for range 3 {
		for name, f := range families {
			// One that is given up in the middle goes before.
			e := f.play(l, "\n", 5)
			e.say(second, "data: {\"text\":\"half")
			e.Discard()
			e = f.play(l, "\n", 1<<20)
			e.ResponseEnd(second, false)
			got, want := l.last(t), alone[name]
			// The tokens of an estimate and the chunks are calibrated by others.
			got.Tokens[event.Output], want.Tokens[event.Output] = event.Count{}, event.Count{}
			if got != want {
				t.Errorf("%s: %+v\nalone %+v", name, got, want)
			}
		}
	}
	if l.InFlight() != 0 {
		t.Errorf("%d in flight", l.InFlight())
	}
}
