// SPDX-License-Identifier: Apache-2.0

package http1

import (
	"strings"
	"testing"

	"github.com/modeltap/modeltap/observer/event"
)

const (
	getHead  = "GET /found HTTP/1.1\r\nHost: a\r\n\r\n"
	gotFound = `request GET /found 1.1 length=-1 chunked=false type=""` + "\nend true"
)

// joined parses pieces from the middle of a connection on.
func joined(d event.Direction, pieces ...string) (string, *Pool) {
	var pool Pool
	var x Parser
	var tr transcript
	x.Init(&pool, d, &tr, true)
	for _, p := range pieces {
		x.Write([]byte(p))
	}
	x.EOF()
	return tr.String(), &pool
}

func TestJoinInTheMiddle(t *testing.T) {
	for _, junk := range []string{
		"",
		`{"prompt":"GET / HTTP/1.1`,
		"data: x\n\ndata: y\r\n\r\n",
		"GET /false HTTP/1.1\r\nnot a field\r\n",
		"GET /false HTTP/1.1\r\nHost: a\nX: bare LF\r\n",
		"GET /false HTTP/1.1\r\nHost: a\r\n folded\r\n",
		"GET /false HTTP/1.1\r\n\r\n",         // no Host
		"GET /false HTTP/1.1\r\nHo st: a\r\n", // no token
		"GET /false HTTP/1.1\r\nHost: a\r\nContent-Length: x\r\n\r\n",
		"GET /false HTTP/2.0\r\nHost: a\r\n\r\n",
		"GET false HTTP/1.1\r\nHost: a\r\n\r\n",
		"FIND /false HTTP/1.1\r\nHost: a\r\n\r\n",
		" GET /false HTTP/1.1\r\nHost: a\r\n\r\n",
		"GET /false HTTP/1.1 \r\nHost: a\r\n\r\n",
		"GET /" + strings.Repeat("x", HeadLimit) + "\r\n",
		"GE", "GET ", "GET /unfinished", "GET /false HTTP/1.1\r\nHo", "HTTP/1.1 200 OK\r\nA: b\r\n\r\n",
		"\r", "\n", "\r\n", "\x00", "G\r\n",
	} {
		got, pool := joined(event.Request, junk, getHead)
		if got != gotFound {
			t.Errorf("%.60q, new write: got %q", junk, got)
		}
		if int(pool.Discarded) != len(junk) {
			t.Errorf("%.60q, new write: %d discarded, want %d", junk, pool.Discarded, len(junk))
		}
		if got, _ := joined(event.Request, junk+"\r\n"+getHead); got != gotFound {
			t.Errorf("%.60q, new line: got %q", junk, got)
		}
	}
}

func TestJoinSplitAnywhere(t *testing.T) {
	junk := `tail of a body"}` + "\r\n"
	s := junk + getHead
	for i := range len(s) {
		if got, _ := joined(event.Request, s[:i], s[i:]); got != gotFound {
			t.Errorf("split after %q: got %q", s[:i], got)
		}
	}
	if got, _ := joined(event.Request, bytewise(s)...); got != gotFound {
		t.Errorf("bytewise: got %q", got)
	}
}

func TestJoinResponse(t *testing.T) {
	const want = "response 404 1.1 length=0 chunked=false type=\"\"\nend true"
	for _, junk := range []string{
		"", "HTTP/1.1 200 OK\r\nno field\r\n", "HTTP/1.1 200 OK\r\n\r\n", "HTTP/1.2 200 OK\r\nA: b\r\n\r\n",
		"HTTP/1.1 2\r\nA: b\r\n\r\n", "H", "HTTP/1.1 200 OK\r\nA: b\r\nHTTP/1.1 20", getHead,
		`data: {"content":"HTTP/1.1 200 OK\r\nA: b\r\n\r\n"}` + "\n\n",
	} {
		if got, _ := joined(event.Response, junk, nextHead); got != want {
			t.Errorf("%q: got %q", junk, got)
		}
	}
}

// TestRefusedHeadIsSearched has a good head right behind a broken one.
func TestRefusedHeadIsSearched(t *testing.T) {
	bad := "BAD\x00LINE\r\n"
	for i := range len(bad) {
		got := parse(t, event.Request, nil, bad[:i], bad[i:]+getHead)
		if got != "lost malformed\n"+gotFound {
			t.Errorf("cut at %d: got %q", i, got)
		}
	}
	broken := "GET / HTTP/1.1\r\nContent-Length: x\r\nA: b\r\n\r\n"
	for i := range len(broken) {
		if got := parse(t, event.Request, nil, broken[:i], broken[i:]+getHead); got != "lost malformed\n"+gotFound {
			t.Errorf("cut at %d: got %q", i, got)
		}
	}
}

// TestForeignProtocol feeds what is not HTTP at all: one loss, no memory.
func TestForeignProtocol(t *testing.T) {
	for _, s := range []string{
		"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
		"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
		"\x00\x00\x00\x08\x04\xd2\x16\x2f",
		strings.Repeat("\xff", 1<<20),
	} {
		got := parse(t, event.Request, nil, s)
		if got != "lost malformed" {
			t.Errorf("%.30q: %q", s, got)
		}
	}
}
