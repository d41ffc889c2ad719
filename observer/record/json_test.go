// SPDX-License-Identifier: Apache-2.0

package record

import "testing"

// TestKeys: a key is known where a table has it, as it stands there, and one
// that is not becomes none that is.
func TestKeys(t *testing.T) {
	chat, feed := answers("/v1/chat/completions"), newTrees().feed
	for in, want := range map[string]string{
		`{"mo\ndel":"secret"}`:                            `{"mo\nxxx":"xxxxxx"}`,
		`{"\u0000model":"secret"}`:                        `{"\u000axxxxx":"xxxxxx"}`,
		`{"model\t":"secret"}`:                            `{"model\t":"xxxxxx"}`,
		`{"mod\u0065l":"secret"}`:                         `{"mod\u0061x":"xxxxxx"}`,
		`{"model":"one\ntwo"}`:                            `{"model":"one\nxxx"}`,
		`{"model":"a","models":"b","mode":"c"}`:           `{"model":"a","modelx":"x","mode":"x"}`,
		`{"choices":[{"index":7,"indey":7,"inde9":7}]}`:   `{"choices":[{"index":7,"indez":1,"inde0":1}]}`,
		`{"index":7,"content":"b","choices":{"index":7}}`: `{"ixxxx":1,"cxxxxxx":"x","choices":{"xxxxx":1}}`,
		`[{"model":"a"}]`:                                 `[{"xxxxx":"x"}]`,
		`{"usage":{"prompt_tokens":12,"x":{"prompt_tokens":12}},"model":["a"]} {"model":"b"}`: `{"usage":{"prompt_tokens":12,"x":{"xxxxxx.xxxxxx":11}},"model":["x"]} {"model":"b"}`,
	} {
		if got := string(maskJSON(chat, []byte(in))); got != want {
			t.Errorf("%s\ngot  %s\nwant %s", in, got, want)
		}
	}
	for in, want := range map[string]string{
		`[[["add\n","x"]]]`:   `[[["add\n","x"]]]`,
		`[[["a\ndd","yes"]]]`: `[[["a\nxx","xxx"]]]`,
	} {
		if got := string(maskJSON(feed, []byte(in))); got != want {
			t.Errorf("%s\ngot  %s\nwant %s", in, got, want)
		}
	}
}

// TestNumbers: digits become digits, and what is no number of RFC 8259 but of
// Python stays.
func TestNumbers(t *testing.T) {
	for in, want := range map[string]string{
		`[0,-12.5e+30,0.07,-Infinity,NaN,Infinity,-0]`: `[1,-11.1e+00,1.11,-Infinity,NaN,Infinity,-1]`,
		`{"a":-Inf}`:   `{"x":-Inf.`,
		`[-1Infinity]`: `[-1Xxxxxxxx.`,
	} {
		if got := string(maskJSON(nil, []byte(in))); got != want {
			t.Errorf("%s\ngot  %s\nwant %s", in, got, want)
		}
	}
}
