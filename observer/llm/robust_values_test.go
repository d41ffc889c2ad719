// SPDX-License-Identifier: Apache-2.0

package llm

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/modeltap/modeltap/observer/event"
)

// variants returns every document that differs from doc in one value, which is
// with instead; of what is no JSON there are none. The members come in another
// order than in doc.
func variants(doc string, with json.RawMessage) (all []string) {
	var root any
	if json.Unmarshal([]byte(doc), &root) != nil {
		return nil
	}
	var walk func(v any, set func(any))
	walk = func(v any, set func(any)) {
		set(with)
		b, _ := json.Marshal(root)
		all = append(all, string(b))
		set(v)
		switch v := v.(type) {
		case map[string]any:
			for k, m := range v {
				walk(m, func(x any) { v[k] = x })
			}
		case []any:
			for i, m := range v {
				walk(m, func(x any) { v[i] = x })
			}
		}
	}
	walk(root, func(x any) { root = x })
	return all
}

// prefixed splits a line of a stream into its fields and its document.
func prefixed(line string) (prefix, doc string) {
	i := max(strings.IndexAny(line, "{["), 0)
	return line[:i], line[i:]
}

// otherValues stand for values of every type, and for the ends of numbers.
var otherValues = []string{
	`null`, `true`, `"5"`, `""`, `{}`, `{"a":{"text":"no"}}`, `[]`, `[1,[2,{"b":3}]]`,
	`-5`, `0.5`, `1e300`, `-1e300`, `99999999999999999999`,
}

// One value of another type, anywhere, may cost what it said and nothing else.
func TestFamiliesWithOneOtherValue(t *testing.T) {
	for name, f := range families {
		for _, value := range otherValues {
			t.Run(name+"/"+value, func(t *testing.T) {
				played := 0
				for at, line := range f.stream {
					prefix, doc := prefixed(line)
					for _, v := range variants(doc, json.RawMessage(value)) {
						played++
						l := newLab()
						e := f.lines(l, func(i int, line string) string {
							if i == at {
								line = prefix + v
							}
							return line + f.joint
						})
						e.ResponseEnd(second, false)
						f.believable(t, l, value, v)
						if got := l.last(t); value == "null" && (got.Outcome != event.OK || got.FirstToken == 0) {
							t.Errorf("%s: %+v", v, got) // all families have two events of text
						}
					}
				}
				if played < 10 {
					t.Errorf("%d documents: the test shows nothing", played)
				}
				for _, v := range variants(f.whole, json.RawMessage(value)) {
					l := newLab()
					e := l.ask(0, f.dialect, f.ask)
					e.ResponseHead(1, 200, []byte("application/json"), nil, false)
					e.say(9*ms, v)
					e.ResponseEnd(second, false)
					f.believable(t, l, value, v)
					if got := l.last(t); got.FirstToken != 0 || value == "null" && got.Outcome != event.OK || got.ResponseBytes != int64(len(v)) {
						t.Errorf("%s: %+v", v, got)
					}
				}
			})
		}
	}
}

// believable fails for counts out of bounds, and for more tokens than the
// family states when no number was put in.
func (f *family) believable(t *testing.T, l *lab, value, doc string) {
	t.Helper()
	l.plausible(t)
	got := l.last(t)
	for tt, limit := range map[event.TokenType]int64{event.Input: f.in, event.Output: f.out.N, event.Cached: f.cached, event.Reasoning: 0} {
		if strings.Contains("-0123456789", value[:1]) {
			limit = 1 << 40
		}
		if n := got.Tokens[tt]; n.N < 0 || n.N > 1<<40 || n.Known && n.Source == event.Usage && n.N > limit {
			t.Errorf("%s: %v tokens %+v, at most %d stated", doc, tt, n, limit)
		}
	}
	if got.Outcome != event.OK && got.Outcome != event.StreamError {
		t.Errorf("%s: outcome %v", doc, got.Outcome)
	}
}

// The order of the members of a document does not matter, nor white space.
func TestFamiliesInAnotherOrder(t *testing.T) {
	sorted := func(doc, newline string) string {
		var v any
		if json.Unmarshal([]byte(doc), &v) != nil {
			return doc
		}
		b, _ := json.MarshalIndent(v, " ", "\t")
		return strings.ReplaceAll(string(b), "\n", newline)
	}
	for name, f := range families {
		t.Run(name, func(t *testing.T) {
			l := newLab()
			newline := " "
			if f.eventStream() {
				newline = "\ndata:"
			}
			e := f.lines(l, func(_ int, line string) string {
				prefix, doc := prefixed(line)
				return prefix + sorted(doc, newline) + f.joint
			})
			f.ended(t, l, e)
			if f.whole == "" {
				return
			}
			l = newLab()
			e = l.ask(0, f.dialect, f.ask)
			e.ResponseHead(1, 200, []byte("application/json"), nil, true)
			e.say(9*ms, " \n"+sorted(f.whole, "\r\n")+"\n\n")
			e.ResponseEnd(9*ms, false)
			f.check(t, l.last(t))
		})
	}
}

// answer plays body in two pieces, each an HTTP chunk if it is chunked, under
// a content type.
func (f *family) answer(contentType, body string, chunked bool) *lab {
	l := newLab()
	e := l.ask(0, f.dialect, f.ask)
	e.ResponseHead(1, 200, []byte(contentType), nil, chunked)
	half := len(body) / 2
	for i, piece := range []string{body[:half], body[half:]} {
		at := int64(i+1) * 10 * ms
		e.say(at, piece)
		if chunked {
			e.ChunkEnd(event.Mark{Time: at})
		}
	}
	e.ResponseEnd(30*ms, false)
	return l
}

