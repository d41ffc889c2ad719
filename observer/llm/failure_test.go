// SPDX-License-Identifier: Apache-2.0

package llm

import (
	"testing"

	"github.com/modeltap/modeltap/observer/event"
)

// A failure that is told inside an answer of 200 is a stream error, wherever
// the server tells it; what is said of no failure is none.
func TestFailuresInsideAnAnswer(t *testing.T) {
	for _, c := range []struct {
		d      *Dialect
		event  string
		failed bool
	}{
		{openAIChat, `{"choices":[{"index":0,"delta":{},"error":{"code":502,"message":"x"}}]}`, true},
		{openAIChat, `{"choices":[{"index":0,"delta":{},"error":"x"}]}`, true},
		{openAIChat, `{"choices":[{"index":0,"delta":{},"error":null}]}`, false},
		{openAIChat, `{"choices":[{"index":0,"delta":{},"finish_reason":"error"}]}`, true},
		{openAIChat, `{"choices":[{"index":0,"delta":{},"finish_reason":{"type":"abort","status_code":500}}]}`, true},
		{openAIChat, `{"choices":[{"index":0,"delta":{},"finish_reason":{"type":"stop","status_code":null}}]}`, false},
		{openAIChat, `{"text":"**NETWORK ERROR**","error_code":50002}`, true},
		{openAIChat, `{"choices":[],"error_code":0}`, false},
		{sglang, `{"text":"","meta_info":{"finish_reason":{"type":"abort","message":"x","status_code":500}}}`, true},
		{sglang, `{"text":"","meta_info":{"finish_reason":{"type":"length","length":3}}}`, false},
	} {
		for _, stream := range []bool{true, false} {
			l := newLab()
			e := l.ask(0, c.d, `{"model":"m"}`)
			if stream {
				e.ResponseHead(1, 200, []byte(eventStream), nil, true)
				e.data(ms, c.event)
				e.data(2*ms, "[DONE]")
			} else {
				e.ResponseHead(1, 200, []byte("application/json"), nil, false)
				e.say(ms, c.event)
			}
			e.ResponseEnd(second, false)
			want := event.OK
			if c.failed {
				want = event.StreamError
			}
			if got := l.last(t); got.Outcome != want || c.failed && got.Tokens[event.Output].Known {
				t.Errorf("%s, stream %t: %v, %+v", c.event, stream, got.Outcome, got.Tokens[event.Output])
			}
		}
	}
}
