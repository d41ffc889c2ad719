// SPDX-License-Identifier: Apache-2.0

package llm

import (
	"testing"

	"github.com/modeltap/modeltap/observer/event"
)

// What is asked, or else answered, tells which API a shared route is.
func TestSharedRoutes(t *testing.T) {
	for _, c := range []struct{ path, ask, contentType, answer, want string }{
		{"/generate", `{"inputs":"x","parameters":{}}`, "application/json", `{"generated_text":"y"}`, "tgi"},
		{"/generate_stream", `{"inputs":"x"}`, "text/event-stream", "data:{\"token\":{\"text\":\"y\"},\"generated_text\":\"y\"}\n\n", "tgi"},
		{"/", `{"inputs":"x","stream":true}`, "text/event-stream", "data:{\"token\":{\"text\":\"y\"},\"generated_text\":\"y\"}\n\n", "tgi"},
		{"/generate", `{"text":"x","sampling_params":{}}`, "application/json", `{"text":"y","meta_info":{}}`, "sglang"},
		{"/generate", `{"text":"x"}`, "application/json", `{"text":"y","meta_info":{"completion_tokens":1}}`, "sglang"},
		{"/generate", `{"prompt":"x"}`, "text/event-stream", "data: {\"text\":\"y\",\"meta_info\":{\"completion_tokens\":1}}\n\n", "sglang"},
		{"/generate", `{"prompt":"x"}`, "application/json", `{"text":"y"}`, "generic"},
		{"/generate", `{"inputs":"x"}`, "text/plain", "y", "generic"},
		{"/invocations", `{"messages":[{"role":"user","content":"x"}]}`, "application/json", `{"choices":[{"message":{"content":"y"}}]}`, "openai_chat"},
		{"/invocations", `{"model":"m","prompt":"x"}`, "application/json", `{"choices":[{"text":"y"}]}`, "openai_completions"},
		{"/invocations", `{"inputs":"x"}`, "application/json", `{"generated_text":"y"}`, "tgi"},
		{"/invocations", `{"question":"x"}`, "application/json", `{"answer":"y"}`, "generic"},
		{"/rerank", `{"query":"x","texts":["y"]}`, "application/json", `[{"index":0,"score":1}]`, "tei"},
		{"/v2/rerank", `{"model":"m","query":"x","documents":["y"]}`, "application/json", `{"results":[]}`, "openai_other"},
		{"/score", `{"model":"m","text_1":"x","text_2":["y"]}`, "application/json", `{"data":[]}`, "openai_other"},
		{"/pooling", `{"model":"m","input":"x"}`, "application/json", `{"data":[]}`, "openai_other"},
		{"/classify", `{"image":"x"}`, "application/json", `{"label":"cat"}`, "generic"},
	} {
		l := newLab()
		e := l.ask(0, DialectOf([]byte("POST"), []byte(c.path)), c.ask)
		e.ResponseHead(1, 200, []byte(c.contentType), nil, c.contentType != "application/json")
		e.say(2, c.answer)
		e.ResponseEnd(3, false)
		if got := l.last(t); got.API != c.want || got.Outcome != event.OK {
			t.Errorf("%s %s: api %s, outcome %v, want %s", c.path, c.ask, got.API, got.Outcome, c.want)
		}
	}
}

// An answer that comes before the request has ended is read by what has been
// asked so far.
func TestSharedRouteAnsweredEarly(t *testing.T) {
	l := newLab()
	e := l.Open("s", sharedGenerate, 0, false)
	e.RequestBody([]byte(`{"inputs":"a long`))
	e.ResponseHead(1, 422, []byte("application/json"), nil, false)
	e.RequestBody([]byte(` prompt"}`))
	e.RequestEnd(2)
	e.say(3, `{"error":"too long","error_type":"validation"}`)
	e.ResponseEnd(3, false)
	if got := l.last(t); got.API != "tgi" || got.Outcome != event.HTTPError {
		t.Errorf("%+v", got)
	}
}

// A server that repeats the text before it states what each event has added.
func TestGapsOfMergedTokens(t *testing.T) {
	l := newLab()
	f := families["sglang"]
	e := f.play(l, "\n", 1<<20)
	e.ResponseEnd(second, false)
	s := l.series(t, second)
	if n := observations(s.InterToken); n != 3 || observations(s.InterChunk) != 2 {
		t.Errorf("%d tokens in %d gaps, want 3 in 2", n, observations(s.InterChunk))
	}
}

