// SPDX-License-Identifier: Apache-2.0

package record_test

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/modeltap/modeltap/observer/event"
	"github.com/modeltap/modeltap/observer/jsonscan"
	"github.com/modeltap/modeltap/observer/llm"
	"github.com/modeltap/modeltap/observer/record"
)

// secretWords and secretNumbers are what people say and are: no part of four
// characters of one is in anything that is kept.
var (
	secretWords = []string{
		"Zyklophosphamid", "john.smyth@bank.zw", "1975-03-02", "4929 8871 2056", "HIV-positiv", "DE89370400440532", "Übelkeit", "病歴番号",
		"bonnie-4729", "zk_8877", "Kündigung", "диагноз", "say \\u0022quux\\u0022 \\u00fcb\\u5317", "<b>bold</b>",
	}
	secretNumbers = []string{"19750302", "4729", "-8871.2056", "98.6e+22", "50256", "0.0729"}
	secretKeys    = []string{"Zyklophosphamid", "bonnie-4729", "病歴", "diagnosis", "john.smyth"}
)

// parts returns what must be nowhere of a secret: any four characters that
// follow one another, two of Han, but for those that a mask may consist of.
func parts(secret string) []string {
	var all []string
	secret = regexp.MustCompile(`\\u[0-9a-f]{4}`).ReplaceAllString(secret, " ")
	r := []rune(secret)
	n := 4
	if slices.ContainsFunc(r[:2], func(c rune) bool { return c > 0x2000 }) {
		n = 2
	}
	for i := 0; i+n <= len(r); i++ {
		p := string(r[i : i+n])
		if strings.ContainsAny(p, " <>xX1\\.") {
			continue
		}
		all = append(all, p)
	}
	return all
}

var allParts = func() []string {
	var all []string
	for _, s := range slices.Concat(secretWords, secretNumbers, secretKeys) {
		all = append(all, parts(s)...)
	}
	return all
}()

// bare are keys by which APIs say what a thing is. Where no table has them,
// they say nothing.
var bare = []string{
	"id", "type", "model", "reason", "status", "role", "object", "code", "index", "created", "finish_reason", "usage", "prompt_tokens",
	"metadata", "parsed", "arguments", "input", "parameters", "schema", "properties", "tools", "user", "session_id", "event_id",
}

// writer writes documents of an API with secrets in all that is not kept.
type writer struct {
	*rand.Rand
	b strings.Builder
	// shared says that the API may turn out to be another, by whose tables the
	// bare keys may stand for something.
	shared bool
}

func pick[T any](w *writer, of []T) T { return of[w.IntN(len(of))] }

// shape is a place of a document.
type shape struct {
	keys  map[string]*shape
	elem  *shape
	scal  *llm.Place
	array bool // token ids, or other things that are counted
}

func shapeOf(places []llm.Place) *shape {
	top := &shape{}
	for _, p := range places {
		at := top
		for rest := p.Path; rest != ""; {
			if after, ok := strings.CutPrefix(rest, "[]"); ok {
				if at.elem == nil {
					at.elem = &shape{}
				}
				at, rest = at.elem, strings.TrimPrefix(after, ".")
				continue
			}
			end := strings.IndexAny(rest, ".[")
			if end < 0 {
				end = len(rest)
			}
			if at.keys == nil {
				at.keys = map[string]*shape{}
			}
			if at.keys[rest[:end]] == nil {
				at.keys[rest[:end]] = &shape{}
			}
			at, rest = at.keys[rest[:end]], strings.TrimPrefix(rest[end:], ".")
		}
		switch p.Kind {
		case jsonscan.Object:
			if at.keys == nil {
				at.keys = map[string]*shape{}
			}
		case jsonscan.Count:
			at.array = true
		default:
			at.scal = &p
		}
	}
	return top
}

