// SPDX-License-Identifier: Apache-2.0

package http1

import (
	"strings"
	"testing"

	"github.com/modeltap/modeltap/observer/event"
)

const (
	lengthHead  = "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n"
	chunkedHead = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
	closeHead   = "HTTP/1.1 200 OK\r\n\r\n"
	nextHead    = "HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n"
)

// TestHoles plays scripts: text is written, a number is a hole.
func TestHoles(t *testing.T) {
	const lost = "lost truncated"
	for _, c := range []struct {
		name      string
		script    []any
		skip, gap string // the lines after the head, joined by "; "
	}{
		{"within length", []any{lengthHead, "abc", 4, "xyz"},
			`body "abc"; skip 4; body "xyz"; end true`, `body "abc"; gap 4; body "xyz"; end true`},
		{"to the end of length", []any{lengthHead, 10, nextHead},
			`skip 10; end true; 404; end true`, `gap 10; end true; 404; end true`},
		{"over the end of length", []any{lengthHead, 11, "garbage", nextHead},
			`skip 10; end true; ` + lost + `; 404; end true`, `gap 10; end false; ` + lost + `; 404; end true`},
		{"within chunk", []any{chunkedHead, "5\r\na", 3, "e\r\n0\r\n\r\n"},
			`body "a"; skip 3; body "e"; chunk; end true`, `body "a"; gap 3; body "e"; chunk; end true`},
		{"to the end of chunk", []any{chunkedHead, "5\r\na", 4, "\r\n0\r\n\r\n"},
			`body "a"; skip 4; chunk; end true`, `body "a"; gap 4; chunk; end true`},
		{"over the end of chunk", []any{chunkedHead, "5\r\na", 5, "\n0\r\n\r\n"},
			`body "a"; skip 5; skip 6; end false`, `body "a"; gap 4; end false; ` + lost},
		{"in a chunk size", []any{chunkedHead, "5", 5, "\n0\r\n\r\n"},
			`skip 5; skip 6; end false`, `end false; ` + lost},
		{"in a trailer", []any{chunkedHead, "0\r\nA: b", 2, nextHead},
			`skip 2; skip 45; end false`, `end false; ` + lost + `; 404; end true`},
		{"until close", []any{closeHead, "abc", 4, "xyz"},
			`body "abc"; skip 4; body "xyz"; end true`, `body "abc"; gap 4; body "xyz"; end true`},
		{"between messages", []any{nextHead, 4, "xyz", nextHead},
			`end true; ` + lost + `; 404; end true`, `end true; ` + lost + `; 404; end true`},
		{"in a head", []any{nextHead, nextHead[:20], 4, nextHead},
			`end true; ` + lost + `; 404; end true`, `end true; ` + lost + `; 404; end true`},
		{"while lost", []any{nextHead, 1, nextHead[:20], 4, nextHead[24:], nextHead},
			`end true; ` + lost + `; 404; end true`, `end true; ` + lost + `; 404; end true`},
		{"of nothing", []any{lengthHead, 0, "0123456789"},
			`body "0123456789"; end true`, `body "0123456789"; end true`},
	} {
		for kind, want := range map[string]string{"skip": c.skip, "gap": c.gap} {
			t.Run(c.name+"/"+kind, func(t *testing.T) {
				var pool Pool
				var x Parser
				var tr transcript
				x.Init(&pool, event.Response, &tr, false)
				for _, s := range c.script {
					switch s := s.(type) {
					case string:
						x.Write([]byte(s))
					case int:
						if kind == "skip" {
							x.Skip(s)
						} else {
							x.Gap(s)
						}
					}
				}
				x.EOF()
				lines := strings.Split(tr.String(), "\n")[1:]
				for i, l := range lines {
					if strings.HasPrefix(l, "response 404") {
						lines[i] = "404"
					}
				}
				if got := strings.Join(lines, "; "); got != want {
					t.Errorf("got  %s\nwant %s", got, want)
				}
			})
		}
	}
}

func TestGiveup(t *testing.T) {
	var pool Pool
	var x Parser
	var tr transcript
	x.Init(&pool, event.Request, &tr, false)
	x.Giveup() // between messages: nothing
	x.Write([]byte("POST /a HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhel"))
	x.Skip(1000)
	x.Giveup()
	if !x.Searching() {
		t.Error("not searching after Giveup")
	}
	tr.open = false // the owner ended it
	x.Write([]byte("lo\r\n0\r\n\r\n"))
	x.Write([]byte("GET /b HTTP/1.1\r\nHost: a\r\n\r\n"))
	x.Giveup()
	x.Write([]byte("GET /c HTTP/1.1\r\n\r\n"))
	x.Release()
	x.Write([]byte("GET /d HTTP/1.1\r\n\r\n"))
	x.Gap(1)
	x.Skip(1)
	x.EOF()
	x.EOF()
	check(t, tr.String(), `request POST /a 1.1 length=-1 chunked=true type=""`, `body "hel"`, "skip 1000",
		`request GET /b 1.1 length=-1 chunked=false type=""`, "end true",
		`request GET /c 1.1 length=-1 chunked=false type=""`, "end true")
}

func TestEOF(t *testing.T) {
	for stream, want := range map[string]string{
		"":                            "",
		nextHead[:20]:                 "",
		nextHead:                      "end true",
		closeHead:                     "end true",
		closeHead + "abc":             "end true",
		lengthHead + "abc":            "end false",
		chunkedHead:                   "end false",
		chunkedHead + "0\r\n":         "end false",
		chunkedHead + "0\r\nX: y\r\n": "end false",
	} {
		if got := outcome(parse(t, event.Response, nil, stream)); got != want {
			t.Errorf("%q: got %q, want %q", stream, got, want)
		}
	}
}
