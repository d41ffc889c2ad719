// SPDX-License-Identifier: Apache-2.0

package http1

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/modeltap/modeltap/observer/event"
)

// transcript is a Handler that writes down what it is told, with adjacent
// pieces of body joined, and the sum of all body bytes.
type transcript struct {
	lines   []string
	body    strings.Builder
	framing func(h *Head) Framing
	bytes   int // Body, BodySkip, BodyGap
	open    bool
	begun   int
	lost    int
}

func (t *transcript) flush() {
	if t.body.Len() > 0 {
		t.lines = append(t.lines, fmt.Sprintf("body %q", t.body.String()))
		t.body.Reset()
	}
}

func (t *transcript) add(format string, a ...any) {
	t.flush()
	t.lines = append(t.lines, fmt.Sprintf(format, a...))
}

func (t *transcript) must(open bool, call string) {
	if t.open != open {
		panic(fmt.Sprintf("%s with message open=%v after\n%s", call, t.open, t))
	}
}

func (t *transcript) Begin() { t.must(false, "Begin"); t.begun++ }

func (t *transcript) Head(h *Head) Framing {
	t.must(false, "Head")
	if t.begun == 0 {
		panic("Head without Begin")
	}
	t.begun = 0
	if h.Method != nil {
		t.add("request %s %s 1.%d", h.Method, h.Target, h.Minor)
	} else {
		t.add("response %d 1.%d", h.Status, h.Minor)
	}
	t.lines[len(t.lines)-1] += fmt.Sprintf(" length=%d chunked=%v type=%q", h.ContentLength, h.Streamed, h.ContentType)
	f := AsFramed
	if t.framing != nil {
		f = t.framing(h)
	}
	t.open = h.Method != nil || h.Status >= 200
	return f
}

func (t *transcript) Body(p []byte) {
	t.must(true, "Body")
	if len(p) == 0 {
		panic("empty Body")
	}
	t.body.Write(p)
	t.bytes += len(p)
}

func (t *transcript) BodySkip(n int) { t.must(true, "BodySkip"); t.add("skip %d", n); t.bytes += n }
func (t *transcript) BodyGap(n int)  { t.must(true, "BodyGap"); t.add("gap %d", n); t.bytes += n }
func (t *transcript) ChunkEnd()      { t.must(true, "ChunkEnd"); t.add("chunk") }

func (t *transcript) End(complete bool) {
	t.must(true, "End")
	t.open = false
	t.add("end %v", complete)
}

func (t *transcript) Lost(r event.ParseReason) {
	t.must(false, "Lost")
	t.begun = 0
	t.lost++
	t.add("lost %s", r)
}

func (t *transcript) String() string {
	t.flush()
	return strings.Join(t.lines, "\n")
}

// parse feeds the pieces to a fresh parser, then EOF, and checks that memory
// was given back.
func parse(t testing.TB, d event.Direction, f func(*Head) Framing, pieces ...string) string {
	t.Helper()
	var pool Pool
	var x Parser
	tr := transcript{framing: f}
	x.Init(&pool, d, &tr, false)
	for _, p := range pieces {
		x.Write([]byte(p))
	}
	x.EOF()
	if pool.Held() != 0 {
		t.Errorf("%d bytes held after EOF", pool.Held())
	}
	return tr.String()
}

// bytewise cuts s into pieces of one byte.
func bytewise(s string) []string {
	var out []string
	for i := range len(s) {
		out = append(out, s[i:i+1])
	}
	return out
}

// check compares a transcript with the lines wanted.
func check(t *testing.T, got string, want ...string) {
	t.Helper()
	if !slices.Equal(strings.Split(got, "\n"), want) {
		t.Errorf("got\n%s\nwant\n%s", got, strings.Join(want, "\n"))
	}
}
