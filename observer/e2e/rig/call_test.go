// SPDX-License-Identifier: Apache-2.0

package rig

import (
	"bufio"
	"io"
	"slices"
	"strings"
	"testing"
)

// TestReadEvents: which events of the OpenAI APIs carry text, and that OnData
// has them all.
func TestReadEvents(t *testing.T) {
	events := []struct {
		data string
		text bool
	}{
		{`{"choices":[{"delta":{"role":"assistant","content":null}}]}`, false},
		{`{"choices":[{"delta":{"content":"x"}}]}`, true},
		{`{"choices":[{"delta":{}}],"usage":{"completion_tokens":1}}`, false},
		{`{"choices":[{"text":"x"}]}`, true},
		{`{"choices":[{"text":""}]}`, false},
		{`{"type":"response.created","response":{}}`, false},
		{`{"type":"response.output_text.delta","delta":"x"}`, true},
		{`{"type":"response.output_text.delta","delta":""}`, false},
		{`{"type":"message_delta","delta":{"stop_reason":"end_turn"}}`, false},
		{`[DONE]`, false},
	}
	var stream strings.Builder
	var want []string
	tokens := 0
	for _, e := range events {
		stream.WriteString(": ping\n\nevent: e\ndata: " + e.data + "\n\n")
		want = append(want, e.data)
		if e.text {
			tokens++
		}
	}
	var got []string
	err := readEvents(bufio.NewReader(strings.NewReader(stream.String())),
		func(data []byte) { got = append(got, string(data)) },
		func() error { tokens--; return nil })
	if err != nil || tokens != 0 || !slices.Equal(got, want) {
		t.Errorf("%v, %d tokens too few, events %q; want %q", err, tokens, got, want)
	}
}

// TestReadPieces: words are counted however the text is cut.
func TestReadPieces(t *testing.T) {
	const text = "the  quick brown fox"
	for cut := range len(text) {
		words := 0
		r := bufio.NewReader(io.MultiReader(strings.NewReader(text[:cut]), strings.NewReader(text[cut:])))
		if err := readPieces(r, func() error { words++; return nil }); err != nil || words != 4 {
			t.Errorf("cut at %d: %d words, %v", cut, words, err)
		}
	}
}
