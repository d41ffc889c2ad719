// SPDX-License-Identifier: Apache-2.0

package ndjson

import (
	"bytes"
	"math/rand/v2"
	"strings"
	"testing"
)

// log writes down what it is told.
type log struct {
	strings.Builder
	line  []byte
	calls int // of Data
}

func (l *log) Data(p []byte) {
	if len(p) == 0 {
		l.WriteString("empty piece|")
	}
	l.line = append(l.line, p...)
	l.calls++
}

func (l *log) End() {
	l.WriteString(string(l.line) + "|")
	l.line = l.line[:0]
}

func (l *log) Lost() {
	l.WriteString("lost|")
	l.line = l.line[:0]
}

func read(sep byte, pieces ...[]byte) string {
	var l log
	var p Parser
	p.Reset(&l, sep)
	for _, b := range pieces {
		own := append([]byte(nil), b...)
		p.Write(own)
		clear(own)
	}
	p.EOF()
	return l.String()
}

var streams = map[string]struct {
	sep      byte
	in, want string
}{
	"lines":            {'\n', "{1}\n{2}\n", "{1}|{2}|"},
	"CRLF":             {'\n', "{1}\r\n{2}\r\n", "{1}|{2}|"},
	"last without end": {'\n', "{1}\n{2}", "{1}|{2}|"},
	"last with CR":     {'\n', "{1}\r", "{1}|"},
	"blank lines":      {'\n', "\n\r\n \t\n{1}\n\n{2}\n\n", "{1}|{2}|"},
	"indented":         {'\n', "  {1} \n", "{1} |"},
	"CR inside":        {'\n', "a\rb\r\r\n\rc\n", "a\rb\r|c|"},
	"NUL":              {0, "{1}\x00{\n2\n}\x00\n{3}\x00", "{1}|{\n2\n}|{3}|"},
	"nothing":          {'\n', "", ""},
	"white space only": {'\n', " \r", ""},
}

func TestStreams(t *testing.T) {
	for name, c := range streams {
		t.Run(name, func(t *testing.T) {
			in := []byte(c.in)
			for i := 0; i <= len(in); i++ {
				for j := i; j <= len(in); j++ {
					if got := read(c.sep, in[:i], in[i:j], in[j:]); got != c.want {
						t.Fatalf("cut at %d, %d: %q, want %q", i, j, got, c.want)
					}
				}
			}
		})
	}
}

func TestGap(t *testing.T) {
	for _, c := range []struct{ before, after, want string }{
		{"{1}\n{2", "}\n{3}\n", "{1}|lost|{3}|"},
		{"{1}\n", "{2}\n{3}\n", "{1}|lost|{3}|"},
		{"{1}\r", "\n{2}\n", "lost|{2}|"},
		{"{1}\n{2}", "{3}", "{1}|lost|"},
	} {
		var l log
		var p Parser
		p.Reset(&l, '\n')
		p.Write([]byte(c.before))
		p.Gap()
		p.Gap()
		p.Write([]byte(c.after))
		p.EOF()
		if got := l.String(); got != c.want {
			t.Errorf("%q, gap, %q: %q, want %q", c.before, c.after, got, c.want)
		}
	}
}

// A line that lies whole in one piece is one slice.
func TestWholeLineIsOneSlice(t *testing.T) {
	var l log
	var p Parser
	p.Reset(&l, '\n')
	p.Write([]byte("{\"a\": 1}\n{\"b\": 2}\r\n"))
	if l.calls != 2 {
		t.Errorf("%d calls of Data", l.calls)
	}
}

// reference works on the whole stream.
func reference(sep byte, in string) string {
	var l log
	lines := strings.Split(in, string(sep))
	for _, line := range lines {
		if line = strings.TrimLeft(line, " \t\r\n"); line != "" {
			l.line = []byte(strings.TrimSuffix(line, "\r"))
			l.End()
		}
	}
	return l.String()
}

func FuzzParser(f *testing.F) {
	for _, c := range streams {
		f.Add([]byte(c.in), uint64(c.sep))
	}
	f.Fuzz(func(t *testing.T, in []byte, seed uint64) {
		sep := byte('\n')
		if seed%3 == 0 {
			sep = 0
		}
		want := reference(sep, string(in))
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
			if got := read(sep, pieces...); got != want {
				t.Fatalf("%q\ngot  %q\nwant %q", pieces, got, want)
			}
		}
	})
}

type sum struct{ bytes, lines int }

func (s *sum) Data(p []byte) { s.bytes += len(p) }
func (s *sum) End()          { s.lines++ }
func (s *sum) Lost()         {}

var line = []byte("{" + strings.Repeat("x", 127) + "}\n")

func BenchmarkLine(b *testing.B) {
	var h sum
	var p Parser
	p.Reset(&h, '\n')
	b.SetBytes(int64(len(line)))
	b.ReportAllocs()
	for b.Loop() {
		p.Write(line)
	}
}

// A line of 100 MB passes through; nothing of it is held.
func TestEndlessLine(t *testing.T) {
	var h sum
	var p Parser
	p.Reset(&h, '\n')
	piece := bytes.Repeat([]byte("x\r"), 1<<15)
	if n := testing.AllocsPerRun(1600, func() { p.Write(piece) }); n != 0 {
		t.Errorf("%v allocations", n)
	}
	if h.bytes != 1601*len(piece)-1 {
		t.Errorf("%d bytes", h.bytes)
	}
}
