// SPDX-License-Identifier: Apache-2.0

package main

import "testing"

// TestStated reads what llama-server b11434 sent, shortened.
func TestStated(t *testing.T) {
	const role = `{"choices":[{"finish_reason":null,"index":0,"delta":{"role":"assistant","content":null}}],"model":"m"}`
	for name, c := range map[string]struct {
		events []string
		want   stated
	}{
		"nothing": {[]string{role, "[DONE]"}, stated{}},
		"timings": {[]string{role, `{"choices":[{"finish_reason":"length","index":0,"delta":{}}],"timings":{"cache_n":30,"prompt_n":2,"prompt_ms":34.5,"predicted_n":4}}`, "[DONE]"},
			stated{known: true, by: "timings", input: 32, output: 4, promptMS: 34.5}},
		"usage before timings": {[]string{`{"choices":[],"usage":{"completion_tokens":3,"prompt_tokens":32,"total_tokens":35},"timings":{"cache_n":31,"prompt_n":1,"prompt_ms":11,"predicted_n":9}}`},
			stated{known: true, by: "usage", input: 32, output: 3, promptMS: 11}},
		"responses": {[]string{
			`{"type":"response.created","response":{"id":"r","status":"in_progress"}}`,
			`{"type":"response.output_text.delta","delta":"The"}`,
			`{"type":"response.completed","response":{"usage":{"input_tokens":32,"output_tokens":3}},"timings":{"cache_n":24,"prompt_n":8,"prompt_ms":13,"predicted_n":3}}`},
			stated{known: true, by: "usage", input: 32, output: 3, promptMS: 13}},
	} {
		t.Run(name, func(t *testing.T) {
			var got stated
			for _, e := range c.events {
				got.take([]byte(e))
			}
			if got != c.want {
				t.Errorf("%+v, want %+v", got, c.want)
			}
		})
	}
}
