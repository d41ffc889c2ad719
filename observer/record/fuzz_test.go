// SPDX-License-Identifier: Apache-2.0

package record

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"reflect"
	"strings"
	"testing"

	"github.com/modeltap/modeltap/observer/event"
	"github.com/modeltap/modeltap/observer/http1"
	"github.com/modeltap/modeltap/observer/llm"
)

// secret draws a secret that resembles nothing that is kept.
func secret(rnd *rand.Rand) string {
	const letters = "abcdefghijklmnopqrstuvwyzABCDEFGHIJKLMNOPQRSTUVWYZ023456789"
	b := make([]byte, 8+rnd.IntN(24))
	for i := range b {
		b[i] = letters[rnd.IntN(len(letters))]
	}
	return string(b)
}

// conversation places the secret wherever text goes.
func conversation(s string) (string, string) {
	ask := fmt.Sprintf(`{"model":"m","messages":[{"role":"user","content":"%s"},{"content":["%s"]}],"user":"%s","%s":1,"stop":["%s"],"text":"\n%s\u00e9%s"}`, s, s, s, s, s, s, s)
	ask = "POST /v1/chat/completions?key=" + s + " HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer " + s + "\r\nX-Key: " + s + "\r\nCookie: a=" + s + "\r\n folded " + s +
		"\r\n" + s + ": x\r\nContent-Type: application/json\r\n" + fmt.Sprintf("Content-Length: %d\r\n\r\n", len(ask)) + ask
	answer := streamHead + chunked(": "+s+"\n\n", "id: "+s+"\nretry: "+s+"\n"+s+": x\ndata: {\"delta\":{\"content\":\""+s+"\"}}\n\n",
		"data: "+s+"\n\ndata: [\""+s+"\", "+s+"]\r\n\r\n", "data: {\""+s+"\":\""+s+"\"}\ndata: "+s+"\n\n", s) +
		"HTTP/1.1 200 " + s + "\r\nContent-Type: text/plain\r\nTransfer-Encoding: chunked\r\n\r\n" + chunked(s, "more "+s) +
		"HTTP/1.1 200 OK\r\nContent-Type: application/x-ndjson\r\nTransfer-Encoding: chunked\r\n\r\n" + chunked("{\"response\":\""+s+"\"}\n", s+"\n{"+s+"}\n", "{\"a\":"+s+"}\n", "\""+s+"\"\n")
	return ask, answer
}

func TestSecretsDoNotSurviveAnySplit(t *testing.T) {
	rnd := rand.New(rand.NewPCG(7, 7))
	for range 4 {
		s := secret(rnd)
		ask, answer := conversation(s)
		wantAsk, wantAnswer := masked(t, Options{}, []string{ask}, []string{answer})
		for i := range max(len(ask), len(answer)) {
			a, b := min(i, len(ask)), min(i, len(answer))
			gotAsk, gotAnswer := masked(t, Options{}, []string{ask[:a], ask[a:]}, []string{answer[:b], answer[b:]})
			if leaks(gotAsk, s) || leaks(gotAnswer, s) {
				t.Fatalf("cut at %d, %q survives in\n%q\n%q", i, s, gotAsk, gotAnswer)
			}
			if gotAsk != wantAsk || gotAnswer != wantAnswer {
				t.Fatalf("cut at %d: masked otherwise", i)
			}
		}
	}
}

// FuzzSecrets damages a conversation: cuts it anywhere, loses and repeats
// pieces, swaps them, and overwrites bytes. No damage uncovers the secret.
func FuzzSecrets(f *testing.F) {
	f.Add(uint64(1), []byte{}, uint16(0))
	f.Add(uint64(2), []byte{40, 1, 200, 0, 90, 2, 30, 3}, uint16(7))
	f.Add(uint64(3), []byte{10, 4, 10, 4, 10, 5, 250, 1, 10, 2}, uint16(300))
	f.Fuzz(func(t *testing.T, seed uint64, damage []byte, at uint16) {
		rnd := rand.New(rand.NewPCG(seed, 1))
		s := secret(rnd)
		ask, answer := conversation(s)
		for d, stream := range []string{ask, answer} {
			b := []byte(stream)
			if at > 0 {
				b[int(at)%len(b)] = byte(seed)
			}
			c := newTalk()
			if seed&1 == 1 {
				c.segs = nil
			}
			dir := event.Direction(d)
			for i := 0; len(b) > 0; i += 2 {
				n, what := len(b), byte(0)
				if i+1 < len(damage) {
					n, what = min(int(damage[i])+1, n), damage[i+1]
				}
				c.data(dir, string(b[:n]))
				b = b[n:]
				last := &c.segs[len(c.segs)-1]
				switch what % 8 {
				case 1: // lost
					c.segs = c.segs[:len(c.segs)-1]
				case 2: // repeated
					c.segs = append(c.segs, *last)
				case 3: // skipped
					last.Payload, last.Flags = nil, last.Flags|event.Skipped
				case 4: // cut off
					last.Payload = last.Payload[:n/2]
				case 5: // late
					if k := len(c.segs); k > 3 {
						c.segs[k-1], c.segs[k-2] = c.segs[k-2], c.segs[k-1]
					}
				case 6: // followed by an overlapping one
					b = append(bytes.Clone(last.Payload[n-n/2:]), b...)
					c.seq[dir] -= uint32(n / 2)
				}
			}
			all := packets(t, file(t, Options{}, c.segs))
			if len(all) != len(c.segs) {
				t.Fatalf("%d packets, want %d", len(all), len(c.segs))
			}
			for i, p := range all {
				if want := &c.segs[i]; leaks(string(p.Payload), s) || p.Len != want.Len {
					t.Errorf("segment %d of %q became %q", i, want.Payload, p.Payload)
				}
			}
		}
	})
}

