// SPDX-License-Identifier: Apache-2.0

package sse

import (
	"bytes"
	"math/rand/v2"
	"strings"
	"testing"
)

// log writes down what it is told.
type log struct {
	strings.Builder
	data  []byte
	calls int // of Data
}

func (l *log) Data(p []byte) {
	if len(p) == 0 {
		l.WriteString("empty piece;")
	}
	l.data = append(l.data, p...)
	l.calls++
}

func (l *log) Name(p []byte) { l.WriteString("name " + string(p) + ";") }
func (l *log) Comment()      { l.WriteString("comment;") }

func (l *log) End() {
	l.WriteString("data " + string(l.data) + ";")
	l.data = l.data[:0]
}

func (l *log) Lost() {
	l.WriteString("lost;")
	l.data = l.data[:0]
}

func read(pieces ...[]byte) (string, bool) {
	var l log
	var p Parser
	p.Reset(&l)
	for _, b := range pieces {
		own := append([]byte(nil), b...)
		p.Write(own)
		clear(own)
	}
	return l.String(), p.EOF()
}

var streams = map[string]struct {
	in      string
	want    string
	pending bool
}{
	"plain":          {"data: a\n\ndata: [DONE]\n\n", "data a;data [DONE];", false},
	"no space":       {"data:a\n\ndata:  b\n\n", "data a;data  b;", false},
	"CRLF":           {"data: a\r\ndata: b\r\n\r\n: ping\r\n\r\ndata: c\r\n\r\n", "data a\nb;comment;data c;", false},
	"CR":             {"data: a\rdata: b\r\rdata: c\r\r", "data a\nb;data c;", false},
	"mixed":          {"data: a\ndata: b\r\n\ndata: c\r\r\ndata: d\n\r", "data a\nb;data c;data d;", false},
	"byte mark":      {"\xef\xbb\xbfdata: a\n\n\xef\xbb\xbfdata: b\n\n", "data a;", false},
	"mark alone":     {"\xef\xbb\xbf\ndata: a\n\n", "data a;", false},
	"late mark":      {"data: a\n\n\xef\xbb\xbfdata: b\n\n", "data a;", false},
	"mark within":    {"data: a\n\xef\xbb\xbfdata: b\ndata: c\n\n", "data a\nc;", false},
	"mark in field":  {"da\xef\xbb\xbfta: a\n\n", "", false},
	"name":           {"event: message_start\ndata: {}\n\ndata: x\nevent:e\n\n", "name message_start;data {};name e;data x;", false},
	"no data":        {"event: ping\n\nid: 1\nretry: 5\n\n: \n:\n\n", "name ping;comment;comment;", false},
	"empty data":     {"data\n\ndata:\n\ndata: \n\ndata\ndata\n\n", "data ;data ;data ;data \n;", false},
	"other fields":   {"data2: a\ndat: b\n data: c\ndata : d\nDATA: e\nid: data: f\n\n", "", false},
	"long name":      {"event: " + strings.Repeat("n", 100) + "\ndata: a\n\n", "name " + strings.Repeat("n", MaxName) + ";data a;", false},
	"long field":     {strings.Repeat("data", 40) + ": a\n\n", "", false},
	"colons":         {"data: a: b\n\ndata::\n\n", "data a: b;data :;", false},
	"unterminated":   {"data: a\n\ndata: b\n", "data a;", true},
	"cut":            {"data: a\n\ndata: b", "data a;", true},
	"cut in field":   {"data: a\n\ndat", "data a;", false},
	"nothing":        {"", "", false},
	"blank lines":    {"\n\n\r\n\rdata: a\n\n\n\n", "data a;", false},
	"not an SSE":     {"{\"error\":\"x\"}\n", "", false},
	"zero and colon": {"da\x00ta: x\n\n", "", false},
}

func TestStreams(t *testing.T) {
	for name, c := range streams {
		t.Run(name, func(t *testing.T) {
			in := []byte(c.in)
			for i := 0; i <= len(in); i++ {
				for j := i; j <= len(in); j += 1 + len(in)/40 {
					if got, pending := read(in[:i], in[i:j], in[j:]); got != c.want || pending != c.pending {
						t.Fatalf("cut at %d, %d: %q %t, want %q %t", i, j, got, pending, c.want, c.pending)
					}
				}
			}
		})
	}
}