// Only tensors that are named for it are text.
func TestTensors(t *testing.T) {
	for answer, text := range map[string]bool{
		`{"model_name":"m","outputs":[{"name":"text_output","datatype":"BYTES","shape":[1],"data":["four words of text"]}]}`:          true,
		`{"model_name":"m","outputs":[{"name":"GENERATED_TEXT","datatype":"BYTES","shape":[1,1],"data":[["four words of text"]]}]}`:   true,
		`{"model_name":"m","outputs":[{"name":"label","datatype":"BYTES","shape":[1],"data":["cat"]},{"name":"score","data":[0.5]}]}`: false,
		`{"model_name":"m","outputs":[{"datatype":"BYTES","shape":[1],"data":["four words of text"],"name":"text_output"}]}`:          false,
		`{"model_name":"m","outputs":[{"name":"text_embedding","datatype":"FP32","shape":[2],"data":[0.1,0.2]}]}`:                     false,
	} {
		l := newLab()
		e := l.ask(0, tritonInfer, `{"inputs":[{"name":"text_input","shape":[1],"datatype":"BYTES","data":["two words"]}]}`)
		e.ResponseHead(1, 200, []byte("application/json"), nil, false)
		e.say(2, answer)
		e.ResponseEnd(3, false)
		got := l.last(t)
		if out := got.Tokens[event.Output]; out.Known != text || text && (out.N < 3 || out.N > 6) {
			t.Errorf("%s: output %+v", answer, out)
		}
		if got.Model != "m" || !got.Tokens[event.Input].Known {
			t.Errorf("%s: %+v", answer, got)
		}
	}
}

// What is measured by size and duration alone has no output tokens.
func TestSizesAndDurations(t *testing.T) {
	for _, c := range []struct {
		path, ask, answer string
		in                bool
	}{
		{"/embed", `{"inputs":["some text","more"]}`, `[[0.1,0.2],[0.3,0.4]]`, true},
		{"/similarity", `{"inputs":{"source_sentence":"some","sentences":["more"]}}`, `[0.5]`, true},
		{"/rerank", `{"query":"some","texts":["more"]}`, `[{"index":0,"score":0.9}]`, true},
		{"/v1/models/m:predict", `{"instances":[[1,2]]}`, `{"predictions":["cat"]}`, false},
		{"/v1/audio/speech", `{"model":"m","input":"some text"}`, "RIFF", false},
	} {
		l := newLab()
		e := l.ask(0, DialectOf([]byte("POST"), []byte(c.path)), c.ask)
		e.ResponseHead(1, 200, []byte("application/json"), nil, false)
		e.say(2*ms, c.answer)
		e.ResponseEnd(3*ms, false)
		got := l.last(t)
		if got.Outcome != event.OK || got.Tokens[event.Output].Known || got.Tokens[event.Input].Known != c.in || got.ResponseBytes != int64(len(c.answer)) {
			t.Errorf("%s: %+v", c.path, got)
		}
	}
}

// Speech to text: OpenAI's events, vLLM's chunks, and one document.
func TestTranscriptions(t *testing.T) {
	for name, body := range map[string]string{
		"events": `data: {"type":"transcript.text.delta","delta":"Hello"}` + "\n\n" + `data: {"type":"transcript.text.delta","delta":" you"}` + "\n\n" +
			`data: {"type":"transcript.text.done","text":"Hello you","usage":{"type":"tokens","input_tokens":14,"output_tokens":2,"total_tokens":16}}` + "\n\n",
		"chunks": `data: {"object":"transcription.chunk","model":"m","choices":[{"delta":{"content":"Hello"}}]}` + "\n\n" +
			`data: {"object":"transcription.chunk","model":"m","choices":[{"delta":{"content":" you"},"finish_reason":"stop"}]}` + "\n\n" +
			`data: {"object":"transcription.chunk","choices":[],"usage":{"prompt_tokens":14,"completion_tokens":2}}` + "\n\ndata: [DONE]\n\n",
	} {
		l := newLab()
		e := l.ask(0, openAIAudio, "--form\r\nbinary")
		e.ResponseHead(1, 200, []byte("text/event-stream"), nil, true)
		e.say(10*ms, body)
		e.ResponseEnd(20*ms, false)
		got := l.last(t)
		if got.FirstToken != 10*ms || got.Tokens[event.Output] != count(2, event.Usage) || got.Tokens[event.Input] != count(14, event.Usage) {
			t.Errorf("%s: %+v", name, got)
		}
	}
	l := newLab()
	e := l.ask(0, openAIAudio, "--form\r\nbinary")
	e.ResponseHead(1, 200, []byte("application/json"), nil, false)
	e.say(10*ms, `{"text":"Hello you","usage":{"type":"tokens","input_tokens":14,"output_tokens":2}}`)
	e.ResponseEnd(20*ms, false)
	if got := l.last(t); got.Tokens[event.Output] != count(2, event.Usage) || got.Stream {
		t.Errorf("document: %+v", got)
	}
}
