// SPDX-License-Identifier: Apache-2.0

package llm

import (
	"strings"
	"testing"

	"github.com/modeltap/modeltap/observer/event"
)

// transcription is a form as clients send it, with what the fields say.
func transcription(fields ...string) string {
	const delimiter = "------WebKitFormBoundary7MA4YWxk"
	var b strings.Builder
	for i := 0; i < len(fields); i += 2 {
		b.WriteString(delimiter + "\r\nContent-Disposition: form-data; " + fields[i] + "\r\n\r\n" + fields[i+1] + "\r\n")
	}
	return b.String() + delimiter + "--\r\n"
}

// The model of a transcription stands in a part of its form, wherever that is,
// however the body is cut; nothing else of the form is taken for it.
func TestModelInAForm(t *testing.T) {
	audio := "RIFF\x00\x01\r\n\r\n name=\"model\"\r\n\r\nno model\r\n" + strings.Repeat("\x00\xff\n", 200)
	file := `name="file"; filename="model"`
	for name, c := range map[string]struct{ body, want string }{
		"before":  {transcription(`name="model"`, "whisper-1", file, audio), "whisper-1"},
		"behind":  {transcription(file, audio, `name="model"`, "whisper-1", `name="stream"`, "true"), "whisper-1"},
		"none":    {transcription(file, audio, `name="stream"`, "true"), "unknown"},
		"long":    {transcription(`name="model"`, strings.Repeat("m", 1000)), strings.Repeat("m", 128)},
		"no form": {"--", "unknown"},
	} {
		for _, piece := range []int{1, 7, len(c.body)} {
			l := newLab()
			e := l.Open("s", openAIAudio, 1, false)
			for p := []byte(c.body); len(p) > 0; p = p[min(piece, len(p)):] {
				e.RequestBody(p[:min(piece, len(p))])
			}
			e.RequestEnd(2)
			e.ResponseHead(3, 200, []byte(eventStream), nil, true)
			for i, w := range []string{"The", " kernel", " sees", " it"} {
				e.data(int64(i+1)*10*ms, `{"type":"transcript.text.delta","delta":"`+w+`"}`)
			}
			e.data(50*ms, `{"type":"transcript.text.done","text":"The kernel sees it"}`)
			e.ResponseEnd(50*ms, false)
			got := l.last(t)
			if got.Model != c.want || got.Tokens[event.Output] != count(4, event.Chunks) || got.FirstToken != 10*ms {
				t.Errorf("%s in pieces of %d: model %q, %+v, first token %d", name, piece, got.Model, got.Tokens[event.Output], got.FirstToken)
			}
		}
	}
}

// A part of the upload that was not seen hides no model behind it.
func TestModelBehindAHole(t *testing.T) {
	l := newLab()
	e := l.Open("s", openAIAudio, 1, false)
	body := transcription(`name="file"; filename="a.wav"`, strings.Repeat("x", 1000), `name="model"`, "whisper-1")
	e.RequestBody([]byte(body[:500]))
	e.RequestMissing(200)
	e.RequestBody([]byte(body[700:]))
	e.RequestEnd(2)
	e.ResponseHead(3, 200, []byte("application/json"), nil, false)
	e.say(4, `{"text":"hi"}`)
	e.ResponseEnd(4, false)
	if got := l.last(t).Model; got != "whisper-1" {
		t.Errorf("model %q", got)
	}
}
