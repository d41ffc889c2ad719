// SPDX-License-Identifier: Apache-2.0

package http1

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/modeltap/modeltap/observer/event"
)

// exchange is one message of a stream that holes are torn into.
type exchange struct {
	raw  string
	said string // as ledger writes it when it was seen whole
}

// ledger is a Handler that keeps the messages seen whole, with their bodies.
type ledger struct {
	whole   []string
	torn    int
	start   string
	body    strings.Builder
	missing bool
}

func (l *ledger) Begin() {}
func (l *ledger) Head(h *Head) Framing {
	l.start = fmt.Sprintf("%s %s %d", h.Method, h.Target, h.Status)
	l.body.Reset()
	l.missing = false
	return AsFramed
}
func (l *ledger) Body(p []byte)          { l.body.Write(p) }
func (l *ledger) BodySkip(int)           { l.missing = true }
func (l *ledger) BodyGap(int)            { l.missing = true }
func (l *ledger) ChunkEnd()              {}
func (l *ledger) Lost(event.ParseReason) {}
func (l *ledger) End(complete bool) {
	if complete && !l.missing {
		l.whole = append(l.whole, l.start+" "+l.body.String())
	} else {
		l.torn++
	}
}

// requests and answers are of every framing, with bodies that look like heads,
// like chunk sizes and like line ends.
func requests() []exchange {
	var all []exchange
	for i, body := range []string{"", `{"prompt":"GET / HTTP/1.1"}`, "5\r\nhello\r\n0\r\n\r\n", "\r\n\r\n", strings.Repeat("a\r\n", 40)} {
		for _, chunks := range []bool{false, true} {
			target := fmt.Sprintf("/%d/%v", i, chunks)
			head := "POST " + target + " HTTP/1.1\r\nHost: a\r\nX-Long: " + strings.Repeat("v", i*9) + "\r\n"
			raw := head + fmt.Sprintf("Content-Length: %d\r\n\r\n", len(body)) + body
			if chunks {
				raw = head + "Transfer-Encoding: chunked\r\n\r\n" + pieced(body, 7) + "0\r\nTrailer: x\r\n\r\n"
			}
			all = append(all, exchange{raw, "POST " + target + " 0 " + body})
		}
	}
	return all
}

func answers() []exchange {
	var all []exchange
	for i, body := range []string{"data: x\n\n", "HTTP/1.1 200 OK\r\n", "0\r\n\r\n", `{"a":1}`} {
		for _, chunks := range []bool{true, false} {
			status := 200 + 10*i
			if chunks {
				status++
			}
			head := fmt.Sprintf("HTTP/1.1 %d Fine\r\nServer: x\r\n", status)
			raw := head + fmt.Sprintf("Content-Length: %d\r\n\r\n", len(body)) + body
			if chunks {
				raw = head + "Transfer-Encoding: chunked\r\n\r\n" + pieced(body, 4) + "0\r\n\r\n"
			}
			all = append(all, exchange{raw, fmt.Sprintf("  %d %s", status, body)})
		}
	}
	return all
}

// pieced is body in chunks of n bytes.
func pieced(body string, n int) string {
	var b strings.Builder
	for len(body) > 0 {
		k := min(n, len(body))
		fmt.Fprintf(&b, "%x;ext\r\n%s\r\n", k, body[:k])
		body = body[k:]
	}
	return b.String()
}

// TestGapAnywhere loses bytes at every offset and of many lengths. Whatever is
// said to be whole was sent so, what came before the gap is there, and so is
// every message that began behind it.
func TestGapAnywhere(t *testing.T) {
	for d, all := range map[event.Direction][]exchange{event.Request: requests(), event.Response: answers()} {
		var ends, begins []int // offsets of the messages
		stream := ""
		for _, e := range all {
			begins = append(begins, len(stream))
			stream += e.raw
			ends = append(ends, len(stream))
		}
		for from := range len(stream) {
			for _, n := range []int{1, 2, 3, 11, 60, 250, 900} {
				to := min(from+n, len(stream))
				var pool Pool
				var x Parser
				var l ledger
				x.Init(&pool, d, &l, false)
				x.Write([]byte(stream[:from]))
				x.Gap(to - from)
				for at, i := to, 0; i < len(all); i++ { // a segment for each message
					if ends[i] > at {
						x.Write([]byte(stream[at:ends[i]]))
						at = ends[i]
					}
				}
				x.EOF()
				next := 0
				for i, e := range all {
					seen := next < len(l.whole) && l.whole[next] == e.said
					if seen {
						next++
					}
					if must := ends[i] <= from || begins[i] >= to; must && !seen {
						t.Fatalf("%s: %d bytes lost at %d, between %q and %q: message %d is missing from %q",
							d, n, from, stream[max(from-9, 0):from], stream[to:min(to+9, len(stream))], i, l.whole)
					}
				}
				if next < len(l.whole) {
					t.Fatalf("%s: %d bytes lost at %d: %q was never sent", d, n, from, l.whole[next])
				}
				if pool.Held() != 0 {
					t.Fatalf("%d bytes held", pool.Held())
				}
			}
		}
	}
}

// TestJoinAnywhere begins in the middle, at every offset: no message is made
// up, and all that begin later are there.
func TestJoinAnywhere(t *testing.T) {
	for d, all := range map[event.Direction][]exchange{event.Request: requests(), event.Response: answers()} {
		for first, e := range all {
			for from := 1; from < len(e.raw); from++ {
				var pool Pool
				var x Parser
				var l ledger
				x.Init(&pool, d, &l, true)
				x.Write([]byte(e.raw[from:]))
				var want []string
				for _, later := range all[first+1:] {
					for _, half := range []string{later.raw[:len(later.raw)/2], later.raw[len(later.raw)/2:]} {
						x.Write([]byte(half))
					}
					want = append(want, later.said)
				}
				x.EOF()
				if !slices.Equal(l.whole, want) {
					t.Fatalf("%s: joined at %q\ngot  %q\nwant %q", d, e.raw[from:], l.whole, want)
				}
			}
		}
	}
}

// TestHugeHeads: a head of 1 MB, and one that never ends, cost no more memory
// than the limit, and the next good message is read.
func TestHugeHeads(t *testing.T) {
	for name, junk := range map[string]string{
		"one field":    "X: " + strings.Repeat("v", 1<<20) + "\r\n\r\n",
		"many fields":  strings.Repeat("X-Some: value\r\n", 1<<16) + "\r\n",
		"no line end":  strings.Repeat("v", 1<<20),
		"blank folds":  strings.Repeat(" \r\n", 1<<18),
		"line ends":    "X: y\r\n" + strings.Repeat("X:\r\n", 1<<18) + "\r\n",
		"no separator": strings.Repeat("\x01", 1<<20),
	} {
		for _, size := range []int{1000, 1448, 65536, 1 << 21} {
			var pool Pool
			var x Parser
			var l ledger
			x.Init(&pool, event.Request, &l, false)
			x.Write([]byte("POST /big HTTP/1.1\r\nHost: a\r\n"))
			most := 0
			for p := []byte(junk); len(p) > 0; {
				n := min(size, len(p))
				x.Write(p[:n])
				p = p[n:]
				most = max(most, pool.Held())
			}
			x.Write([]byte("GET /next HTTP/1.1\r\nHost: a\r\n\r\n"))
			x.EOF()
			if !slices.Equal(l.whole, []string{"GET /next 0 "}) || most > 4*HeadLimit || pool.Held() != 0 {
				t.Errorf("%s in pieces of %d: %.200q, %d bytes held, then %d", name, size, l.whole, most, pool.Held())
			}
		}
	}
}