func TestGap(t *testing.T) {
	for name, c := range map[string]struct{ before, after, want string }{
		"in data":            {"data: a\n\ndata: b", "c\n\ndata: d\n\n", "data a;lost;data d;"},
		"between events":     {"data: a\n\n", "data: b\n\ndata: c\n\n", "data a;lost;data c;"},
		"at a line end":      {"data: a", "\ndata: b\n\ndata: c\n\n", "lost;data c;"},
		"in the empty line":  {"data: a\n", "\ndata: b\n\ndata: c\n\n", "lost;data c;"},
		"CRLF":               {"data: a\r", "\n\r\ndata: b\r\n\r\n", "lost;data b;"},
		"in a comment":       {": pi", "ng\n\ndata: a\n\n", "lost;data a;"},
		"several line event": {"data: a\nda", "ta: b\ndata: c\n\ndata: d\n\n", "lost;data d;"},
		"at the start":       {"", "x\n\ndata: d\n\n", "lost;data d;"},
	} {
		t.Run(name, func(t *testing.T) {
			for cut := range c.after {
				var l log
				var p Parser
				p.Reset(&l)
				p.Write([]byte(c.before))
				p.Gap()
				p.Gap()
				p.Write([]byte(c.after[:cut]))
				p.Write([]byte(c.after[cut:]))
				if got := l.String(); got != c.want || p.EOF() {
					t.Fatalf("cut at %d: %q, want %q", cut, got, c.want)
				}
			}
		})
	}
}

// An event that lies whole in one piece is one slice.
func TestWholeEventIsOneSlice(t *testing.T) {
	var l log
	var p Parser
	p.Reset(&l)
	p.Write([]byte("data: {\"a\": 1}\n\ndata: {\"b\": 2}\r\n\r\n"))
	if l.calls != 2 {
		t.Errorf("%d calls of Data", l.calls)
	}
}

// reference follows the standard's algorithm on whole lines.
func reference(in string) (string, bool) {
	var l log
	in = strings.TrimPrefix(in, "\xef\xbb\xbf")
	in = strings.ReplaceAll(strings.ReplaceAll(in, "\r\n", "\n"), "\r", "\n")
	lines := strings.Split(in, "\n")
	var data []string
	for i, line := range lines {
		whole := i < len(lines)-1
		name, value, colon := strings.Cut(line, ":")
		value = strings.TrimPrefix(value, " ")
		switch {
		case line == "" && whole:
			if data != nil {
				l.data = []byte(strings.Join(data, "\n"))
				l.End()
			}
			data = nil
		case name == "data" && (colon || whole):
			data = append(data, value)
		case name == "event" && whole:
			l.Name([]byte(value[:min(len(value), MaxName)]))
		case name == "" && colon && whole:
			l.Comment()
		}
	}
	return l.String(), data != nil
}

func FuzzParser(f *testing.F) {
	for _, c := range streams {
		f.Add([]byte(c.in), uint64(len(c.in)))
	}
	f.Fuzz(func(t *testing.T, in []byte, seed uint64) {
		want, wantPending := reference(string(in))
		r := rand.New(rand.NewPCG(seed, 1))
		var cut, single [][]byte
		for rest := in; len(rest) > 0; {
			n := 1 + r.IntN(min(len(rest), 9))
			cut, rest = append(cut, rest[:n]), rest[n:]
		}
		for i := range in {
			single = append(single, in[i:i+1])
		}
		for _, pieces := range [][][]byte{{in}, cut, single} {
			if got, pending := read(pieces...); got != want || pending != wantPending {
				t.Fatalf("%q\ngot  %q %t\nwant %q %t", pieces, got, pending, want, wantPending)
			}
		}
	})
}

// FuzzGap tears a hole into a stream of events: each event that is reported is
// one that was sent, in order, and none that follows the next empty line but
// one is missing.
func FuzzGap(f *testing.F) {
	f.Add(uint16(10), uint16(25), "\n")
	f.Add(uint16(8), uint16(1), "\r\n")
	f.Add(uint16(7), uint16(2), "\r")
	f.Fuzz(func(t *testing.T, at, n uint16, end string) {
		if end != "\n" && end != "\r\n" && end != "\r" {
			t.Skip("no line end")
		}
		var in []byte
		var sent []string
		for i := range 12 {
			c := strings.Repeat(string(rune('a'+i)), i%3+1)
			in = append(in, "event: x"+end+"data: "+c+end+"data: "+c+end+end...)
			sent = append(sent, "data "+c+"\n"+c)
		}
		from := int(at) % len(in)
		to := min(from+1+int(n), len(in))
		var l log
		var p Parser
		p.Reset(&l)
		p.Write(in[:from])
		p.Gap()
		p.Write(in[to:])
		var got []string
		for s := range strings.SplitSeq(l.String(), ";") {
			if strings.HasPrefix(s, "data ") {
				got = append(got, s)
			}
		}
		next := 0
		for _, s := range got {
			for next < len(sent) && sent[next] != s {
				next++
			}
			if next == len(sent) {
				t.Fatalf("gap %d to %d: %q was not sent so", from, to, got)
			}
			next++
		}
		if whole := bytes.Count(in[to:], []byte(end+end)) - 2; len(got) < whole {
			t.Fatalf("gap %d to %d: %d events, want %d and more", from, to, len(got), whole)
		}
	})
}