// maskJSON masks a document of which the places that t has are kept.
func maskJSON(t tree, in []byte) []byte {
	var j jsonMask
	j.begin(t)
	out := make([]byte, len(in))
	for i, c := range in {
		out[i] = j.next(c)
	}
	return out
}

// answers is what is kept of the answers of the API on a route.
func answers(path string) tree { return plant(llm.DialectOf([]byte("POST"), []byte(path)).Answered()) }

// FuzzJSON: what encoding/json reads, it reads after masking, with the same
// shape.
func FuzzJSON(f *testing.F) {
	for _, s := range []string{
		`{"model":"a","choices":[{"delta":{"content":"Hé\u00fc\ud83d\ude00 \"x\" \\"},"index":0}],"usage":{"total_tokens":12}}`,
		`[1,-0.5e+3,true,null,"",[],{}]`, `"\u4e2d\u3042\u0416 北京 ñ"`, `{"id":7,"id":"x y","seed":1.5}`, `  { } `, `{"a":{"b":[{"c":0}]}} `,
	} {
		f.Add([]byte(s))
	}
	chat := answers("/v1/chat/completions")
	f.Fuzz(func(t *testing.T, in []byte) {
		var a, b any
		if json.Unmarshal(in, &a) != nil || bytes.Count(in, []byte("[")) > depthLimit/2 || bytes.Count(in, []byte("{")) > depthLimit/2 {
			return
		}
		out := maskJSON(chat, in)
		if err := json.Unmarshal(out, &b); err != nil {
			t.Fatalf("%q became %q: %v", in, out, err)
		}
		if reflect.TypeOf(a) != reflect.TypeOf(b) {
			t.Fatalf("%q became %q", in, out)
		}
		if got, want := shape(out), shape(in); got != want {
			t.Fatalf("%q became %q: shape %s, want %s", in, out, got, want)
		}
		if again := maskJSON(chat, out); !bytes.Equal(again, maskJSON(chat, again)) {
			t.Fatalf("%q, masked again and again: %q", out, again)
		}
	})
}

// shape is a document with its tokens reduced to their kinds.
func shape(in []byte) string {
	var out strings.Builder
	d := json.NewDecoder(bytes.NewReader(in))
	d.UseNumber()
	for {
		tok, err := d.Token()
		if err != nil {
			return out.String()
		}
		switch v := tok.(type) {
		case string:
			out.WriteString("s")
		case json.Number:
			out.WriteString("1")
		default:
			fmt.Fprint(&out, v)
		}
	}
}

// framing notes what http1 makes of a stream, without its text.
type framing struct{ strings.Builder }

func (f *framing) Begin() {}
func (f *framing) Head(h *http1.Head) http1.Framing {
	api := ""
	if d := llm.DialectOf(h.Method, h.Target); d != nil && len(h.Target) <= pathLimit {
		api = d.API
	}
	if h.Method != nil && !methods.has(string(h.Method)) {
		h.Method, api = []byte("masked"), ""
	}
	fmt.Fprintf(f, "%s %s %d %d %v %s %s\n", h.Method, api, h.Status, h.ContentLength, h.Streamed, h.ContentType, h.TraceParent)
	return http1.AsFramed
}
func (f *framing) Body(p []byte)            { fmt.Fprint(f, len(p), " ") }
func (f *framing) BodySkip(n int)           {}
func (f *framing) BodyGap(n int)            {}
func (f *framing) ChunkEnd()                { f.WriteString("chunk ") }
func (f *framing) End(complete bool)        { fmt.Fprintln(f, complete) }
func (f *framing) Lost(r event.ParseReason) { fmt.Fprintln(f, "lost", r) }

func frame(d event.Direction, s string) string {
	var pool http1.Pool
	var x http1.Parser
	var f framing
	x.Init(&pool, d, &f, false)
	x.Write([]byte(s))
	x.EOF()
	return f.String()
}

// FuzzFraming: the masked stream has the framing of the original.
func FuzzFraming(f *testing.F) {
	ask, answer := conversation("secret0secret0")
	f.Add(false, ask)
	f.Add(true, answer)
	f.Add(true, "HTTP/1.0 200 OK\nX:\ta\n b\n\nabc")
	f.Add(false, "GET /a HTTP/1.1\r\nTE : x\r\nConnection: close\r\n\r\n")
	f.Fuzz(func(t *testing.T, response bool, s string) {
		c := newTalk()
		d := event.Request
		if response {
			d = event.Response
		}
		if len(s) > packetPayload || strings.Contains(s, "\n ") || strings.Contains(s, "\n\t") {
			return // folded lines are masked, whatever they say
		}
		c.data(d, s)
		got := streams(packets(t, file(t, Options{}, c.segs)))[d]
		want := frame(d, s)
		// What follows a loss is overwritten, and may have held more heads.
		if i := strings.Index(want, "lost"); i >= 0 {
			want = want[:i]
		}
		if have := frame(d, got); !strings.HasPrefix(have, want) {
			t.Errorf("%q\n%s\n%q\n%s", s, want, got, have)
		}
	})
}
