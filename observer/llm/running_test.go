// SPDX-License-Identifier: Apache-2.0

package llm

import (
	"testing"

	"github.com/modeltap/modeltap/observer/event"
)

// The oldest of many are told of, as far as they have been seen.
func TestRunning(t *testing.T) {
	l := newLab()
	e := l.stream(0, openAIChat)
	e.data(11, word(0, "x"))
	for i := range 3 * event.MaxOpen {
		l.ask(int64(100+i), openAIChat, `{"model":"minted"}`)
	}
	open := l.Running(nil, 500)
	if len(open) != event.MaxOpen {
		t.Fatalf("%d are told of, want %d", len(open), event.MaxOpen)
	}
	if x := open[0]; x.Model != "m" || x.FirstToken != 11 || x.End != 0 {
		t.Errorf("the first: %+v", x)
	}
	// A client that has no answer yet must not be able to make names.
	if x := open[1]; x.Model != "unknown" || x.FirstToken != 0 {
		t.Errorf("the second: %+v", x)
	}
}
