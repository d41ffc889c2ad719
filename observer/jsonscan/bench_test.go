// SPDX-License-Identifier: Apache-2.0

package jsonscan

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"
)

// chunk is a content chunk as a plain OpenAI server sends it, 229 bytes.
const chunk = `{"id":"chatcmpl-7f3b2c1d9e8a4f60b5d4c3a29182736450","object":"chat.completion.chunk","created":1732300000,"model":"Qwen/Qwen2.5-7B-Instruct","choices":[{"index":0,"delta":{"content":" the"},"logprobs":null,"finish_reason":null}]}`

var openAI = []Path{
	{"model", 1, String},
	{"choices[]", 2, Object},
	{"choices[].index", 3, Number},
	{"choices[].delta.content", 4, Text},
	{"choices[].delta.reasoning_content", 5, Text},
	{"choices[].delta.reasoning", 5, Text},
	{"choices[].delta.tool_calls[].function.arguments", 6, Text},
	{"choices[].finish_reason", 7, String},
	{"usage.prompt_tokens", 8, Number},
	{"usage.completion_tokens", 9, Number},
	{"usage.prompt_tokens_details.cached_tokens", 10, Number},
	{"usage.completion_tokens_details.reasoning_tokens", 11, Number},
	{"error", 12, Object},
	{"error", 12, Any},
}

// parsed is what encoding/json is given to fill.
type parsed struct {
	Model   string `json:"model"`
	Choices []struct {
		Index int `json:"index"`
		Delta struct {
			Content          string `json:"content"`
			ReasoningContent string `json:"reasoning_content"`
			Reasoning        string `json:"reasoning"`
			ToolCalls        []struct {
				Function struct {
					Arguments string `json:"arguments"`
				} `json:"function"`
			} `json:"tool_calls"`
		} `json:"delta"`
		FinishReason *string `json:"finish_reason"`
	} `json:"choices"`
	Usage *struct {
		PromptTokens        int64 `json:"prompt_tokens"`
		CompletionTokens    int64 `json:"completion_tokens"`
		PromptTokensDetails struct {
			CachedTokens int64 `json:"cached_tokens"`
		} `json:"prompt_tokens_details"`
		CompletionTokensDetails struct {
			ReasoningTokens int64 `json:"reasoning_tokens"`
		} `json:"completion_tokens_details"`
	} `json:"usage"`
	Error json.RawMessage `json:"error"`
}

// sum is the cheapest handler that uses what it is told.
type sum struct{ text, values, choices int }

func (s *sum) Text(_ Field, p []byte) { s.text += len(p) }
func (s *sum) TextEnd(Field)          {}
func (s *sum) Value(_ Field, v *Value) {
	s.values += len(v.Str) + int(v.Int)
}
func (s *sum) Enter(Field) { s.choices++ }
func (s *sum) Leave(Field) {}

func scanAll(tb testing.TB, sc *Scanner, schema *Schema, h Handler, pieces ...[]byte) {
	sc.Reset(schema, h)
	for _, p := range pieces {
		if err := sc.Write(p); err != nil {
			tb.Fatal(err)
		}
	}
	if err := sc.End(); err != nil {
		tb.Fatal(err)
	}
}

func BenchmarkChunk(b *testing.B) {
	doc, schema := []byte(chunk), MustCompile(openAI)
	const half = len(chunk) / 2
	text := strings.Index(chunk, " the") + 2
	for name, pieces := range map[string][][]byte{
		"whole":     {doc},
		"cutInName": {doc[:half], doc[half:]},
		"cutInText": {doc[:text], doc[text:]},
	} {
		b.Run(name, func(b *testing.B) {
			var sc Scanner
			var h sum
			b.SetBytes(int64(len(doc)))
			b.ReportAllocs()
			for b.Loop() {
				scanAll(b, &sc, schema, &h, pieces...)
			}
		})
	}
}

func BenchmarkBaselineEncodingJSON(b *testing.B) {
	doc := []byte(chunk)
	b.SetBytes(int64(len(doc)))
	b.ReportAllocs()
	for b.Loop() {
		var v parsed
		if err := json.Unmarshal(doc, &v); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkMegabyte reads a request with a prompt of 1 MiB in segments of 16 KiB.
func BenchmarkMegabyte(b *testing.B) {
	prose := bytes.Repeat([]byte(`He said that it was \"so\",\nand went on to say more about it, at some length. `), 14000)[:1<<20]
	prose[len(prose)-1] = ' '
	escaped := bytes.Repeat([]byte(`\u4f60\u597d\uff0c`), 1<<20/18)
	plain := bytes.Repeat([]byte("QUJDREVG"), 1<<17)
	for _, c := range []struct {
		name string
		path string
		text []byte
	}{
		{"skipped", "model", plain},
		{"wanted", "prompt", plain},
		{"wantedProse", "prompt", prose},
		{"wantedEscapes", "prompt", escaped},
	} {
		doc := []byte(`{"prompt":"` + string(c.text) + `"}`)
		schema := MustCompile([]Path{{c.path, 1, Text}})
		b.Run(c.name, func(b *testing.B) {
			var sc Scanner
			var h sum
			b.SetBytes(int64(len(doc)))
			b.ReportAllocs()
			for b.Loop() {
				sc.Reset(schema, &h)
				for p := doc; len(p) > 0; {
					n := min(len(p), 16<<10)
					if err := sc.Write(p[:n]); err != nil {
						b.Fatal(err)
					}
					p = p[n:]
				}
				if err := sc.End(); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