// value writes a value for a place whose last key is key.
func (w *writer) value(s *shape, key string, depth int) {
	var ways []func()
	if s.keys != nil {
		ways = append(ways, func() { w.object(s, depth) })
	}
	if s.elem != nil || s.array {
		ways = append(ways, func() { w.list(s, depth) })
	}
	if s.scal != nil {
		ways = append(ways, func() { w.scalar(s.scal, key) })
	}
	kept := w.shared || s.scal != nil && (s.scal.Keep == llm.KeepWord || s.scal.Keep == llm.KeepNumber)
	if len(ways) == 0 || w.IntN(40) == 0 && depth > 0 && !kept {
		w.junk(depth)
		return
	}
	pick(w, ways)()
}

func (w *writer) object(s *shape, depth int) {
	w.b.WriteByte('{')
	comma := ""
	member := func(key string, value func()) {
		fmt.Fprintf(&w.b, "%s%s:", comma, quoted(key))
		comma = ","
		value()
	}
	for _, k := range sortedKeys(s.keys) {
		if w.IntN(5) > 0 {
			member(k, func() { w.value(s.keys[k], k, depth+1) })
		}
	}
	for range 1 + w.IntN(2) {
		k := pick(w, bare)
		if s.keys[k] != nil || w.shared || w.IntN(2) == 0 {
			k = pick(w, secretKeys)
		}
		member(k, func() { w.junk(depth + 1) })
	}
	w.b.WriteByte('}')
}