// unread fails unless the lab's one answer has a size and a duration, and
// nothing that somebody would have had to read.
func (l *lab) unread(t *testing.T, what string, size int) {
	t.Helper()
	got := l.last(t)
	if len(l.exchanges) != 1 || l.InFlight() != 0 || got.Outcome != event.OK || got.End != 30*ms || got.ResponseBytes != int64(size) {
		t.Errorf("%s: not one whole exchange: %+v", what, l.exchanges)
	}
	if got.FirstChunk != 0 || got.FirstToken != 0 || got.LastToken != 0 || got.Tokens[event.Output].Known || got.Finish != [event.Finishes]uint8{} {
		t.Errorf("%s: made up: %+v", what, got)
	}
}

// Where the content type tells the form of an answer, one that it does not
// tell is not read; where the route tells it, the content type is no matter.
func TestFamiliesUnderAWrongType(t *testing.T) {
	for name, f := range families {
		t.Run(name, func(t *testing.T) {
			all, _ := f.bytesOf("\n")
			for _, chunked := range []bool{false, true} {
				for _, kind := range []string{"application/octet-stream", "image/png", "audio/wav", "text/html"} {
					l := f.answer(kind, all, chunked)
					got := l.last(t)
					switch {
					case f.dialect.Stream != bodyOpaque:
						f.check(t, got)
						if got.FirstToken == 0 {
							t.Errorf("%s: not read, though the route tells the form", kind)
						}
					case f.dialect.Form != bodyOpaque && kind == "text/html" && chunked:
						// Another service has this route: a page in chunks has
						// times, for it has text among other things, and no count.
						if got.API != "generic" || got.FirstToken != 10*ms || got.LastToken != 20*ms || got.Tokens[event.Output].Known {
							t.Errorf("%s: %+v", kind, got)
						}
					default:
						l.unread(t, kind, len(all))
					}
				}
				// A stream comes where a document is told: of lines the first
				// was one, and what follows makes it none.
				l := f.answer("application/json", all, chunked)
				l.unread(t, "application/json", len(all))
				want := uint64(1)
				if f.eventStream() {
					want = 0
				}
				if n := l.tally.ParseErrors[event.ProtoJSON][event.ReasonMalformed]; n != want {
					t.Errorf("%d parse errors, want %d", n, want)
				}
			}
		})
	}
}

// A document where a stream of events is told has no field that SSE knows.
func TestFamiliesDocumentsUnderAWrongType(t *testing.T) {
	for name, f := range families {
		if f.whole == "" || f.dialect.Stream != bodyOpaque {
			continue
		}
		t.Run(name, func(t *testing.T) {
			for _, kind := range []string{"text/event-stream", "application/octet-stream", "image/png"} {
				for _, doc := range []string{f.whole, f.whole + "\n\n", strings.ReplaceAll(f.whole, ",", ",\n")} {
					f.answer(kind, doc, true).unread(t, kind, len(doc))
				}
			}
		})
	}
	// A route whose form is known reads a document as its one line.
	for _, name := range []string{"lmdeploy interactive", "fastchat worker"} {
		f := families[name]
		l := f.answer("text/event-stream", f.whole, true)
		f.check(t, l.last(t))
		if l.last(t).FirstToken != 20*ms {
			t.Errorf("%s: first token at %d ms", name, l.last(t).FirstToken/ms)
		}
	}
}

// Nothing of a compressed answer is read, whatever becomes of it.
func TestFamiliesCompressedAndBroken(t *testing.T) {
	ends := map[string]struct {
		end  func(e *Exchange)
		want event.Outcome
	}{
		"whole":       {func(e *Exchange) { e.ResponseEnd(30*ms, false) }, event.OK},
		"half-closed": {func(e *Exchange) { e.ResponseEnd(30*ms, true) }, event.OK}, // its end mark cannot be seen
		"client gone": {func(e *Exchange) { e.Abort(30*ms, event.ClientAbort) }, event.ClientAbort},
		"server gone": {func(e *Exchange) { e.Abort(30*ms, event.ServerAbort) }, event.ServerAbort},
	}
	for name, f := range families {
		stream, _ := f.bytesOf("\n")
		for _, c := range []struct{ kind, body string }{{f.contentType, stream}, {"application/json", f.whole}} {
			for how, end := range ends {
				for _, encoding := range []string{"gzip", "br", "zstd"} {
					l := newLab()
					e := l.ask(0, f.dialect, f.ask)
					e.ResponseHead(1, 200, []byte(c.kind), []byte(encoding), true)
					e.say(10*ms, c.body)
					e.ChunkEnd(event.Mark{Time: 10 * ms})
					end.end(e)
					got := l.last(t)
					if len(l.exchanges) != 1 || l.InFlight() != 0 || got.Outcome != end.want || got.ResponseBytes != int64(len(c.body)) {
						t.Errorf("%s, %s: %+v", name, how, got)
					}
					if got.FirstChunk != 0 || got.FirstToken != 0 || got.Tokens[event.Output].Known || l.tally.Unobserved[event.UnobservedCompressed] != 1 {
						t.Errorf("%s, %s: made up: %+v", name, how, got)
					}
				}
			}
		}
	}
}
