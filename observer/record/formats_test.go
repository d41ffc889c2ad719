// SPDX-License-Identifier: Apache-2.0

package record_test

import (
	"bytes"
	"compress/gzip"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/modeltap/modeltap/observer/event"
	"github.com/modeltap/modeltap/observer/record"
)

// alphabets are those that markers are drawn from. None has a letter that a
// mask may consist of.
var alphabets = [][]rune{
	[]rune("abcdefghijklmnopqrstuvwyz"), []rune("бвгдежзиклмнопрстуфхцч"), []rune("βγδεζηθικλμνξοπρστυφχψω"),
	[]rune("京你好世界语言模型龍龜"), []rune("いうえおかきくけこさしすせそ"), []rune("ウエオカキクケコサシスセ"), []rune("걸검한국어힣독"), []rune("กขคฆงจฉชซ"),
}

// marker draws a word that is in no program.
func marker(rnd *rand.Rand) string {
	letters := alphabets[rnd.IntN(len(alphabets))]
	var b strings.Builder
	for range 9 {
		b.WriteRune(letters[rnd.IntN(len(letters))])
	}
	return b.String()
}

// survives reports whether three characters of a marker that follow one
// another are in the file; six for ASCII, which occur by chance.
func survives(file []byte, word string) string {
	r := []rune(word)
	n := 3
	if r[0] < 0x80 {
		n = 6
	}
	for i := 0; i+n <= len(r); i++ {
		if part := string(r[i : i+n]); bytes.Contains(file, []byte(part)) {
			return part
		}
	}
	return ""
}

func zipped(s string) string {
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	w.Write([]byte(s))
	w.Close()
	return b.String()
}

func quote(s string) string { return strings.ReplaceAll(s, `"`, `\"`) }

// A format puts words where a service of its kind puts text: in the request
// and in each of the answer's pieces.
type format struct {
	name, path, kind string
	ask              func(w string) string
	piece            func(w string) string
	last             string
}

var formats = []format{
	{"openai chat", "/v1/chat/completions", "text/event-stream",
		func(w string) string {
			return `{"model":"m","stream":true,"messages":[{"role":"user","content":"` + w + `"},{"role":"user","content":[{"type":"text","text":"` + w + `"}]}],"metadata":{"` + w + `":"` + w + `"}}`
		},
		delta, "data: {\"model\":\"qwen2.5\",\"choices\":[],\"usage\":{\"prompt_tokens\":21,\"completion_tokens\":4}}\n\ndata: [DONE]\n\n"},
	{"openai chat, CRLF, no usage", "/v1/chat/completions", "text/event-stream; charset=utf-8",
		func(w string) string {
			return `{"model":"m","stream":true,"messages":[{"role":"system","content":"` + w + `"}]}`
		},
		func(w string) string { return ": " + w + "\r\n\r\n" + strings.ReplaceAll(delta(w), "\n", "\r\n") }, "data: [DONE]\r\n\r\n"},
	{"responses", "/v1/responses", "text/event-stream",
		func(w string) string { return `{"model":"m","input":"` + w + `","instructions":"` + w + `"}` },
		func(w string) string {
			return "event: response.output_text.delta\ndata: {\"type\":\"response.output_text.delta\",\"item_id\":\"" + w + "\",\"delta\":\"" + quote(w) + "\"}\n\n"
		},
		"event: response.completed\ndata: {\"type\":\"response.completed\",\"response\":{\"model\":\"m\",\"usage\":{\"input_tokens\":3,\"output_tokens\":5}}}\n\n"},
	{"lines", "/lines", "application/x-ndjson",
		func(w string) string { return `{"inputs":"` + w + `","parameters":{"stop":["` + w + `"]}}` },
		func(w string) string { return "{\"text\":\"" + quote(w) + "\"}\n" }, "{\"done\":true}\n"},
	{"plain", "/plain", "text/plain; charset=utf-8",
		func(w string) string { return `{"prompt":"` + w + `"}` }, func(w string) string { return w + " " }, "."},
	{"plain, form", "/form", "text/plain",
		func(w string) string { return "prompt=" + w + "&user=" + w }, func(w string) string { return w }, "."},
	{"page", "/page", "text/html",
		func(w string) string { return "<" + w + ">" }, func(w string) string { return "<p>" + w + "</p>\n" }, "</html>"},
	{"events of raw text", "/raw", "text/event-stream",
		func(w string) string { return `"` + w + `"` }, func(w string) string { return "data: " + w + "\ndata:" + w + "\n\n" }, "data: [DONE]\n\n"},
	{"document", "/predict", "application/json",
		func(w string) string { return `[["` + w + `",{"` + w + `":["` + w + `"]}]]` },
		func(w string) string { return `{"result":"` + quote(w) + `","` + quote(w) + `":[1,2]}` }, ""},
	{"broken JSON", "/broken", "application/json",
		func(w string) string { return `{"prompt": ` + w }, func(w string) string { return `{'result': '` + w + `'}` }, ""},
	{"binary", "/tensor", "application/octet-stream",
		func(w string) string { return "\x00\x01" + w }, func(w string) string { return "\xff" + w }, ""},
}