func sortedKeys(m map[string]*shape) []string {
	var keys []string
	for k := range m {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}

func (w *writer) list(s *shape, depth int) {
	w.b.WriteByte('[')
	for i := range 1 + w.IntN(2) {
		if i > 0 {
			w.b.WriteByte(',')
		}
		if s.elem == nil || s.array && w.IntN(3) == 0 {
			w.b.WriteString(pick(w, secretNumbers))
		} else {
			w.value(s.elem, "", depth+1)
		}
	}
	w.b.WriteByte(']')
}

// stated are words that a server says at a place by whose key it says what a
// thing is.
var stated = map[string][]string{
	"model": {"qwen2.5:7b"}, "model_name": {"llama/3-8b"}, "finish_reason": {"stop", "length", "tool_calls"}, "stop_reason": {"end_turn", "tool_use"},
	"stop_type": {"eos", "limit"}, "done_reason": {"stop", "load"}, "status": {"completed", "incomplete"}, "reason": {"max_output_tokens"},
	"type": {"response.output_text.delta", "content_block_delta", "message_delta", "message_stop", "stop"}, "object": {"chat.completion"},
	"name": {"text_output"}, "msg": {"process_generating", "process_completed"},
}

func (w *writer) scalar(p *llm.Place, key string) {
	keep := p.Keep
	if w.shared && keep != llm.KeepNumber && stated[key] != nil {
		keep = llm.KeepWord
	} else if w.shared && p.Kind == jsonscan.Number {
		keep = llm.KeepNumber
	}
	switch keep {
	case llm.KeepWord:
		words := stated[key]
		if words == nil {
			panic("no word for " + p.Path)
		}
		w.b.WriteString(quoted(pick(w, words)))
	case llm.KeepNumber:
		fmt.Fprint(&w.b, w.IntN(3)*6)
	case llm.KeepID:
		w.b.WriteString(`"0af3c9de"`)
	case llm.KeepKey:
		if p.Kind == jsonscan.TextDeep && w.IntN(2) == 0 {
			w.junk(3)
			return
		}
		if p.Kind == jsonscan.Any && w.IntN(2) == 0 {
			w.b.WriteString(pick(w, []string{"true", "false", "null"}))
			return
		}
		w.secret()
	default:
		w.secret()
	}
}

func (w *writer) secret() {
	if w.IntN(4) == 0 {
		w.b.WriteString(pick(w, secretNumbers))
		return
	}
	w.b.WriteString(quoted(pick(w, secretWords)))
}

// quoted writes a word as it is: some are escaped already.
func quoted(s string) string { return `"` + s + `"` }

func (w *writer) junk(depth int) {
	switch n := w.IntN(6); {
	case n < 3 || depth > 6:
		w.secret()
	case n == 3:
		w.list(&shape{elem: &shape{}}, depth)
	default:
		w.object(&shape{}, depth)
	}
}

func document(rnd *rand.Rand, shared bool, places []llm.Place) string {
	w := &writer{Rand: rnd, shared: shared}
	top := shapeOf(places)
	if top.keys != nil {
		w.object(top, 0)
	} else {
		w.value(top, "", 0)
	}
	if s := w.b.String(); json.Valid([]byte(s)) {
		return s
	}
	panic("no JSON: " + w.b.String())
}

// routeOf returns a route on which d is asked, and whether there is one.
func routeOf(d *llm.Dialect) (string, bool) {
	if len(d.Routes) > 0 {
		return strings.ReplaceAll(pickRoute(d), "*", "qwen"), true
	}
	for _, other := range llm.Dialects() {
		for f := range jsonscan.Field(64) {
			if len(other.Routes) > 0 && other.Chosen(1<<f) == d && other != d {
				return strings.ReplaceAll(pickRoute(other), "*", "qwen"), true
			}
		}
	}
	return "/zk_8877/Zyklophosphamid", false
}

func pickRoute(d *llm.Dialect) string { return d.Routes[len(d.Routes)-1] }

// TestNoSecretIsRecorded puts secrets into every field of every API's requests
// and answers that no table says is kept, as keys too, at every depth, in each
// form of a body, cut anywhere. None is in the recording, and a replay of it
// measures what one of a recording with text does.
func TestNoSecretIsRecorded(t *testing.T) {
	for _, d := range llm.Dialects() {
		route, reached := routeOf(d)
		shared := d.Choose != nil || len(d.Routes) == 0 && reached
		t.Run(d.API+route, func(t *testing.T) {
			for seed := range uint64(12) {
				rnd := rand.New(rand.NewPCG(seed, 5))
				s := &session{size: []int{1 << 15, 700, 61, 5}[seed%4], seq: [2]uint32{rnd.Uint32(), rnd.Uint32()}}
				s.send(event.Request, event.SYN, "")
				s.send(event.Response, event.SYN|event.ACK, "")
				n := 0
				ask := func() {
					n++
					s.ask(route+"?q=bonnie-4729", "application/json\r\nCookie: a=Zyklophosphamid\r\nX-Bonnie-4729: 4729", document(rnd, shared, d.Asked()))
				}
				answer := func() string { return document(rnd, shared, d.Answered()) }
				ask()
				s.answer(200, "application/json", answer())
				ask()
				s.answer(200, "text/event-stream", ": 4729\n\n", "id: bonnie-4729\ndata: "+answer()+"\n\n", "data: "+answer()+"\n\n", "data: [DONE]\n\n")
				ask()
				s.answer(200, "application/x-ndjson", answer()+"\n", answer()+"\n")
				ask()
				s.answer(500, "application/json", answer())
				s.send(event.Request, event.FIN|event.ACK, "")
				s.send(event.Response, event.FIN|event.ACK, "")
				want, _ := replay(t, record.Options{KeepText: true}, s.segs)
				got, masked := replay(t, record.Options{}, s.segs)
				all := payloads(t, masked)
				for _, p := range allParts {
					if i := strings.Index(all, p); i >= 0 {
						t.Fatalf("seed %d: %q is in the recording: …%q", seed, p, all[max(i-300, 0):min(i+60, len(all))])
					}
				}
				if !shared && d.Known() {
					same(t, fmt.Sprint("seed ", seed), published(got), published(want), 1)
				}
			}
		})
	}
}

// published leaves out the answers of APIs that nobody published, of which a
// recording keeps no count.
func published(l ledger) ledger {
	l.exchanges = slices.DeleteFunc(l.exchanges, func(e event.Exchange) bool { return e.API == llm.Generic().API })
	return l
}

// payloads joins what was sent.
func payloads(t *testing.T, file []byte) string {
	var all strings.Builder
	for _, s := range read(t, file) {
		all.Write(s.Payload)
	}
	return all.String()
}
