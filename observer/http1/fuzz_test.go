// SPDX-License-Identifier: Apache-2.0

package http1

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/modeltap/modeltap/observer/event"
)

// agreed is what net/http and we must agree on.
func agreed(start string, body string) string { return start + " " + fmt.Sprintf("%q", body) + "\n" }

// collector is a Handler that writes messages in the form of the oracle, up to
// the first that is not complete.
type collector struct {
	out     strings.Builder
	start   string
	body    []byte
	stopped bool
}

func (c *collector) Begin()                 {}
func (c *collector) BodySkip(int)           {}
func (c *collector) BodyGap(int)            {}
func (c *collector) ChunkEnd()              {}
func (c *collector) Body(p []byte)          { c.body = append(c.body, p...) }
func (c *collector) Lost(event.ParseReason) { c.stopped = true }

func (c *collector) Head(h *Head) Framing {
	c.body = c.body[:0]
	if h.Method != nil {
		c.start = fmt.Sprintf("%s %s 1.%d", h.Method, h.Target, h.Minor)
		return AsFramed
	}
	c.start = fmt.Sprintf("%d 1.%d", h.Status, h.Minor)
	if h.Status < 200 {
		c.End(true)
	}
	if h.Status == 101 {
		c.stopped = true
	}
	return AsFramed
}

func (c *collector) End(complete bool) {
	if !c.stopped && complete {
		c.out.WriteString(agreed(c.start, string(c.body)))
	}
	c.stopped = c.stopped || !complete
}

func ours(d event.Direction, pieces ...[]byte) string {
	var pool Pool
	var x Parser
	var c collector
	x.Init(&pool, d, &c, false)
	for _, p := range pieces {
		x.Write(p)
	}
	x.EOF()
	return c.out.String()
}

// oracle reads messages with net/http until one is not read whole.
func oracle(d event.Direction, p []byte) string {
	var out strings.Builder
	r := bufio.NewReaderSize(bytes.NewReader(p), 128<<10)
	for {
		var start string
		var body io.ReadCloser
		if d == event.Request {
			m, err := http.ReadRequest(r)
			if err != nil || m.ProtoMajor != 1 {
				return out.String()
			}
			start, body = fmt.Sprintf("%s %s 1.%d", m.Method, m.RequestURI, m.ProtoMinor), m.Body
		} else {
			m, err := http.ReadResponse(r, nil)
			// net/http reads status codes that are none: 000 to 099, +20.
			if err != nil || m.ProtoMajor != 1 || m.StatusCode < 100 || m.Status[0] == '+' {
				return out.String()
			}
			start, body = fmt.Sprintf("%d 1.%d", m.StatusCode, m.ProtoMinor), m.Body
			if m.StatusCode == http.StatusSwitchingProtocols {
				return out.String() + agreed(start, "")
			}
		}
		b, err := io.ReadAll(body)
		if err != nil {
			return out.String()
		}
		out.WriteString(agreed(start, string(b)))
	}
}

func seed(f *testing.F) {
	for _, c := range conversations {
		f.Add(c.dir == event.Response, []byte(c.stream), uint64(0x9e3779b97f4a7c15))
	}
	for _, s := range []string{
		"GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\nContent-Length: 3\r\n\r\nabcGET /2 HTTP/1.1\r\n\r\n",
		"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\nA: b\r\n c\r\n\r\nGET / HTTP/1.0\r\n\r\n",
		"POST / HTTP/1.1\r\nTransfer-Encoding : chunked\r\nContent-Length: 1\r\n\r\nx",
	} {
		f.Add(false, []byte(s), uint64(3))
	}
}

func direction(response bool) event.Direction {
	if response {
		return event.Response
	}
	return event.Request
}

// FuzzNetHTTP: every message that net/http reads, we read alike. We may read
// more than it does (see the package comment), never less.
func FuzzNetHTTP(f *testing.F) {
	seed(f)
	f.Fuzz(func(t *testing.T, response bool, p []byte, _ uint64) {
		d := direction(response)
		want, got := oracle(d, p), ours(d, p)
		if !strings.HasPrefix(got, want) {
			t.Errorf("input %q\nnet/http %s\nours     %s", p, want, got)
		}
	})
}

// cuts yields pieces of p whose lengths are drawn from seed.
func cuts(p []byte, seed uint64) [][]byte {
	var out [][]byte
	for len(p) > 0 {
		seed = seed*6364136223846793005 + 1442695040888963407
		n := min(int(seed>>33)%(1+int(seed>>60)*4)+1, len(p))
		out = append(out, p[:n])
		p = p[n:]
	}
	return out
}

// FuzzSplit: wherever the stream is cut, the messages are the same.
func FuzzSplit(f *testing.F) {
	seed(f)
	f.Fuzz(func(t *testing.T, response bool, p []byte, s uint64) {
		d := direction(response)
		whole, split := ours(d, p), ours(d, cuts(p, s)...)
		if whole != split {
			t.Errorf("input %q\nwhole %s\nsplit %s", p, whole, split)
		}
	})
}

// FuzzHoles: whatever is cut, skipped or lost, the Handler's contract holds
// (transcript panics otherwise), memory is given back, and every byte written
// is accounted for exactly once by Walk.
func FuzzHoles(f *testing.F) {
	seed(f)
	f.Fuzz(func(t *testing.T, response bool, p []byte, s uint64) {
		var pool Pool
		var x Parser
		var tr transcript
		x.Init(&pool, direction(response), &tr, s&1 == 1)
		var sizes [RegionBody + 1]int
		body, holes := 0, 0
		for i, b := range cuts(p, s) {
			switch s >> (i % 60) & 7 {
			case 0:
				holes += len(b)
				x.Gap(len(b))
			case 1:
				holes += len(b)
				x.Skip(len(b))
			case 2:
				x.Giveup()
				tr.open = false
			default:
				at := 0
				x.Walk(b, func(r Region, run []byte) {
					if len(run) == 0 || &run[0] != &b[at] {
						t.Fatalf("run of %d bytes is not at %d", len(run), at)
					}
					at += len(run)
					sizes[r] += len(run)
				})
				if at != len(b) {
					t.Fatalf("%d of %d bytes walked", at, len(b))
				}
			}
		}
		body = sizes[RegionBody]
		if tr.bytes < body || tr.bytes > body+holes+sizes[RegionUnknown] {
			t.Errorf("%d bytes handed over, %d walked as body, %d in holes", tr.bytes, body, holes)
		}
		if pool.Discarded > uint64(len(p)) {
			t.Errorf("%d of %d bytes discarded", pool.Discarded, len(p))
		}
		x.EOF()
		if pool.Held() != 0 {
			t.Errorf("%d bytes held after EOF", pool.Held())
		}
	})
}