// TestFormatsWithoutText records random words in every format, cut at random,
// some zipped: none is in the file, and the replay measures what that of a
// recording with text does.
func TestFormatsWithoutText(t *testing.T) {
	for seed := range uint64(6) {
		rnd := rand.New(rand.NewPCG(seed, 7))
		var words []string
		word := func() string {
			words = append(words, marker(rnd))
			return words[len(words)-1]
		}
		s := &session{size: 8 + rnd.IntN(1000), seq: [2]uint32{rnd.Uint32(), rnd.Uint32()}}
		s.send(event.Request, event.SYN, "")
		s.send(event.Response, event.SYN|event.ACK, "")
		for _, f := range formats {
			s.ask(f.path+"?q="+word(), "application/json", f.ask(word()))
			var pieces []string
			for range 1 + rnd.IntN(6) {
				pieces = append(pieces, f.piece(word()))
			}
			if f.last != "" {
				pieces = append(pieces, f.last)
			}
			s.answer(200+rnd.IntN(2)*200, f.kind, pieces...)
			s.ask(f.path, "text/plain\r\nContent-Encoding: gzip\r\nX-"+strings.Repeat("y", rnd.IntN(9))+": "+word(), zipped(f.ask(word())))
			s.answer(200, f.kind+"\r\nContent-Encoding: gzip", zipped(strings.Join(pieces, "")))
		}
		s.send(event.Request, event.FIN|event.ACK, "")
		s.send(event.Response, event.FIN|event.ACK, "")
		want, text := replay(t, record.Options{KeepText: true}, s.segs)
		got, masked := replay(t, record.Options{}, s.segs)
		for _, w := range words {
			if part := survives(masked, w); part != "" {
				t.Errorf("seed %d: %q of %q is in the file", seed, part, w)
			}
		}
		if s.size > 500 && survives(text, words[len(words)-1]) == "" && survives(text, words[2]) == "" {
			t.Error("the words are nowhere when text is kept")
		}
		same(t, fmt.Sprint("seed ", seed), got, want, 2*len(formats))
	}
}

func same(t *testing.T, what string, got, want ledger, n int) {
	t.Helper()
	if len(want.exchanges)+want.others < n || len(got.exchanges) != len(want.exchanges) || got.others != want.others {
		t.Fatalf("%s: %d exchanges and %d others, want %d and %d, at least %d", what, len(got.exchanges), got.others, len(want.exchanges), want.others, n)
	}
	for i := range want.exchanges {
		if got.exchanges[i] != want.exchanges[i] {
			t.Errorf("%s, exchange %d:\n%+v, want\n%+v", what, i, got.exchanges[i], want.exchanges[i])
		}
	}
}

// TestLossWithoutText loses segments, or the whole beginning of a connection.
// No word gets into the file, and every exchange that is measured to its end
// is measured as with text.
func TestLossWithoutText(t *testing.T) {
	whole := 0
	for seed := range uint64(40) {
		rnd := rand.New(rand.NewPCG(seed, 9))
		var words []string
		word := func() string {
			words = append(words, marker(rnd))
			return words[len(words)-1]
		}
		s := &session{size: 1 << 16, seq: [2]uint32{rnd.Uint32(), rnd.Uint32()}} // heads come whole
		s.send(event.Request, event.SYN, "")
		s.send(event.Response, event.SYN|event.ACK, "")
		for range 3 {
			f := formats[rnd.IntN(len(formats))]
			s.ask(f.path, "application/json", f.ask(word()))
			pieces := []string{f.piece(word()), f.piece(word()), f.piece(word())}
			s.answer(200, f.kind, append(pieces, f.last+" ")...)
		}
		var kept []event.Segment
		from := 0
		if seed%3 == 0 {
			from = 2 + rnd.IntN(8)
		}
		for _, seg := range s.segs[from:] {
			if seed%3 == 1 || rnd.IntN(10) > 0 {
				kept = append(kept, seg)
			}
		}
		want, _ := replay(t, record.Options{KeepText: true}, kept)
		got, masked := replay(t, record.Options{}, kept)
		for _, w := range words {
			if part := survives(masked, w); part != "" {
				t.Errorf("seed %d: %q of %q is in the file", seed, part, w)
			}
		}
		same(t, fmt.Sprint("seed ", seed), got, want, 0)
		for _, e := range got.exchanges {
			if e.Outcome == event.OK {
				whole++
			}
		}
	}
	if whole < 40 {
		t.Errorf("only %d exchanges were whole", whole)
	}
}
